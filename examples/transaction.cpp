// All or nothing: moves an amount from one account to another, once with success and once without.
//   DATABASE_URI=mysql://user:password@host/database transaction
// Needs the table: CREATE TABLE account (name VARCHAR(20) PRIMARY KEY, amount INT UNSIGNED NOT NULL)
// and the row: INSERT INTO account VALUES ('Asuka', 100)

#include <cenote/actor_system_config.hpp>
#include <cenote/configuration.hpp>
#include <cenote/error.hpp>
#include <cenote/pool.hpp>
#include <cenote/scoped_pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <exception>
#include <iostream>
#include <vector>

using namespace cenote;

transaction transfer(uint32_t amount) {
  return all_or_nothing(
      write("INSERT INTO account VALUES ('Rei', ?) ON DUPLICATE KEY UPDATE amount = amount + ?", amount, amount),
      write("UPDATE account SET amount = amount - ? WHERE name = 'Asuka'", amount),
      read("SELECT amount FROM account WHERE name = 'Asuka'"));
}

bool moved(const std::vector<result>& results) {
  if (results.back().empty()) {
    std::cerr << "there is no row 'Asuka': see the top of this example\n";
    return false;
  }
  std::cout << "moved; Asuka has " << results.back()[0].text(0) << " left\n";
  return true;
}

// The column is unsigned: the server refuses to take more than there is, and the first statement is undone.
bool is_refusal(const failure& reason) {
  return reason.code == errc::server_error && reason.statement_index == 1u;
}

int main() try {
  auto settings = load_settings({}); // DATABASE_URI, and further settings from file and environment
  init();
  cenote::actor_system_config cfg;
  caf::actor_system sys{cfg};
  // A pool that ends with its scope, and a retrier before it, which repeats the whole transaction after a deadlock. If
  // the answer to its COMMIT is lost, it does not: `unknown`.
  scoped_pool pool{sys, settings};
  caf::scoped_actor self{sys};
  auto report = [](const caf::error& error) { std::cerr << "nothing was moved: " << describe(error) << '\n'; };
  auto connected = false;
  // The retrier would wait for a server that is down; an example should not.
  self->request(pool.pool(), caf::infinite, verify_atom_v)
      .receive([&](const verification&) { connected = true; }, report);
  auto first_moved = false;
  if (connected)
    self->request(pool.handle(), caf::infinite, transact_atom_v, transfer(30))
        .receive([&](const std::vector<result>& all) { first_moved = moved(all); }, report);
  auto code = 1;
  if (first_moved)
    self->request(pool.handle(), caf::infinite, transact_atom_v, transfer(1000))
        .receive([&](const std::vector<result>& all) { code = moved(all) ? 0 : 1; },
                 [&](const caf::error& error) {
                   auto reason = details(error);
                   if (!is_refusal(reason))
                     return report(error);
                   std::cout << "nothing was moved: statement " << *reason.statement_index << " failed with "
                             << reason.number << ", " << to_string(reason.outcome) << '\n';
                   code = 0;
                 });
  return code;
} catch (const std::exception& err) { // configuration_error
  std::cerr << err.what() << '\n';
  return 1;
}

// All or nothing: moves an amount from one account to another, once with success and once without.
//   DATABASE_URI=mysql://user:password@host/database transaction
// Needs the table: CREATE TABLE account (name VARCHAR(20) PRIMARY KEY, amount INT UNSIGNED NOT NULL)
// and the row: INSERT INTO account VALUES ('Asuka', 100)

#include <cenote/configuration.hpp>
#include <cenote/error.hpp>
#include <cenote/pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>

#include <cstdlib>
#include <iostream>

using namespace cenote;

transaction transfer(uint32_t amount) {
  return all_or_nothing(
      write("INSERT INTO account VALUES ('Rei', ?) ON DUPLICATE KEY UPDATE amount = amount + ?", amount, amount),
      write("UPDATE account SET amount = amount - ? WHERE name = 'Asuka'", amount),
      read("SELECT amount FROM account WHERE name = 'Asuka'"));
}

int main() {
  auto uri = std::getenv("DATABASE_URI");
  if (uri == nullptr) {
    std::cerr << "set DATABASE_URI=mysql://user:password@host/database\n";
    return 1;
  }
  cenote::init();
  caf::actor_system_config cfg;
  cfg.load<caf::io::middleman>();
  caf::actor_system sys{cfg};
  auto pool = spawn_pool(sys, parse_uri(uri));
  // Repeats the whole transaction after a deadlock. If the answer to its COMMIT is lost, it does not: `unknown`.
  auto retrier = spawn_retrier(sys, pool);
  sys.spawn([=](caf::event_based_actor* self) {
    auto failed = [](const caf::error& why) {
      auto x = details(why);
      std::cout << "nothing was moved";
      if (x.statement_index)
        std::cout << ": statement " << *x.statement_index << " failed with " << x.number;
      std::cout << ", " << to_string(x.what) << '\n';
    };
    auto moved = [](const std::vector<result>& all) {
      if (all.back().empty())
        std::cout << "there is no row 'Asuka': see the top of this example\n";
      else
        std::cout << "moved; Asuka has " << all.back()[0].get<int>("amount") << " left\n";
    };
    auto end = [self, pool] { self->send_exit(pool, caf::exit_reason::user_shutdown); };
    self->request(retrier, caf::infinite, transact_atom_v, transfer(30))
        .then(
            [=](const std::vector<result>& all) {
              moved(all);
              // More than there is: the column is unsigned, and the first statement is undone.
              self->request(retrier, caf::infinite, transact_atom_v, transfer(1000))
                  .then(
                      [=](const std::vector<result>& more) {
                        moved(more);
                        end();
                      },
                      [=](const caf::error& why) {
                        failed(why);
                        end();
                      });
            },
            [=](const caf::error& why) {
              failed(why);
              end();
            });
  });
}

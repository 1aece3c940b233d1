// The shortest program that asks a database something:
//   DATABASE_URI=mysql://user:password@host/database first_query
// Needs the table: CREATE TABLE manga (id INT PRIMARY KEY, title VARCHAR(200), chapters INT)

#include <cenote/actor_system_config.hpp>
#include <cenote/configuration.hpp>
#include <cenote/error.hpp>
#include <cenote/pool.hpp>
#include <cenote/scoped_pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <exception>
#include <iostream>

using namespace std::chrono_literals;

int main() try {
  auto settings = cenote::load_settings({}); // DATABASE_URI, and further settings from file and environment
  cenote::init();
  cenote::actor_system_config cfg;
  caf::actor_system sys{cfg};
  cenote::scoped_pool pool{sys, settings.server, settings.pool}; // ends with its scope, however that is left
  caf::scoped_actor self{sys}; // main is no actor, so it may wait; an actor would say .then() instead of .receive()
  auto code = 1;
  self->request(pool.handle(), 60s, cenote::execute_atom_v,
                cenote::read("SELECT title, chapters FROM manga WHERE id = ?", 42))
      .receive(
          [&code](const cenote::result& rows) {
            for (auto row : rows)
              std::cout << row.get<std::string>("title") << ": " << row.get<int>("chapters") << " chapters\n";
            code = 0;
          },
          [](const caf::error& error) { std::cerr << cenote::describe(error) << '\n'; });
  return code;
} catch (const std::exception& err) { // configuration_error; result_error: NULL, or no number
  std::cerr << err.what() << '\n';
  return 1;
}

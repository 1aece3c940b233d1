// The shortest program that asks a database something:
//   DATABASE_URI=mysql://user:password@host/database first_query
// Needs the table: CREATE TABLE manga (id INT PRIMARY KEY, title VARCHAR(200), chapters INT)

#include <cenote/configuration.hpp>
#include <cenote/error.hpp>
#include <cenote/pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <exception>
#include <iostream>

using namespace std::chrono_literals;

int main() try {
  auto how = cenote::load_settings({}); // DATABASE_URI, and further settings from file and environment
  cenote::init();
  caf::actor_system_config cfg;
  cfg.load<caf::io::middleman>();
  caf::actor_system sys{cfg};
  auto pool = cenote::spawn_pool(sys, how.server, how.pool);
  auto code = 1;
  sys.spawn([pool, &code](caf::event_based_actor* self) {
    // However this actor ends, the pool ends with it: nothing else would end the actor system.
    self->attach_functor([pool] { caf::anon_send_exit(pool, caf::exit_reason::user_shutdown); });
    self->request(pool, 60s, cenote::execute_atom_v, cenote::read("SELECT title, chapters FROM manga WHERE id = ?", 42))
        .then(
            [&code](const cenote::result& rows) {
              try {
                for (auto row : rows)
                  std::cout << row.get<std::string>("title") << ": " << row.get<int>("chapters") << " chapters\n";
                code = 0;
              } catch (const std::exception& err) { // result_error: NULL, or no number
                std::cerr << err.what() << '\n';
              }
            },
            [](const caf::error& why) { std::cerr << cenote::describe(why) << '\n'; });
  });
  sys.await_all_actors_done();
  return code;
} catch (const std::exception& err) { // configuration_error
  std::cerr << err.what() << '\n';
  return 1;
}

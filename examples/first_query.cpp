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

#include <cstdlib>
#include <iostream>

using namespace std::chrono_literals;

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
  auto pool = cenote::spawn_pool(sys, cenote::parse_uri(uri));
  sys.spawn([pool](caf::event_based_actor* self) {
    self->request(pool, 60s, cenote::execute_atom_v, cenote::read("SELECT title, chapters FROM manga WHERE id = ?", 42))
        .then(
            [=](const cenote::result& rows) {
              for (auto row : rows)
                std::cout << row.get<std::string>("title") << ": " << row.get<int>("chapters") << " chapters\n";
              self->send_exit(pool, caf::exit_reason::user_shutdown);
            },
            [=](const caf::error& why) {
              std::cerr << cenote::describe(why) << '\n';
              self->send_exit(pool, caf::exit_reason::user_shutdown);
            });
  });
}

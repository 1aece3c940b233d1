// Whether the library's lines come to the application's logger: `logger register` or `logger set`.

#include "own_logger.hpp"

#include <cenote/configuration.hpp>
#include <cenote/logger.hpp>
#include <cenote/pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <iostream>
#include <sstream>
#include <string>

namespace {

/// Lets the library write a line: there is no server at this address.
void fail_to_connect() {
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  caf::actor_system sys{config};
  auto pool = cenote::spawn_pool(sys, cenote::parse_uri("mysql://user:password@127.0.0.1:1/bato?connect_timeout=2"));
  caf::scoped_actor self{sys};
  self->request(pool, caf::infinite, cenote::verify_atom_v)
      .receive([](const cenote::verification&) {}, [](const caf::error&) {});
  self->request(pool, caf::infinite, cenote::drain_atom_v, caf::timespan{0})
      .receive([](const cenote::drain_report&) {}, [](const caf::error&) {});
}

} // namespace

int main(int argc, char** argv) {
  std::string how = argc == 2 ? argv[1] : "";
  std::ostringstream lines;
  cenote::init();
  auto logger = make_logger(lines);
  if (how == "register")
    register_by_name(logger);
  else if (how == "set")
    cenote::set_logger(logger);
  fail_to_connect();
  cenote::set_logger(nullptr);
  if (lines.str().find("own warning: pool main: cannot connect") != std::string::npos)
    return 0;
  std::cerr << argv[0] << ' ' << how << ": the application's logger got only: " << lines.str() << '\n';
  return 1;
}

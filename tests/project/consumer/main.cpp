// Uses every part of the installed library. There is no server: the pool has to say so.

#include <cenote/configuration.hpp>
#include <cenote/error.hpp>
#include <cenote/pool.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <iostream>
#include <optional>

namespace {

/// A port on which nobody listens: reserved, and never handed out.
constexpr auto nowhere = "mysql://user:password@127.0.0.1:1/bato?connect_timeout=2";

std::optional<cenote::failure> ask(caf::actor_system& sys, const cenote::pool_actor& pool) {
  std::optional<cenote::failure> out;
  caf::scoped_actor self{sys};
  self->request(pool, caf::infinite, cenote::verify_atom_v)
      .receive([](const cenote::verification&) {}, [&](const caf::error& err) { out = cenote::details(err); });
  self->request(pool, caf::infinite, cenote::drain_atom_v, caf::timespan{0})
      .receive([](const cenote::drain_report&) {}, [](const caf::error&) {});
  return out;
}

} // namespace

int main() {
  cenote::init();
  auto server = cenote::parse_uri(nowhere);
  auto statement = cenote::read("SELECT title FROM manga WHERE id = ?", 7);
  std::cout << server.endpoint() << ", " << statement.params.size() << " parameter, " << cenote::setting_table().size()
            << " settings\n";
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  caf::actor_system sys{config};
  auto failure = ask(sys, cenote::spawn_pool(sys, server));
  if (!failure) {
    std::cerr << "the pool reached a server where there is none\n";
    return 1;
  }
  std::cout << to_string(*failure) << '\n';
  return failure->code == cenote::errc::connect_failed ? 0 : 1;
}

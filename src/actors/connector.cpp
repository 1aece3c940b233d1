#include "actors/connector.hpp"

#include "actors/connection.hpp"
#include "actors/judgement.hpp"
#include "actors/log.hpp"
#include "db/connection.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

namespace cenote {

connector::connector(caf::actor_system& sys, server_settings server, std::vector<lane_ptr> lanes)
    : sys_{sys}, server_{std::make_shared<const server_settings>(std::move(server))}, lanes_{std::move(lanes)} {
  // nop
}

void connector::open(connection_id id, const supervisor_actor& pool) {
  auto where = lanes_[next_lane_++ % lanes_.size()];
  sys_.spawn<caf::detached>([id, pool, where, server = server_](caf::event_based_actor* self) {
    auto session = db::connection::open(*server);
    if (!session) {
      self->send(pool, open_failed_atom_v, id, to_failure(session.error(), *server));
      return;
    }
    opened result;
    result.server_connection_id = session->server_id();
    result.server_version = session->server_version();
    result.connection = spawn_connection(self->system(), where, {id, pool, server}, std::move(*session));
    self->send(pool, opened_atom_v, id, std::move(result));
  });
}

std::string connector::endpoint() const {
  return server_->endpoint();
}

void end_server_session(caf::actor_system& sys, std::shared_ptr<const server_settings> server, uint64_t id) {
  sys.spawn<caf::detached>([server = std::move(server), id](caf::event_based_actor*) {
    if (auto done = db::connection::kill(*server, id); !done)
      log().warn("could not end session {} on {}: {}", id, server->endpoint(), done.error().text);
  });
}

} // namespace cenote

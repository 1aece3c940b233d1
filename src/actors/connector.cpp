#include "actors/connector.hpp"

#include "actors/connection.hpp"
#include "actors/controller.hpp"
#include "actors/judgement.hpp"
#include "db/connection.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace cenote {

namespace {

failure not_the_primary(const server_settings& where) {
  failure result;
  result.code = errc::read_only_server;
  result.what = outcome::unavailable;
  result.text = where.endpoint() + ": the server is read-only, and the pool looks for the primary";
  return result;
}

} // namespace

connector::connector(caf::actor_system& sys, const server_settings& server, std::vector<lane_ptr> lanes)
    : sys_{sys}, endpoint_{server.endpoint()}, lanes_{std::move(lanes)} {
  for (size_t i = 0; i < server.servers(); ++i) {
    auto one = std::make_shared<const server_settings>(server.server(i));
    targets_.push_back({one, spawn_controller(sys, one)});
  }
}

connector::~connector() {
  for (auto& x : targets_)
    caf::anon_send_exit(x.controller, caf::exit_reason::user_shutdown);
}

void connector::open(connection_id id, size_t server, const supervisor_actor& pool) {
  auto where = *std::ranges::min_element(lanes_, {}, &lane_ptr::use_count); // Each connection holds its lane.
  auto needs_primary = targets_.size() > 1;
  sys_.spawn<caf::detached>([id, pool, where, needs_primary, to = targets_.at(server)](caf::event_based_actor* self) {
    auto session = db::connection::open(*to.server);
    if (!session || (needs_primary && session->is_read_only())) {
      auto why = session ? not_the_primary(*to.server) : to_failure(session.error(), *to.server);
      self->send(pool, open_failed_atom_v, id, std::move(why));
      return;
    }
    opened result;
    result.server_connection_id = session->server_id();
    result.server_version = session->server_version();
    result.connection =
        spawn_connection(self->system(), where, {id, pool, to.controller, to.server}, std::move(*session));
    self->send(pool, opened_atom_v, id, std::move(result));
  });
}

std::string connector::endpoint() const {
  return endpoint_;
}

} // namespace cenote

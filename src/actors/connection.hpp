#pragma once

#include "actors/lane.hpp"
#include "actors/socket_watch.hpp"
#include "cenote/actors.hpp"
#include "cenote/settings.hpp"
#include "db/connection.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace cenote {

/// What a connection actor has to know beside its session.
struct connection_context {
  connection_id id{};
  supervisor_actor pool;                         ///< Whom it reports to; it ends with it.
  controller_actor controller;                   ///< Stops what has to be cut.
  std::shared_ptr<const server_settings> server; ///< That one server.
};

/// Starts the actor that owns `session`, on a lane. May be called from any thread.
/// @param socket a valid duplicate of the session's.
connection_actor spawn_connection(caf::actor_system& sys, lane_ptr where, connection_context context,
                                  db::connection session, descriptor socket);

} // namespace cenote

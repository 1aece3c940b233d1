#pragma once

#include "actors/messages.hpp"
#include "cenote/settings.hpp"
#include "db/connection.hpp"
#include "metrics/operation_metrics.hpp"
#include "runtime/io_thread.hpp"
#include "runtime/socket_watch.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace cenote {

/// The data that a connection actor needs in addition to its session.
struct connection_context {
  connection_id id{};
  internal_pool_actor pool;                      ///< The receiver of its reports; it ends with it.
  canceller_actor canceller;                     ///< Stops its statements on the server.
  std::shared_ptr<const server_settings> server; ///< That one server.
  metrics::operation_metrics_ptr measured;
};

/// Starts the actor that owns `session`, on an I/O thread. May be called from any thread.
/// @param socket a valid duplicate of the session's.
connection_actor spawn_connection(caf::actor_system& sys, io_thread_ptr thread, connection_context context,
                                  db::connection session, descriptor socket);

} // namespace cenote

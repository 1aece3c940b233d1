#pragma once

#include "actors/messages.hpp"
#include "cenote/settings.hpp"
#include "db/connection.hpp"
#include "metrics/operation_metrics.hpp"
#include "metrics/statement_statistics.hpp"
#include "runtime/io_thread.hpp"
#include "runtime/socket_watch.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace cenote {

/// What a connection actor has to know beside its session.
struct connection_context {
  connection_id id{};
  internal_pool_actor pool;                      ///< Whom it reports to; it ends with it.
  canceller_actor canceller;                     ///< Stops what has to be cut.
  std::shared_ptr<const server_settings> server; ///< That one server.
  std::shared_ptr<metrics::operation_metrics> measured;
  std::shared_ptr<metrics::statement_statistics> statements;
};

/// Starts the actor that owns `session`, on an I/O thread. May be called from any thread.
/// @param socket a valid duplicate of the session's.
connection_actor spawn_connection(caf::actor_system& sys, io_thread_ptr where, connection_context context,
                                  db::connection session, descriptor socket);

} // namespace cenote

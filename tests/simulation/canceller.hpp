#pragma once

#include "pool/orphaned_sessions.hpp"
#include "simulation/world.hpp"

#include <functional>

namespace cenote::simulation {

enum class stop_result : uint8_t {
  confirmed,  ///< By the server.
  not_made,   ///< The server is not told.
  unanswered, ///< The server may have been told, or will be.
};

/// Stops statements and ends sessions on the server, over a connection of its own. The server cannot always be reached.
class canceller {
public:
  explicit canceller(world& world) : world_{world}, random_{world.run_plan.seed, 4} {
    // nop
  }

  /// Has the server stop the session's statement.
  void stop(server_session_id session, size_t endpoint, std::function<void(stop_result)> then);

  /// Ends a session, as soon as the server can be reached.
  void end(server_session_id session, size_t endpoint);

private:
  void next();
  bool reaches(size_t endpoint);

  world& world_;
  dice random_;
  pool::orphaned_sessions orphans_;
  time_point armed_for_ = time_point::max();
};

} // namespace cenote::simulation

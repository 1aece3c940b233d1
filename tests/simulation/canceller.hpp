#pragma once

#include "pool/orphaned_sessions.hpp"
#include "simulation/world.hpp"

#include <functional>

namespace cenote::simulation {

/// Stops statements and ends sessions on the server, over a connection of its own. The server cannot always be reached.
class canceller {
public:
  explicit canceller(world& world) : world_{world}, random_{world.run_plan.seed, 4} {
    // nop
  }

  /// @param then is told whether the server has stopped the session's statement.
  void stop(server_session_id session, size_t endpoint, std::function<void(bool)> then);

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

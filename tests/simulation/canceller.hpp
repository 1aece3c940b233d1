#pragma once

#include "pool/orphaned_sessions.hpp"
#include "simulation/world.hpp"

#include <functional>

namespace cenote::simulation {

/// What stops statements and ends sessions at the server, on a way of its own. The server cannot always be reached.
class canceller {
public:
  explicit canceller(world& all) : all_{all}, random_{all.how.seed, 4} {
    // nop
  }

  /// @param then is told whether the server has stopped what the session runs.
  void stop(server_session_id what, size_t endpoint, std::function<void(bool)> then);

  /// Ends a session, as soon as the server can be reached.
  void end(server_session_id what, size_t endpoint);

private:
  void next();
  bool reaches(size_t endpoint);

  world& all_;
  dice random_;
  pool::orphaned_sessions orphans_;
  time_point armed_for_ = time_point::max();
};

} // namespace cenote::simulation

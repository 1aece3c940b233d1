#pragma once

#include "cenote/failure.hpp"
#include "cenote/settings.hpp"
#include "pool/request.hpp"

#include <cstddef>
#include <string>

namespace cenote::pool {

/// The state of the pool that a refusal describes to the caller.
struct circumstances {
  size_t in_use = 0;
  size_t open = 0;
  size_t waiting = 0; ///< Callers in the queue.
  duration waited{0};
  std::string last_connect_error; ///< Empty if connects succeed.
  bool paused = false;
};

/// @name Refusals
/// The errors of the pool itself. Their texts name the pool and its numbers and say what to change.
/// @{
failure acquire_timeout(const pool_settings& rules, const circumstances& now);
/// The deadline of the request had passed when it arrived.
failure time_has_passed(const pool_settings& rules, const circumstances& now);
failure overloaded(const pool_settings& rules, const circumstances& now);
failure queue_full(const pool_settings& rules, const circumstances& now);
failure shutting_down(const pool_settings& rules, const circumstances& now);

/// @param cause why the last connect failed.
/// @param retry_after the time until the next one; zero if one is under way.
failure no_connection(const pool_settings& rules, const circumstances& now, const failure& cause, bool breaker_is_open,
                      duration retry_after);

/// Why the pool no longer connects to a server that has become read-only.
failure demoted(const std::string& reason);
failure never_sent(const pool_settings& rules, const circumstances& now, uint32_t attempts, const std::string& reason);
/// @}

/// `30.0 s`, `250 ms`, `12 us`.
std::string to_text(duration span);

} // namespace cenote::pool

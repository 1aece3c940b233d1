#pragma once

#include "cenote/failure.hpp"
#include "cenote/settings.hpp"
#include "pool/request.hpp"

#include <cstddef>
#include <string>

namespace cenote::pool {

/// What a refusal tells the caller about the pool.
struct circumstances {
  size_t in_use = 0;
  size_t open = 0;
  size_t waiting = 0; ///< Callers in the queue.
  duration waited{0};
  std::string last_connect_error; ///< Empty if connects succeed.
  bool paused = false;
};

/// @name Refusals
/// The errors that the pool itself makes. Their texts name the pool and its numbers and say what to change.
/// @{
failure acquire_timeout(const pool_settings& rules, const circumstances& now);
/// The request had no time left when it came.
failure time_has_passed(const pool_settings& rules, const circumstances& now);
failure overloaded(const pool_settings& rules, const circumstances& now);
failure queue_full(const pool_settings& rules, const circumstances& now);
failure shutting_down(const pool_settings& rules, const circumstances& now);

/// @param cause why the last connect failed.
/// @param retry_after until the next one; zero if one is under way.
failure no_connection(const pool_settings& rules, const circumstances& now, const failure& cause, bool breaker_is_open,
                      duration retry_after);

/// Why a server that has become read-only is not connected to any more.
failure demoted(const std::string& reason);
failure never_sent(const pool_settings& rules, const circumstances& now, uint32_t attempts, const std::string& reason);
/// @}

/// `30.0 s`, `250 ms`, `12 us`.
std::string to_text(duration x);

} // namespace cenote::pool

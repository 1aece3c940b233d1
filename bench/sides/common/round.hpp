#pragma once

#include "caller.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace cenote::bench {

/// The figures that a side prints at the end of a round.
struct figures {
  size_t operations = 0;
  double seconds = 0;
  double p50_us = 0; ///< Latency: half of the operations took no longer.
  double p99_us = 0; ///< Latency: 99 % took no longer.
  double cpu_ms = 0; ///< CPU time of this process, user and system.

  /// In `recovery` alone: the Unix time of the first answer after the longest time without any.
  std::optional<double> resumed_at;
  size_t errors = 0;
};

/// Runs callers through one round; prints `ready` when measuring begins.
/// @param run must start the callers, call its second argument once all are on their way, and return when all have
/// stopped.
/// @throws std::runtime_error if an answer was wrong or missing.
figures measure(const options& opts, size_t callers,
                const std::function<void(std::vector<caller>&, const std::function<void()>&)>& run);

} // namespace cenote::bench

#pragma once

#include "jobs/rate_limit.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>

namespace cenote::jobs {

/// What limits some jobs, and what of it is used up.
struct limit_in_force {
  uint32_t max_running = 0; ///< Zero: no limit.
  uint64_t running = 0;     ///< On all nodes.
  double per_second = 0;    ///< Zero: no limit.
  int64_t next_at = 0;      ///< See `limit_rate`.
};

/// How many jobs may be taken.
struct allowance {
  uint32_t count = 0;
  std::chrono::microseconds wait{0}; ///< If none: when to ask again at the earliest; zero: when some have ended.
};

/// @param now the server's clock, in microseconds.
inline allowance allowance_of(const limit_in_force& limit, int64_t now, uint32_t wanted) {
  allowance out{wanted, {}};
  if (limit.max_running > 0)
    out.count = static_cast<uint32_t>(
        std::min<uint64_t>(wanted, limit.running < limit.max_running ? limit.max_running - limit.running : 0));
  if (limit.per_second > 0 && out.count > 0) {
    auto decision = limit_rate(limit.next_at, now, limit.per_second, out.count);
    out.count = decision.granted;
    if (decision.granted == 0)
      out.wait = decision.wait;
  }
  return out;
}

/// Of a rate: the time between two jobs in microseconds, at least 1.
inline int64_t interval_of(double per_second) {
  return static_cast<int64_t>(std::ceil(1e6 / std::clamp(per_second, 1e-6, 1e6)));
}

} // namespace cenote::jobs

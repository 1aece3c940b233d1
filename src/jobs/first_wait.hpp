#pragma once

#include "cenote/jobs/job.hpp"

#include <algorithm>
#include <chrono>

namespace cenote::jobs {

/// How long a new job has to wait, as far as a node's clock can tell: the server's decides, and a look tells better.
inline std::chrono::nanoseconds wait_of(const job& work, std::chrono::system_clock::time_point now) {
  using std::chrono::nanoseconds;
  constexpr nanoseconds longest{std::chrono::hours{24 * 365}};
  auto wait = std::min(work.delay, longest);
  if (work.run_at) {
    auto ahead = *work.run_at - std::min(*work.run_at, now);
    wait = std::max(wait, std::min<nanoseconds>(ahead, longest));
  }
  return wait;
}

} // namespace cenote::jobs

#include "jobs/backoff.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::jobs {

std::chrono::nanoseconds pause_after(uint32_t attempt, const job_backoff& pauses, double random) {
  assert(attempt >= 1 && random >= 0 && random < 1);
  using std::chrono::nanoseconds;
  // Ranges are checked before a job is stored; a row that somebody changed by hand must not stop the queue.
  auto longest = std::clamp<nanoseconds>(pauses.longest, std::chrono::milliseconds{1}, std::chrono::hours{24 * 365});
  auto pause = std::clamp<nanoseconds>(pauses.first, std::chrono::milliseconds{1}, longest);
  for (uint32_t i = 1; i < attempt && pause < longest; ++i)
    pause = pause > longest / 2 ? longest : pause * 2;
  auto shortest = pause - pause / 4;
  auto spread = std::min(pause + pause / 4, longest) - shortest;
  auto jitter = static_cast<nanoseconds::rep>(static_cast<double>(spread.count()) * random);
  return std::min(shortest + nanoseconds{jitter}, longest);
}

} // namespace cenote::jobs

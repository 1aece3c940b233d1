#include "jobs/rate_limit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cenote::jobs {

namespace {

constexpr double min_rate = 0.000001;
constexpr double max_rate = 1e6;

/// Twice the longest burst, 11.6 days for each job: times that far from the ends of the type's range are cut off.
constexpr int64_t margin = 2 * rate_burst * int64_t{1'000'000'000'000};

int64_t within_margin(int64_t time) {
  using limits = std::numeric_limits<int64_t>;
  return std::clamp(time, limits::min() + margin, limits::max() - margin);
}

} // namespace

rate_decision limit_rate(int64_t stored, int64_t now, double per_second, uint32_t wanted) {
  if (std::isnan(per_second) || per_second <= 0)
    return {wanted, stored, {}};
  now = within_margin(now);
  // The quotient may be a little more than the whole number that is meant.
  auto exact = 1e6 / std::clamp(per_second, min_rate, max_rate);
  auto interval = static_cast<int64_t>(std::ceil(exact - exact * 1e-12));
  auto burst = interval * rate_burst;
  // More than a burst ahead: the clock was set back, or the rate was lower. One may begin, and that is forgotten.
  auto planned = stored > now + burst ? now + burst - interval : std::max(stored, now);
  auto free = (now + burst - planned) / interval;
  auto granted = std::min<int64_t>(free, wanted);
  planned += granted * interval;
  auto wait = std::max<int64_t>(planned + interval - (now + burst), 0);
  return {static_cast<uint32_t>(granted), planned, std::chrono::microseconds{wait}};
}

} // namespace cenote::jobs

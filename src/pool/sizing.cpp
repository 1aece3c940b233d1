#include "pool/sizing.hpp"

#include "pool/backoff.hpp"

#include <algorithm>

namespace cenote::pool {

namespace {

size_t minus(size_t x, size_t y) {
  return x > y ? x - y : 0;
}

} // namespace

size_t connects_wanted(const pool_settings& rules, const head_count& now, size_t failures) {
  auto missing = minus(rules.size, now.total);
  auto unserved = minus(now.waiting, now.opening + now.about_free);
  auto room = minus(rules.size + rules.max_overflow, now.total);
  auto at_a_time = failures == 0 ? rules.max_connecting : 1;
  return std::min(std::max(missing, std::min(unserved, room)), minus(at_a_time, now.opening));
}

duration reconnect_delay(const pool_settings& rules, size_t failures, double random) {
  auto full = exponential_delay(rules.reconnect_delay, rules.max_reconnect_delay, failures);
  return std::chrono::duration_cast<duration>(full * (1.0 - 0.5 * random));
}

duration lifetime(const pool_settings& rules, double random) {
  if (rules.recycle == duration::zero())
    return duration::max();
  return std::chrono::duration_cast<duration>(rules.recycle * (1.0 - 0.1 * random));
}

} // namespace cenote::pool

#include "pool/sizing.hpp"

#include <algorithm>

namespace cenote::pool {

namespace {

size_t minus(size_t x, size_t y) {
  return x > y ? x - y : 0;
}

} // namespace

size_t connects_wanted(const pool_settings& rules, const head_count& now, size_t kept, size_t limit) {
  auto missing = minus(kept, now.total);
  auto unserved = minus(now.needy, now.opening + now.about_free);
  auto room = minus(limit, now.total);
  return std::min({std::max(missing, unserved), room, minus(rules.max_connecting, now.opening)});
}

duration lifetime(const pool_settings& rules, double random) {
  if (rules.recycle == duration::zero())
    return duration::max();
  return rules.recycle - std::chrono::duration_cast<duration>(rules.recycle / 10 * random);
}

} // namespace cenote::pool

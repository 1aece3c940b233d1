#pragma once

#include "pool/request.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

/// How often connections are replaced only because they are suspect. If new ones fail as well, the statements are at
/// fault, and the pool must not connect anew for each of them: the gaps grow.
class replacement_pace {
public:
  static constexpr duration min_gap = std::chrono::seconds{1};
  static constexpr duration max_gap = std::chrono::minutes{10};

  /// Whether one may be replaced now. If so, the next one has to wait for twice as long as this one did.
  bool take(time_point now) {
    if (now < next_)
      return false;
    // After a long time without replacements, a new case is unrelated to the last one.
    gap_ = now - next_ > 2 * gap_ ? min_gap : std::min(2 * gap_, max_gap);
    assert(gap_ >= min_gap && gap_ <= max_gap);
    next_ = now + gap_;
    return true;
  }

private:
  duration gap_ = duration::zero();
  time_point next_{}; ///< The beginning of time may be too far away to subtract from.
};

} // namespace cenote::pool

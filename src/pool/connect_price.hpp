#pragma once

#include "pool/request.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

namespace cenote::pool {

/// What a connect usually takes. Whoever waits for a connection does so for as long at first: until then one in use may
/// come free, and only after that is a further one worth its price. So short waits open nothing, however often they
/// happen, and nobody waits for more than twice of what was necessary.
class connect_price {
public:
  /// One has taken so long.
  void add(duration x) {
    assert(x >= duration::zero());
    x = std::min(x, highest);
    usual_ = usual_ ? *usual_ + (x - *usual_) / 8 : x;
  }

  /// Zero while nobody knows.
  duration usual() const { return usual_.value_or(duration::zero()); }

private:
  /// A connect that hangs says nothing about others.
  static constexpr duration highest = std::chrono::milliseconds{100};

  std::optional<duration> usual_;
};

} // namespace cenote::pool

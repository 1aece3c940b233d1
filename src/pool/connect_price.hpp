#pragma once

#include "pool/request.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

namespace cenote::pool {

/// How long a connect usually takes. A request that waits for a connection first waits for that long: until then one in
/// use may become free, and only after that is a further one worth its price. So short waits open no connections,
/// however often they happen, and no request waits for more than twice as long as necessary.
class connect_price {
public:
  /// A connect has taken this long.
  void add(duration span) {
    assert(span >= duration::zero());
    span = std::min(span, highest);
    usual_ = usual_ ? *usual_ + (span - *usual_) / 8 : span;
  }

  /// Zero while it is unknown.
  duration usual() const { return usual_.value_or(duration::zero()); }

private:
  /// A connect that hangs says nothing about others.
  static constexpr duration highest = std::chrono::milliseconds{100};

  std::optional<duration> usual_;
};

} // namespace cenote::pool

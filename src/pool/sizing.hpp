#pragma once

#include "cenote/settings.hpp"
#include "pool/request.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace cenote::pool {

/// How many connections and callers there are at the moment.
struct head_count {
  size_t total = 0;      ///< Connections of any kind, those being opened or closed included.
  size_t opening = 0;    ///< Being opened.
  size_t about_free = 0; ///< Being pinged: free in a moment.
  size_t needy = 0;      ///< Callers that wait, in the queue or behind others on a connection, for a connect to pay.
};

/// How many further connects to start now: as many as are kept open in any case; beyond that only as many as callers
/// wait that nothing else will serve; never more than `max_connecting` at a time.
/// @param kept how many are to be there in any case.
/// @param limit the most connections there may be.
size_t connects_wanted(const pool_settings& rules, const head_count& now, size_t kept, size_t limit);

/// What a connect usually takes. Whoever waits for a connection does so for as long at first: until then one in use may
/// come free, and only after that is a further one worth its price. So short waits open nothing, however often they
/// happen, and nobody waits for more than twice of what was necessary.
class connect_price {
public:
  /// One has taken so long.
  void add(duration x) {
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

/// How long a connection is used before it is replaced: `recycle`, less up to 10 %. `duration::max()` if it is never.
/// @param random from 0 to below 1.
duration lifetime(const pool_settings& rules, double random);

} // namespace cenote::pool

#pragma once

#include "pool/request.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace cenote::pool {

/// Estimates how long a statement takes, its way to the server and back included, and when one takes much longer: the
/// smoothed mean and mean deviation of RFC 6298, with a gain of 1/64 for both instead of 1/8 and 1/4, and without
/// letting a very slow statement in at its full length.
class latency_estimator {
public:
  /// @param turn how long the connection had given no answer.
  /// @param count how many statements ended then, at least 1.
  void add(duration turn, size_t count) {
    assert(count >= 1 && turn >= duration::zero());
    // What is slow must not become usual because it is very slow.
    turn = std::min(turn, slow());
    deviation_ += (std::max(turn - turn_, turn_ - turn) - deviation_) / 64;
    turn_ += (turn - turn_) / 64;
    pace_ += (turn / static_cast<duration::rep>(count) - pace_) / 64;
  }

  /// Expected delay per statement queued ahead on a connection.
  duration pace() const { return pace_; }

  /// A connection that has given no answer for longer holds up those that wait behind its first statement. On a server
  /// that has more to do than it can, answers come unevenly, and that alone is no reason to go elsewhere.
  duration slow() const {
    return std::max<duration>({std::chrono::milliseconds{5}, 8 * turn_, turn_ + 4 * deviation_});
  }

private:
  duration turn_{0};
  duration deviation_{0};
  duration pace_{0};
};

} // namespace cenote::pool

#pragma once

#include "pool/request.hpp"

#include <algorithm>
#include <cstddef>

namespace cenote::pool {

/// What statements of the pool usually take, their way to the server and back included, and when one takes much longer.
class usual_time {
public:
  /// So many have ended on a connection after it had given no answer for so long.
  void add(duration turn, size_t count) {
    // What is slow must not become usual because it is very slow.
    turn = std::min(turn, slow());
    deviation_ += (std::max(turn - turn_, turn_ - turn) - deviation_) / 64;
    turn_ += (turn - turn_) / 64;
    pace_ += (turn / static_cast<duration::rep>(count) - pace_) / 64;
  }

  /// How long somebody waits for each that is before him on a connection.
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

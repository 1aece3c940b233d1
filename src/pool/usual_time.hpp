#pragma once

#include "pool/request.hpp"

#include <algorithm>

namespace cenote::pool {

/// What a statement of the pool usually takes, its way to the server and back included, and when one takes much longer.
class usual_time {
public:
  /// One has taken so long.
  void add(duration x) {
    // What is slow must not become usual because it is very slow.
    usual_ += (std::min(x, slow()) - usual_) / 64;
  }

  duration usual() const { return usual_; }

  /// Above this a statement holds up those that wait behind it on its connection.
  duration slow() const { return std::max<duration>(std::chrono::milliseconds{5}, 8 * usual_); }

private:
  duration usual_{0};
};

} // namespace cenote::pool

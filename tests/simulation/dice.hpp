#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace cenote::simulation {

/// Random numbers that are the same on every machine. Each part of a run has dice of its own, so that a run with one
/// part less is otherwise still the same.
class dice {
public:
  /// @param part tells the parts of a run apart.
  explicit dice(uint64_t seed, uint64_t part = 0) : state_{seed * 0x9e3779b97f4a7c15u + part * 0xd1342543de82ef95u} {
    next();
    next();
  }

  uint64_t next() {
    // SplitMix64.
    auto x = state_ += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

  /// From 0 to below `n`, which is above 0.
  uint64_t below(uint64_t n) { return next() % n; }

  /// From `low` to `high`, both included.
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }

  /// Once in `n` times; never if that is 0.
  bool one_in(uint64_t n) { return n > 0 && below(n) == 0; }

  /// From 0 to below 1.
  double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  std::chrono::nanoseconds up_to(std::chrono::nanoseconds longest) {
    return std::chrono::nanoseconds{below(static_cast<uint64_t>(std::max<int64_t>(longest.count(), 0)) + 1)};
  }

  std::chrono::nanoseconds between(std::chrono::nanoseconds low, std::chrono::nanoseconds high) {
    return low + up_to(high - low);
  }

private:
  uint64_t state_;
};

} // namespace cenote::simulation

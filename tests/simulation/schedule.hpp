#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace cenote::simulation {

using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::nanoseconds;

/// Virtual time: what is to happen, in the order in which it does. Whatever is due at the same moment happens in the
/// order in which it was asked for. Nothing can be taken back: whoever asks must not end before, and checks what still
/// holds.
class schedule {
public:
  using task = std::function<void()>;

  time_point now() const noexcept { return now_; }

  /// @param when the past means now.
  void at(time_point when, task what);

  void after(duration delay, task what) { at(now_ + delay, std::move(what)); }

  /// Goes on to what comes next and does it.
  /// @returns false if there is nothing.
  bool run_next();

  /// When the next thing is due; `time_point::max()` if there is none.
  time_point next() const noexcept { return entries_.empty() ? time_point::max() : entries_.front().when; }

  /// How many things have happened.
  uint64_t count() const noexcept { return count_; }

private:
  struct entry {
    time_point when;
    uint64_t order;
    task what;

    bool operator>(const entry& x) const noexcept { return when != x.when ? when > x.when : order > x.order; }
  };

  time_point now_{std::chrono::hours{1}};
  uint64_t last_order_ = 0;
  uint64_t count_ = 0;
  std::vector<entry> entries_; ///< A heap, the next one in front.
};

} // namespace cenote::simulation

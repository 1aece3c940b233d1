#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace cenote::simulation {

using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::nanoseconds;

/// Virtual time: future actions, carried out in the order in which they are due, and those due at the same moment in
/// the order in which they were scheduled. An action cannot be cancelled: the object that schedules it must outlive it,
/// and the action checks what still applies.
class schedule {
public:
  using task = std::function<void()>;

  time_point now() const noexcept { return now_; }

  /// @param due the past means now.
  void at(time_point due, task action);

  void after(duration delay, task action) { at(now_ + delay, std::move(action)); }

  /// Advances to the next action and carries it out.
  /// @returns false if there is none.
  bool run_next();

  /// When the next action is due; `time_point::max()` if there is none.
  time_point next() const noexcept { return entries_.empty() ? time_point::max() : entries_.front().due; }

  /// Number of actions carried out.
  uint64_t count() const noexcept { return count_; }

private:
  struct entry {
    time_point due;
    uint64_t order;
    task action;

    bool operator>(const entry& other) const noexcept {
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  time_point now_{std::chrono::hours{1}};
  uint64_t last_order_ = 0;
  uint64_t count_ = 0;
  std::vector<entry> entries_; ///< A heap, the next one in front.
};

} // namespace cenote::simulation

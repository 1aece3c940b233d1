#pragma once

#include <chrono>

// All sums and differences of times in cenote: callers may pass any duration, the largest and the smallest included.

namespace cenote {

/// Durations from this one on mean "never". Far below the limit of the clock's type, so that no clock has to convert an
/// unrepresentable time.
constexpr std::chrono::nanoseconds never_within = std::chrono::hours{24} * 36'525;

/// The moment `delay` after `now`: `now` if `delay` is negative, `time_point::max()`, which means never, from a century
/// on.
constexpr std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point now,
                                                      std::chrono::nanoseconds delay) {
  using time_point = std::chrono::steady_clock::time_point;
  if (delay <= delay.zero())
    return now;
  return delay >= never_within || now > time_point::max() - delay ? time_point::max() : now + delay;
}

/// The time from `now` to `deadline`: zero if that has passed, `nanoseconds::max()` if it is never.
constexpr std::chrono::nanoseconds time_left(std::chrono::steady_clock::time_point deadline,
                                             std::chrono::steady_clock::time_point now) {
  using time_point = std::chrono::steady_clock::time_point;
  if (deadline <= now)
    return std::chrono::nanoseconds::zero();
  auto fits = now >= time_point{} || deadline <= time_point::max() + now.time_since_epoch();
  return deadline == time_point::max() || !fits ? std::chrono::nanoseconds::max() : deadline - now;
}

/// The deadline of a request with the time limit of its caller: never if that is zero, now if it is negative.
constexpr std::chrono::steady_clock::time_point deadline_after(std::chrono::steady_clock::time_point now,
                                                               std::chrono::nanoseconds limit) {
  return limit == limit.zero() ? std::chrono::steady_clock::time_point::max() : later(now, limit);
}

/// `span` times `factor`; `nanoseconds::max()` on overflow.
/// @param factor above zero.
constexpr std::chrono::nanoseconds times(std::chrono::nanoseconds span, int factor) {
  return span > std::chrono::nanoseconds::max() / factor ? std::chrono::nanoseconds::max() : span * factor;
}

} // namespace cenote

#pragma once

#include <chrono>

// All sums and differences of times in cenote: callers may say any duration, the largest and the smallest included.

namespace cenote {

/// So long from now on is never. Far below what the clock's type holds, so that no clock has to convert what is not.
constexpr std::chrono::nanoseconds never_within = std::chrono::hours{24} * 36'525;

/// The moment `by` after `now`: `now` if `by` is negative, `time_point::max()`, which means never, from a century on.
constexpr std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point now,
                                                      std::chrono::nanoseconds by) {
  using time_point = std::chrono::steady_clock::time_point;
  if (by <= by.zero())
    return now;
  return by >= never_within || now > time_point::max() - by ? time_point::max() : now + by;
}

/// How long it is from `now` to `until`: zero if that has passed, `nanoseconds::max()` if it is never.
constexpr std::chrono::nanoseconds time_left(std::chrono::steady_clock::time_point until,
                                             std::chrono::steady_clock::time_point now) {
  using time_point = std::chrono::steady_clock::time_point;
  if (until <= now)
    return std::chrono::nanoseconds::zero();
  auto fits = now >= time_point{} || until <= time_point::max() + now.time_since_epoch();
  return until == time_point::max() || !fits ? std::chrono::nanoseconds::max() : until - now;
}

/// When a request's time is up that it has got from its caller: never if that is zero, at once if it is negative.
constexpr std::chrono::steady_clock::time_point deadline_after(std::chrono::steady_clock::time_point now,
                                                               std::chrono::nanoseconds limit) {
  return limit == limit.zero() ? std::chrono::steady_clock::time_point::max() : later(now, limit);
}

/// `by`, n times; `nanoseconds::max()` if that is too much.
/// @param n above zero.
constexpr std::chrono::nanoseconds times(std::chrono::nanoseconds by, int n) {
  return by > std::chrono::nanoseconds::max() / n ? std::chrono::nanoseconds::max() : by * n;
}

} // namespace cenote

#pragma once

#include <chrono>
#include <cstdint>

namespace cenote::jobs {

/// How many jobs may begin at once after a pause, whatever the rate.
constexpr uint32_t rate_burst = 10;

/// How many jobs may begin now.
struct rate_decision {
  uint32_t granted = 0;              ///< At most as many as were asked for.
  int64_t stored = 0;                ///< What is stored for the next decision.
  std::chrono::microseconds wait{0}; ///< After those that are granted: until the next one may begin; zero: at once.
};

/// Limits how many jobs begin per second: the generic cell rate algorithm. What is stored is the moment at which all
/// that has begun would have begun if jobs came evenly, in microseconds of the server's clock; it is never more than a
/// burst ahead: after the clock was set back, or the rate was raised, one job may begin at once and brings it there.
///
/// An interval between two jobs that is no whole number of microseconds is rounded up: above some thousand per second
/// fewer begin than are permitted, never more.
/// @param stored of the last decision; zero if there was none.
/// @param now the server's clock, in microseconds.
/// @param per_second from 0.000001 to 1000000; others count as the nearest of these. Zero, less, or no number: no
/// limit.
/// @param wanted how many could begin.
rate_decision limit_rate(int64_t stored, int64_t now, double per_second, uint32_t wanted);

} // namespace cenote::jobs

#pragma once

#include "workload.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace cenote::bench {

using steady = std::chrono::steady_clock;

/// The part of a round that callers are in.
enum class stage : uint8_t {
  warm_up,   ///< Statements run but do not count.
  measuring, ///< Statements that finish now count.
  over,      ///< Callers stop.
};

/// How long a round takes.
struct round_length {
  std::chrono::nanoseconds warm_up;
  std::chrono::nanoseconds measured;
};

/// A closed loop: asks for a random row, checks the answer, notes the time, asks again. Both sides drive their
/// statements with it, so that they do the same work around them. Used by one thread at a time.
class caller {
public:
  /// @param seed makes callers ask for different rows.
  caller(const catalogue& all, const std::atomic<stage>& now, unsigned seed);

  /// The id to ask for; nothing once the round is over or an answer was wrong.
  std::optional<int> next();

  /// Notes the answer to the last `next`.
  void answered(const manga& row);

  /// Notes that there was none.
  void failed(std::string why) { error_ = std::move(why); }

  const std::vector<uint32_t>& latencies() const noexcept { return latencies_; }
  const std::string& error() const noexcept { return error_; }

private:
  const catalogue* all_;
  const std::atomic<stage>* now_;
  std::minstd_rand random_;
  int id_ = 0;
  steady::time_point asked_;
  std::vector<uint32_t> latencies_; ///< Nanoseconds.
  std::string error_;
};

/// What one side reached in one round.
struct figures {
  double per_second = 0;      ///< Statements.
  double p50_us = 0;          ///< Latency: half of the statements took no longer.
  double p99_us = 0;          ///< Latency: 99 % took no longer.
  double cpu_ms_per_1000 = 0; ///< CPU time of this process, user and system, per 1000 statements.
};

/// Runs callers through one round.
/// @param run must start the callers, call its argument once all are on their way, and return when all have stopped.
/// @throws std::runtime_error if an answer was wrong or missing.
figures measure(const catalogue& all, size_t callers, const round_length& length,
                const std::function<void(std::vector<caller>&, const std::function<void()>&)>& run);

/// @returns the middle value, or the mean of the two in the middle; zero of nothing.
double median(std::vector<double> xs);

} // namespace cenote::bench

#pragma once

#include "cenote/status.hpp"
#include "metrics/reading.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cenote::app {

/// What is known of a pool at one moment.
struct observation {
  std::chrono::system_clock::time_point at;
  std::chrono::steady_clock::time_point measured_at; ///< The same moment, for differences.
  pool_status status;
  metrics::reading metrics;
};

/// Half of the times were not longer than `p50`, 99 % not longer than `p99`. Seconds; empty: nothing was measured.
struct quantiles {
  std::optional<double> p50;
  std::optional<double> p99;

  bool operator==(const quantiles&) const = default;
};

/// The time between two observations: levels at its end, and what has happened in it.
struct history_sample {
  std::chrono::system_clock::time_point at; ///< Its end.
  uint64_t in_use = 0, idle = 0, connecting = 0, closing = 0, limit = 0;
  uint64_t waiting = 0, in_flight = 0, sessions = 0;
  double statements_per_second = 0;
  quantiles wait;                                 ///< For a connection.
  quantiles statement;                            ///< From the arrival of a statement to its answer.
  std::map<std::string, int64_t> errors;          ///< Requests that failed: by code if the pool refused them, else by
                                                  ///< outcome.
  std::map<std::string, int64_t> failed_connects; ///< By code.
  std::map<std::string, int64_t> retries;         ///< By code.
  std::map<std::string, std::string> breakers;    ///< The states, by the servers' places in the URI.

  bool operator==(const history_sample&) const = default;
};

/// @pre `before` is not later than `now`.
history_sample make_sample(const observation& before, const observation& now);

/// The time below which the share `q` of all counted ones is, as Prometheus estimates it: values are spread evenly
/// within a bucket, and the last bucket has the largest bound.
/// @param q from 0 to 1.
/// @param bounds of the buckets, rising; at least one.
/// @param counts by bucket, one more than there are bounds.
/// @returns nothing if nothing was counted.
std::optional<double> quantile(double q, std::span<const double> bounds, std::span<const int64_t> counts);

/// Samples of a fixed length, oldest first, in bounded memory. The newest one grows with each observation until it has
/// that length.
class history {
public:
  static constexpr std::chrono::seconds interval{5};
  static constexpr size_t capacity = 180; ///< 15 minutes.

  /// @pre not earlier than the one before.
  void add(observation now);

  /// The newest samples, in order: `count` at most.
  std::vector<history_sample> newest(size_t count) const;

private:
  std::optional<observation> begin_; ///< Of the sample that grows.
  std::deque<history_sample> samples_;
  bool grows_ = false; ///< Whether the newest does.
};

} // namespace cenote::app

#pragma once

#include "catalogue.hpp"
#include "options.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace cenote::bench {

using steady = std::chrono::steady_clock;

/// The part of a round that callers are in.
enum class stage : uint8_t {
  warm_up,   ///< Operations run but do not count.
  measuring, ///< Those that end now count.
  over,      ///< Callers stop.
};

/// The state of a round, shared by its callers.
struct round_state {
  explicit round_state(const options& opts) : load{opts.load}, rows{opts.rows} {
    // nop
  }

  workload load;
  catalogue rows;
  std::atomic<stage> now{stage::warm_up};
};

/// An operation that counts.
struct answer {
  steady::time_point at;
  std::chrono::nanoseconds took;
};

/// The rows read from `bench_large`.
class large_answer {
public:
  /// Adds a row that was read.
  void add(int id, const std::string& body);

  size_t rows() const noexcept { return rows_; }

  /// Whether all rows have been added, each as it must be.
  bool complete() const noexcept;

private:
  size_t rows_ = 0;
  size_t sum_ = 0; ///< Of the ids.
  bool right_sizes_ = true;
};

/// Pause of a caller after an error, in `recovery`.
inline constexpr std::chrono::milliseconds pause_after_error{5};

/// A closed loop: asks, checks the answer, notes the time, asks again. All sides drive their operations with it, so
/// that they do the same work around them. Used by one thread at a time.
class caller {
public:
  /// @param number counts from 1; callers ask for different rows.
  caller(const round_state& state, size_t number);

  /// Begins an operation.
  /// @returns false once the round is over or an answer was wrong.
  bool next();

  /// The row that the operation is about: a random one of `bench_point`, in a transaction the caller's own account.
  int id() const noexcept { return id_; }

  /// Whether errors are a part of the workload.
  bool recovers() const noexcept { return state_->load == workload::recovery; }

  /// The operation is done.
  void answered();

  /// The same, with the row that was read.
  void answered(const manga& row);

  /// The same, with how many rows the statements of a transaction changed.
  void answered(uint64_t updated, uint64_t inserted);

  /// The same, with all of `bench_large`.
  void answered(const large_answer& all);

  /// There was no answer.
  void failed(std::string reason);

  const std::vector<answer>& answers() const noexcept { return answers_; }
  const std::string& error() const noexcept { return error_; }
  size_t errors() const noexcept { return errors_; }

private:
  const round_state* state_;
  size_t number_;
  std::minstd_rand random_;
  int id_ = 0;
  steady::time_point asked_;
  std::vector<answer> answers_;
  std::string error_;
  size_t errors_ = 0;
};

} // namespace cenote::bench

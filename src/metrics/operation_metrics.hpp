#pragma once

#include "cenote/failure.hpp"
#include "metrics/catalogue.hpp"
#include "metrics/statement_statistics.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace cenote::metrics {

/// The kinds of operations that are measured.
enum class operation : uint8_t { read, idempotent_write, write, transaction, session_command };

/// The durations of a pool's operations, and the size of their results. Used by the pool and all its connections, from
/// any thread.
class operation_metrics {
public:
  /// @param registry must outlive this.
  /// @param with_statements see `statement_statistics::enable`.
  operation_metrics(caf::telemetry::metric_registry& registry, std::string pool, bool with_statements);

  /// An operation has been answered.
  /// @param failure its outcome if it failed.
  void answered(operation kind, std::optional<outcome> failure, std::chrono::nanoseconds took);

  /// A result was delivered.
  void delivered(size_t bytes);

  /// A connection has prepared texts.
  void prepared(uint64_t texts) { prepared_->inc(static_cast<int64_t>(texts)); }

  /// Whether it is the first time that the server had no room for one more prepared statement.
  bool is_first_without_room() noexcept { return !was_without_room_.exchange(true); }

  /// What single statements cost.
  statement_statistics& statements() noexcept { return statements_; }

private:
  static constexpr size_t operations = 5;
  static constexpr size_t endings = 6; ///< Success, and each outcome of a failure.

  caf::telemetry::dbl_histogram* add(operation kind, std::optional<outcome> failure);

  caf::telemetry::metric_registry& registry_;
  std::string pool_;
  statement_statistics statements_;
  caf::telemetry::int_counter* bytes_;
  caf::telemetry::int_counter* prepared_;
  std::atomic<bool> was_without_room_{false};
  /// Each is added when it is first needed, as most never are.
  std::array<std::atomic<caf::telemetry::dbl_histogram*>, operations * endings> durations_{};
};

using operation_metrics_ptr = std::shared_ptr<operation_metrics>;

} // namespace cenote::metrics

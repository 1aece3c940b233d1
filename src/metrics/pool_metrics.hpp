#pragma once

#include "cenote/events.hpp"
#include "cenote/session.hpp"
#include "cenote/settings.hpp"
#include "cenote/status.hpp"
#include "metrics/contribution.hpp"
#include "metrics/operation_metrics.hpp"
#include "pool/levels.hpp"
#include "types/connection_id.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace cenote::metrics {

/// The metrics of one pool, for use inside its actor. When it ends, its gauges return to their former values.
class pool_metrics {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// @param registry must outlive this.
  pool_metrics(caf::telemetry::metric_registry& registry, const pool_settings& rules, size_t servers);

  ~pool_metrics() { oldest_->value(0); }

  pool_metrics(const pool_metrics&) = delete;
  pool_metrics& operator=(const pool_metrics&) = delete;

  /// Applies new rules.
  void apply(const pool_settings& rules);

  // -- after each event --------------------------------------------------------------

  void update(const pool::levels& now);
  void update_breaker(size_t server, breaker_state now);

  // -- requests ----------------------------------------------------------------------

  /// A request was given a connection.
  void granted(std::chrono::nanoseconds waited) { observe(wait_time_, waited); }

  /// The pool has failed a request.
  void refused(errc code);

  void returned() { returned_->inc(); }
  void requeued() { requeued_->inc(); }

  /// The exclusive use of a connection has ended.
  void used(std::chrono::nanoseconds duration) { observe(use_time_, duration); }

  // -- connections -------------------------------------------------------------------

  void connect_begins(connection_id id, time_point now) { connects_[id] = now; }
  void connect_failed(connection_id id, errc code);
  void opened(connection_id id, time_point now);
  /// @param reason not `none`.
  void closed(close_reason reason) { closed_.at(static_cast<size_t>(reason) - 1)->inc(); }

  // -- sessions ----------------------------------------------------------------------

  void session_begins(session_id id);
  void session_ends(session_id id);

  /// The durations of operations, for the connections as well: these may outlive the pool.
  const operation_metrics_ptr& operations() const { return operations_; }

private:
  static void observe(caf::telemetry::dbl_histogram* series, std::chrono::nanoseconds span) {
    series->observe(std::chrono::duration<double>{span}.count());
  }

  void show_sessions();

  caf::telemetry::metric_registry& registry_;
  std::string pool_;
  operation_metrics_ptr operations_;

  contribution idle_, used_, idle_min_, idle_max_, max_, pending_, in_flight_, budget_, share_, connecting_,
      generation_, sessions_;
  std::vector<std::array<contribution, 3>> breakers_; ///< By server and state.

  caf::telemetry::int_gauge* oldest_;
  caf::telemetry::int_counter *timeouts_, *returned_, *requeued_, *opened_, *lost_;
  caf::telemetry::dbl_histogram *create_time_, *wait_time_, *use_time_;
  std::array<caf::telemetry::int_counter*, 8> closed_{}; ///< By reason, without `none`.
  std::unordered_map<errc, caf::telemetry::int_counter*> refused_, connects_failed_;

  uint64_t lost_before_ = 0;
  std::unordered_map<connection_id, time_point> connects_; ///< Under way.
  std::unordered_map<session_id, uint64_t> session_order_; ///< The order in which they began.
  std::map<uint64_t, int64_t> session_times_;              ///< When they began, in that order: Unix time, in seconds.
  uint64_t last_session_ = 0;
};

} // namespace cenote::metrics

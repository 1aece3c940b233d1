#pragma once

#include <caf/fwd.hpp>
#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/histogram.hpp>
#include <caf/telemetry/label_view.hpp>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cenote::metrics {

enum class metric_kind : uint8_t { gauge, counter, histogram };

/// One metric, as `docs/metrics.md` describes it.
struct definition {
  const char* prefix;
  const char* name; ///< Without prefix, unit and `_total`.
  const char* unit; ///< `1`: a plain number, which the full name does not mention.
  metric_kind kind;
  std::vector<const char*> labels; ///< Without the pool's name.
  const char* help;
  bool of_pool = true; ///< Whether it has the pool's name as a label.
};

/// The label with the pool's name.
inline constexpr const char* pool_label = "db_client_connection_pool_name";

/// Upper bounds of the buckets of times, in seconds. There is one more bucket, without a bound.
std::span<const double> time_bounds();

/// The name that Prometheus sees.
std::string full_name(const definition& entry);

/// All metrics that cenote registers.
std::span<const definition> catalogue();

/// @name The metrics, by their index in the catalogue
/// @{
enum class metric : uint8_t {
  connection_count,
  connection_idle_min,
  connection_idle_max,
  connection_max,
  pending_requests,
  timeouts,
  create_time,
  wait_time,
  use_time,
  operation_duration,
  requests_in_flight,
  requests_refused,
  requests_returned,
  statements_requeued,
  budget_connections,
  budget_share,
  connections_connecting,
  connections_opened,
  connections_lost,
  connections_closed,
  connects_failed,
  pool_generation,
  breaker_state,
  sessions_held,
  session_oldest_checkout,
  result_bytes,
  statements_prepared,
  retries,
  retries_exhausted,
  io_thread_cpu,
  node_clients,
  node_requests_in_flight,
  node_requests_waiting,
  node_sessions_held,
  node_requests,
  node_clients_lost,
  node_turned_away,
  jobs,
  job_oldest_age,
  job_nodes,
};
/// @}

const definition& definition_of(metric id);

/// Values for the labels of one series.
using label_values = std::initializer_list<std::pair<const char*, std::string_view>>;

/// @name Series
/// Found in the registry, or added to it. It lives as long as the actor system. Not for each statement: takes locks.
/// @param pool the pool's name; ignored by metrics without that label.
/// @{
caf::telemetry::int_gauge* gauge(caf::telemetry::metric_registry& registry, metric id, std::string_view pool,
                                 label_values labels = {});
caf::telemetry::int_counter* counter(caf::telemetry::metric_registry& registry, metric id, std::string_view pool,
                                     label_values labels = {});
caf::telemetry::dbl_counter* seconds_counter(caf::telemetry::metric_registry& registry, metric id,
                                             std::string_view pool, label_values labels = {});
caf::telemetry::dbl_histogram* histogram(caf::telemetry::metric_registry& registry, metric id, std::string_view pool,
                                         label_values labels = {});
/// @}

} // namespace cenote::metrics

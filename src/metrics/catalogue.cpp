#include "metrics/catalogue.hpp"

#include <caf/telemetry/metric_registry.hpp>

#include <array>

namespace cenote::metrics {

namespace {

using kind = metric_kind;

/// Seconds: from 100 us to 30 s.
constexpr std::array<double, 17> time_buckets{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                              0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30};

constexpr auto otel = "db_client";
constexpr auto own = "cenote";

/// In the order of `metric`.
const std::array<definition, 40>& table() {
  static const std::array<definition, 40> result{{
      {otel, "connection_count", "1", kind::gauge, {"db_client_connection_state"}, "Open connections"},
      {otel, "connection_idle_min", "1", kind::gauge, {}, "Connections that are kept when nothing needs them"},
      {otel, "connection_idle_max", "1", kind::gauge, {}, "Connections that may be idle at a time"},
      {otel, "connection_max", "1", kind::gauge, {}, "Connections that the pool may have at the moment"},
      {otel, "connection_pending_requests", "1", kind::gauge, {}, "Requests that wait for a connection"},
      {otel, "connection_timeouts", "1", kind::counter, {}, "Requests that got no connection in time"},
      {otel, "connection_create_time", "seconds", kind::histogram, {}, "Time that successful connects took"},
      {otel, "connection_wait_time", "seconds", kind::histogram, {}, "Time that requests waited for a connection"},
      {otel, "connection_use_time", "seconds", kind::histogram, {}, "Time of exclusive uses of a connection"},
      {otel,
       "operation_duration",
       "seconds",
       kind::histogram,
       {"db_operation_name", "db_system_name", "error_type"},
       "Time from the arrival of an operation to its answer"},
      {own, "requests_in_flight", "1", kind::gauge, {}, "Requests that have a connection"},
      {own, "requests_refused", "1", kind::counter, {"error_type"}, "Requests that the pool itself failed"},
      {own, "requests_returned", "1", kind::counter, {}, "Requests that came back unsent from a dead connection"},
      {own, "statements_requeued", "1", kind::counter, {}, "Statements taken back from behind a slow one"},
      {own, "budget_connections", "1", kind::gauge, {}, "Connections that pools may have together; 0: no budget"},
      {own, "budget_share", "1", kind::gauge, {}, "The pool's share of the budget"},
      {own, "connections_connecting", "1", kind::gauge, {}, "Connects under way"},
      {own, "connections_opened", "1", kind::counter, {}, "Connections opened"},
      {own, "connections_lost", "1", kind::counter, {}, "Connections that broke, in use or idle"},
      {own, "connections_closed", "1", kind::counter, {"reason"}, "Connections closed"},
      {own, "connects_failed", "1", kind::counter, {"error_type"}, "Connects that failed"},
      {own, "pool_generation", "1", kind::gauge, {}, "Raised when all connections are replaced"},
      {own, "breaker_state", "1", kind::gauge, {"server", "state"}, "1 for the state that the circuit breaker is in"},
      {own, "sessions_held", "1", kind::gauge, {}, "Sessions checked out"},
      {own,
       "session_oldest_checkout_timestamp",
       "seconds",
       kind::gauge,
       {},
       "Unix time at which the oldest session began; 0 if there is none"},
      {own, "result", "bytes", kind::counter, {}, "Bytes of the cells of results"},
      {own, "statements_prepared", "1", kind::counter, {}, "Texts that connections have prepared on the server"},
      {own, "retries", "1", kind::counter, {"error_type"}, "Requests that retriers repeated", false},
      {own, "retries_exhausted", "1", kind::counter, {}, "Requests that failed in spite of repetitions", false},
      {own, "io_thread_cpu", "seconds", kind::counter, {"thread"}, "CPU time that an I/O thread has used"},
      {own, "node_clients", "1", kind::gauge, {"client"}, "Clients of the pool node", false},
      {own,
       "node_requests_in_flight",
       "1",
       kind::gauge,
       {"client"},
       "Requests of clients that are with the pool",
       false},
      {own,
       "node_requests_waiting",
       "1",
       kind::gauge,
       {"client"},
       "Requests of clients that wait for their turn",
       false},
      {own, "node_sessions_held", "1", kind::gauge, {"client"}, "Sessions that clients have checked out", false},
      {own, "node_requests", "1", kind::counter, {"client", "result"}, "Requests of clients that were answered", false},
      {own, "node_clients_lost", "1", kind::counter, {}, "Clients that have gone without saying goodbye", false},
      {own, "node_turned_away", "1", kind::counter, {"reason"}, "Connections that never became clients", false},
      {own, "jobs", "1", kind::gauge, {"kind", "queue", "state"}, "Jobs that have not ended, and those discarded"},
      {own, "job_oldest_age", "seconds", kind::gauge, {"queue"}, "How long the next job waits for a worker"},
      {own, "job_nodes", "1", kind::gauge, {}, "Nodes that work on jobs"},
  }};
  return result;
}

struct label_set {
  label_set(const definition& entry, std::string_view pool, label_values more) {
    if (entry.of_pool)
      add(pool_label, pool);
    for (auto& [name, value] : more)
      add(name, value);
  }

  void add(const char* name, std::string_view value) {
    names.emplace_back(name);
    views.emplace_back(caf::string_view{name}, caf::string_view{value.data(), value.size()});
  }

  caf::span<const caf::telemetry::label_view> all() const { return {views.data(), views.size()}; }
  caf::span<const caf::string_view> all_names() const { return {names.data(), names.size()}; }

  std::vector<caf::string_view> names;
  std::vector<caf::telemetry::label_view> views;
};

template <class T>
caf::telemetry::counter<T>* counter_of(caf::telemetry::metric_registry& registry, metric id, std::string_view pool,
                                       label_values labels) {
  auto& entry = definition_of(id);
  label_set set{entry, pool, labels};
  return registry.counter_family<T>(entry.prefix, entry.name, set.all_names(), entry.help, entry.unit, true)
      ->get_or_add(set.all());
}

} // namespace

std::span<const double> time_bounds() {
  return time_buckets;
}

std::string full_name(const definition& entry) {
  auto result = std::string{entry.prefix} + '_' + entry.name;
  if (std::string_view{entry.unit} != "1")
    result.append("_").append(entry.unit);
  if (entry.kind == kind::counter)
    result += "_total";
  return result;
}

std::span<const definition> catalogue() {
  return table();
}

const definition& definition_of(metric id) {
  return table().at(static_cast<size_t>(id));
}

caf::telemetry::int_gauge* gauge(caf::telemetry::metric_registry& registry, metric id, std::string_view pool,
                                 label_values labels) {
  auto& entry = definition_of(id);
  label_set set{entry, pool, labels};
  return registry.gauge_family<int64_t>(entry.prefix, entry.name, set.all_names(), entry.help, entry.unit)
      ->get_or_add(set.all());
}

caf::telemetry::int_counter* counter(caf::telemetry::metric_registry& registry, metric id, std::string_view pool,
                                     label_values labels) {
  return counter_of<int64_t>(registry, id, pool, labels);
}

caf::telemetry::dbl_counter* seconds_counter(caf::telemetry::metric_registry& registry, metric id,
                                             std::string_view pool, label_values labels) {
  return counter_of<double>(registry, id, pool, labels);
}

caf::telemetry::dbl_histogram* histogram(caf::telemetry::metric_registry& registry, metric id, std::string_view pool,
                                         label_values labels) {
  auto& entry = definition_of(id);
  label_set set{entry, pool, labels};
  return registry
      .histogram_family<double>(entry.prefix, entry.name, set.all_names(),
                                caf::span<const double>{time_buckets.data(), time_buckets.size()}, entry.help,
                                entry.unit)
      ->get_or_add(set.all());
}

} // namespace cenote::metrics

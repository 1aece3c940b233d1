#include "metrics/operation_metrics.hpp"

#include <utility>

namespace cenote::metrics {

namespace {

const char* name_of(operation kind) {
  switch (kind) {
  case operation::read:
    return "read";
  case operation::idempotent_write:
    return "idempotent_write";
  case operation::write:
    return "write";
  case operation::transaction:
    return "transaction";
  case operation::session_command:
    break;
  }
  return "session_command";
}

} // namespace

operation_metrics::operation_metrics(caf::telemetry::metric_registry& registry, std::string pool, bool with_statements)
    : registry_{registry},
      pool_{std::move(pool)},
      statements_{with_statements},
      bytes_{counter(registry_, metric::result_bytes, pool_)},
      prepared_{counter(registry_, metric::statements_prepared, pool_)} {
  // nop
}

void operation_metrics::answered(operation kind, std::optional<outcome> failure, std::chrono::nanoseconds took) {
  auto ending = failure ? static_cast<size_t>(*failure) + 1 : 0;
  auto& known = durations_.at(static_cast<size_t>(kind) * endings + ending);
  auto series = known.load(std::memory_order_acquire);
  if (series == nullptr) {
    series = add(kind, failure);
    known.store(series, std::memory_order_release);
  }
  series->observe(std::chrono::duration<double>{took}.count());
}

void operation_metrics::delivered(size_t bytes) {
  if (bytes > 0)
    bytes_->inc(static_cast<int64_t>(bytes));
}

caf::telemetry::dbl_histogram* operation_metrics::add(operation kind, std::optional<outcome> failure) {
  auto error = failure ? to_string(*failure) : std::string{};
  return histogram(registry_, metric::operation_duration, pool_,
                   {{"db_operation_name", name_of(kind)}, {"db_system_name", "mariadb"}, {"error_type", error}});
}

} // namespace cenote::metrics

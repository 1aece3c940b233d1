#include "metrics/retry_metrics.hpp"

namespace cenote::metrics {

retry_metrics::retry_metrics(caf::telemetry::metric_registry& registry)
    : registry_{registry}, exhausted_{counter(registry, metric::retries_exhausted, {})} {
  // nop
}

void retry_metrics::repeated(errc cause) {
  auto& series = by_cause_[cause];
  if (series == nullptr)
    series = counter(registry_, metric::retries, {}, {{"error_type", to_string(cause)}});
  series->inc();
}

} // namespace cenote::metrics

#pragma once

#include "cenote/failure.hpp"
#include "metrics/catalogue.hpp"

#include <unordered_map>

namespace cenote::metrics {

/// The metrics of retriers. They do not know the name of their pool, which may be on another node. For use inside one
/// actor.
class retry_metrics {
public:
  /// @param registry must outlive this.
  explicit retry_metrics(caf::telemetry::metric_registry& registry);

  /// A request will be repeated.
  void repeated(errc cause);

  /// A request that was repeated has failed for good.
  void exhausted() { exhausted_->inc(); }

private:
  caf::telemetry::metric_registry& registry_;
  caf::telemetry::int_counter* exhausted_;
  std::unordered_map<errc, caf::telemetry::int_counter*> by_cause_;
};

} // namespace cenote::metrics

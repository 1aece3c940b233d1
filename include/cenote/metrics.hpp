#pragma once

#include <caf/fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace cenote {

/// How metrics are written.
enum class metrics_format : uint8_t {
  prometheus,  ///< Prometheus' text format 0.0.4, which whatever reads metrics understands.
  open_metrics ///< OpenMetrics 1.0.0: with units, and a mark at the end, so that a text that was cut off is noticed.
};

/// The media type of an HTTP response in this format.
std::string_view content_type_of(metrics_format format);

/// All metrics of an actor system: those of its pools and retriers, which `docs/metrics.md` describes, CAF's own, and
/// what the application has registered in `sys.metrics()`. To be served as `content_type_of(format)`.
///
/// May be called from any thread at any time, and does not disturb the pools.
std::string collect_metrics(caf::actor_system& sys, metrics_format format = metrics_format::prometheus);

} // namespace cenote

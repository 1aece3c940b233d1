#pragma once

#include <caf/fwd.hpp>

#include <string>

namespace cenote {

/// All metrics of an actor system in Prometheus' text format 0.0.4: those of its pools and retriers, which
/// `docs/metrics.md` describes, CAF's own, and what the application has registered in `sys.metrics()`. To be served as
/// `text/plain; version=0.0.4; charset=utf-8`.
///
/// May be called from any thread at any time, and does not disturb the pools.
std::string collect_metrics(caf::actor_system& sys);

} // namespace cenote

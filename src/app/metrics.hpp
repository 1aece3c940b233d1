#pragma once

#include <string>

#include <caf/actor_system.hpp>

namespace cenote::app {

/// All metrics of the system, in Prometheus' text format.
std::string metrics_text(caf::actor_system& system);

/// The same text in the format of OpenMetrics: names of counters, no time stamps, and the end marked.
std::string to_open_metrics(const std::string& prometheus);

} // namespace cenote::app

#pragma once

#include <string>

namespace cenote::app {

/// What `collect_metrics` answers, in the format of OpenMetrics: names of counters, no time stamps, and the end marked.
std::string to_open_metrics(const std::string& prometheus);

} // namespace cenote::app

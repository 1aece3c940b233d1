#pragma once

#include "app/pool_watch.hpp"
#include "http/message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cenote::app {

/// One thing that a probe looks at.
struct health_check {
  std::string name;
  bool passed = false;
  std::string reason; ///< One sentence. Never what a server or a driver has said: everybody may ask.
};

/// @name Probes
/// What they look at, the first that fails being the reason. Pure.
/// @{

/// Whether the process works: its actors answer. The database does not matter.
std::vector<health_check> liveness(const pool_view& x);

/// Whether requests can be served.
/// @param keeps_connections whether the pool keeps connections that nobody needs.
std::vector<health_check> readiness(const pool_view& x, bool keeps_connections);

/// Whether the first connection has been opened.
std::vector<health_check> start_up(const pool_view& x);
/// @}

/// Whether all checks have passed.
bool passed(const std::vector<health_check>& checks);

/// The answer to a probe: 200 or 503, as text or JSON.
http::response to_response(const std::vector<health_check>& checks, const http::request& x);

} // namespace cenote::app

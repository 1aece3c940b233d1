#pragma once

#include <caf/fwd.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::metrics {

/// The values of the metrics of one pool, and of the actor system's retriers, at one moment. Counters count from the
/// start of the actor system.
struct reading {
  std::vector<int64_t>
      waits; ///< Requests given a connection, by bucket of their wait; see `time_bounds` in the catalogue.
  std::vector<int64_t> operations; ///< Operations answered, by bucket of their duration.

  std::map<std::string, int64_t> failed_operations; ///< By outcome.
  std::map<std::string, int64_t> refused;           ///< Requests that the pool itself failed, by code.
  std::map<std::string, int64_t> failed_connects;   ///< By code.
  std::map<std::string, int64_t> retries;           ///< By the code of the error before.

  std::map<std::string, std::string> breakers; ///< The state of each server's, by its place in the URI: `0`.
  int64_t sessions = 0;                        ///< Checked out.
};

/// Reads the metrics. From any thread; does not disturb the pool.
reading read(const caf::telemetry::metric_registry& registry, std::string_view pool);

} // namespace cenote::metrics

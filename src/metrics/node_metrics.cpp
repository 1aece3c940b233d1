#include "metrics/node_metrics.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <tuple>

namespace cenote::metrics {

namespace {

/// The last value of the enumeration.
constexpr auto last_reason = turned_away_reason::full;

caf::telemetry::int_gauge* gauge_of(caf::telemetry::metric_registry& registry, metric id, std::string_view client) {
  return gauge(registry, id, {}, {{"client", client}});
}

caf::telemetry::int_counter* requests(caf::telemetry::metric_registry& registry, std::string_view client,
                                      std::string_view result) {
  return counter(registry, metric::node_requests, {}, {{"client", client}, {"result", result}});
}

/// The name of a client that was given none ends with its process id, `worker1/4711`: each start would have series of
/// its own.
std::string without_process_id(const std::string& name) {
  auto slash = name.rfind('/');
  auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size()
      || !std::all_of(name.begin() + static_cast<ptrdiff_t>(slash) + 1, name.end(), is_digit))
    return name;
  return name.substr(0, slash);
}

} // namespace

std::string to_string(turned_away_reason x) {
  switch (x) {
  case turned_away_reason::protocol:
    return "protocol";
  case turned_away_reason::tls:
    return "tls";
  case turned_away_reason::version:
    return "version";
  case turned_away_reason::token:
    return "token";
  case turned_away_reason::full:
    return "full";
  }
  return "invalid reason";
}

client_metrics::client_metrics(caf::telemetry::metric_registry& registry, std::string_view name)
    : present_{gauge_of(registry, metric::node_clients, name)},
      in_flight_{gauge_of(registry, metric::node_requests_in_flight, name)},
      waiting_{gauge_of(registry, metric::node_requests_waiting, name)},
      sessions_{gauge_of(registry, metric::node_sessions_held, name)},
      succeeded_{requests(registry, name, "success")},
      failed_{requests(registry, name, "failure")} {
  present_.set(1);
}

node_metrics::node_metrics(caf::telemetry::metric_registry& registry)
    : registry_{registry}, lost_{counter(registry, metric::node_clients_lost, {})} {
  static_assert(static_cast<size_t>(last_reason) + 1 == std::tuple_size_v<decltype(turned_away_)>);
  for (size_t i = 0; i < turned_away_.size(); ++i)
    turned_away_[i] =
        counter(registry, metric::node_turned_away, {}, {{"reason", to_string(static_cast<turned_away_reason>(i))}});
}

client_metrics node_metrics::client_came(const std::string& called) {
  auto name = without_process_id(called);
  if (names_.size() < max_names)
    names_.insert(name);
  return {registry_, names_.contains(name) ? std::string_view{name} : further_names};
}

} // namespace cenote::metrics

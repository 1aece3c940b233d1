#include "app/record_json.hpp"

#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace cenote::app {

namespace {

using json = nlohmann::ordered_json;

/// In milliseconds: more digits mean nothing to anybody.
double unix_time(std::chrono::system_clock::time_point point) {
  using namespace std::chrono;
  return static_cast<double>(duration_cast<milliseconds>(point.time_since_epoch()).count()) / 1000;
}

json to_json(const std::optional<double>& number) {
  return number ? json(*number) : json(nullptr);
}

json to_json(const quantiles& times) {
  return {{"p50", to_json(times.p50)}, {"p99", to_json(times.p99)}};
}

template <class T>
json to_json(const std::map<std::string, T>& values) {
  auto out = json::object();
  for (auto& [name, value] : values)
    out[name] = value;
  return out;
}

std::string server_name(const std::string& place, const server_settings& servers) {
  size_t n = 0;
  std::from_chars(place.data(), place.data() + place.size(), n);
  if (n >= servers.servers())
    return place;
  auto server = servers.server(n);
  return server.unix_socket.empty() ? server.host + ":" + std::to_string(server.port) : server.unix_socket;
}

json to_json(const history_sample& sample, const server_settings& servers) {
  json out;
  out["at"] = unix_time(sample.at);
  out["connections"] = {{"in_use", sample.in_use},
                        {"idle", sample.idle},
                        {"connecting", sample.connecting},
                        {"closing", sample.closing},
                        {"limit", sample.limit}};
  out["waiting"] = sample.waiting;
  out["in_flight"] = sample.in_flight;
  out["sessions"] = sample.sessions;
  out["statements_per_second"] = sample.statements_per_second;
  out["wait"] = to_json(sample.wait);
  out["statement"] = to_json(sample.statement);
  out["errors"] = to_json(sample.errors);
  out["failed_connects"] = to_json(sample.failed_connects);
  out["retries"] = to_json(sample.retries);
  out["breaker"] = json::object();
  for (auto& [place, state] : sample.breakers)
    out["breaker"][server_name(place, servers)] = state;
  return out;
}

} // namespace

json to_json(const pool_state& state) {
  return {{"name", to_string(state.kind)}, {"since", unix_time(state.since)}, {"reasons", state.reasons}};
}

json to_json(const std::vector<history_sample>& samples, const server_settings& servers) {
  json out;
  out["version"] = 1;
  out["interval"] = std::chrono::duration<double>(history::interval).count();
  out["samples"] = json::array();
  for (auto& sample : samples)
    out["samples"].push_back(to_json(sample, servers));
  return out;
}

json to_json(const std::vector<logged_event>& events) {
  json out;
  out["version"] = 1;
  out["events"] = json::array();
  for (auto& event : events)
    out["events"].push_back(
        {{"at", unix_time(event.at)}, {"kind", event.kind}, {"count", event.count}, {"text", event.text}});
  return out;
}

} // namespace cenote::app

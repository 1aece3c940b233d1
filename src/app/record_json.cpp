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
double unix_time(std::chrono::system_clock::time_point x) {
  using namespace std::chrono;
  return static_cast<double>(duration_cast<milliseconds>(x.time_since_epoch()).count()) / 1000;
}

json to_json(const std::optional<double>& x) {
  return x ? json(*x) : json(nullptr);
}

json to_json(const quantiles& x) {
  return {{"p50", to_json(x.p50)}, {"p99", to_json(x.p99)}};
}

template <class T>
json to_json(const std::map<std::string, T>& x) {
  auto out = json::object();
  for (auto& [name, value] : x)
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

json to_json(const history_sample& x, const server_settings& servers) {
  json out;
  out["at"] = unix_time(x.at);
  out["connections"] = {
      {"in_use", x.in_use}, {"idle", x.idle}, {"connecting", x.connecting}, {"closing", x.closing}, {"limit", x.limit}};
  out["waiting"] = x.waiting;
  out["in_flight"] = x.in_flight;
  out["sessions"] = x.sessions;
  out["statements_per_second"] = x.statements_per_second;
  out["wait"] = to_json(x.wait);
  out["statement"] = to_json(x.statement);
  out["errors"] = to_json(x.errors);
  out["failed_connects"] = to_json(x.failed_connects);
  out["retries"] = to_json(x.retries);
  out["breaker"] = json::object();
  for (auto& [place, state] : x.breakers)
    out["breaker"][server_name(place, servers)] = state;
  return out;
}

} // namespace

json to_json(const pool_state& x) {
  return {{"name", to_string(x.is)}, {"since", unix_time(x.since)}, {"reasons", x.reasons}};
}

json to_json(const std::vector<history_sample>& x, const server_settings& servers) {
  json out;
  out["version"] = 1;
  out["interval"] = std::chrono::duration<double>(history::interval).count();
  out["samples"] = json::array();
  for (auto& sample : x)
    out["samples"].push_back(to_json(sample, servers));
  return out;
}

json to_json(const std::vector<logged_event>& x) {
  json out;
  out["version"] = 1;
  out["events"] = json::array();
  for (auto& event : x)
    out["events"].push_back(
        {{"at", unix_time(event.at)}, {"kind", event.kind}, {"count", event.count}, {"text", event.text}});
  return out;
}

} // namespace cenote::app

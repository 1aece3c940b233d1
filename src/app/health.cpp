#include "app/health.hpp"

#include "app/json.hpp"
#include "http/router.hpp"

#include <algorithm>
#include <cstdio>

namespace cenote::app {

namespace {

std::string seconds(std::chrono::nanoseconds x) {
  char out[32];
  std::snprintf(out, sizeof(out), "%.1f s", std::chrono::duration<double>(x).count());
  return out;
}

health_check check_actors(const pool_view& x) {
  if (x.actors_are_late())
    return {"actors", false, "the actors have not answered for " + seconds(x.unresponsive())};
  return {"actors", true, "they answer"};
}

health_check check_connection(const pool_view& x, bool keeps_connections) {
  auto& status = *x.status;
  if (status.total_connections > 0)
    return {"connection", true, std::to_string(status.total_connections) + " open"};
  if (!keeps_connections && status.initialized)
    return {"connection", true, "none open, and none is kept while nobody needs one"};
  return {"connection", false, "no connection to the server is open"};
}

health_check check_server(const pool_view& x) {
  if (x.server_is_late())
    return {"server", false, "it has not answered for " + seconds(x.silent)};
  if (x.verified)
    return {"server", true, "it answered " + seconds(*x.verified) + " ago"};
  return {"server", true, "its connections are watched"};
}

health_check check_breaker(const pool_status& x) {
  auto closed = x.breaker == breaker_state::closed;
  return {"breaker", closed, "the circuit breaker is " + to_string(x.breaker)};
}

health_check check_not(const std::string& name, bool is_so, const std::string& if_so) {
  return {name, !is_so, is_so ? if_so : "no"};
}

} // namespace

std::vector<health_check> liveness(const pool_view& x) {
  return {check_actors(x)};
}

std::vector<health_check> readiness(const pool_view& x, bool keeps_connections) {
  std::vector<health_check> out{check_actors(x)};
  if (!x.status) {
    out.push_back({"connection", false, "the pool has not told its status yet"});
    return out;
  }
  out.push_back(check_not("draining", x.status->draining, "the pool finishes its work and takes no more"));
  out.push_back(check_not("paused", x.status->paused, "the pool is paused: POST /admin/resume ends that"));
  out.push_back(check_breaker(*x.status));
  out.push_back(check_connection(x, keeps_connections));
  out.push_back(check_server(x));
  return out;
}

std::vector<health_check> start_up(const pool_view& x) {
  if (x.status && x.status->connects > 0)
    return {{"started", true, "a connection has been opened"}};
  return {{"started", false, "no connection has been opened so far"}};
}

bool passed(const std::vector<health_check>& checks) {
  return std::ranges::all_of(checks, &health_check::passed);
}

http::response to_response(const std::vector<health_check>& checks, const http::request& x) {
  auto failed = std::ranges::find(checks, false, &health_check::passed);
  auto is_well = failed == checks.end();
  auto verbose = http::query_value(x, "verbose").has_value();
  http::response out;
  out.status = is_well ? 200 : 503;
  if (http::accepts(x, "application/json")) {
    nlohmann::ordered_json body;
    body["status"] = is_well ? "ok" : "failed";
    if (!is_well)
      body["reason"] = failed->reason;
    if (verbose)
      for (auto& one : checks)
        body["checks"].push_back({{"name", one.name}, {"ok", one.passed}, {"reason", one.reason}});
    out.type = "application/json";
    out.body = dump(body) + "\n";
    return out;
  }
  if (verbose)
    for (auto& one : checks)
      out.body += (one.passed ? "[+] " : "[-] ") + one.name + ": " + one.reason + "\n";
  out.body += is_well ? "ok\n" : "failed: " + failed->reason + "\n";
  return out;
}

} // namespace cenote::app

// What probes say of a pool.

#define CAF_SUITE http.health

#include "app/health.hpp"

#include <algorithm>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;
using namespace std::chrono_literals;

namespace {

pool_view healthy() {
  pool_view out;
  out.status.emplace();
  out.status->initialized = true;
  out.status->total_connections = 2;
  out.status->connects = 2;
  return out;
}

/// The name of the first check that fails.
std::string problem(const std::vector<health_check>& checks) {
  auto i = std::ranges::find(checks, false, &health_check::passed);
  return i == checks.end() ? "" : i->name;
}

} // namespace

SCENARIO("a process works as long as its actors answer, whatever the database does") {
  CHECK_EQ(problem(liveness({})), "");
  auto x = healthy();
  x.status->total_connections = 0;
  x.status->breaker = breaker_state::open;
  x.silent = 1h;
  CHECK_EQ(problem(liveness(x)), "");
  x.unanswered = 1001ms;
  CHECK_EQ(problem(liveness(x)), "actors");
  x.unanswered = 0ms;
  x.unheard = 2s;
  CHECK_EQ(problem(liveness(x)), "actors");
}

SCENARIO("a pool is ready if it can serve") {
  CHECK_EQ(problem(readiness(healthy(), true)), "");
  CHECK_EQ(problem(readiness({}, true)), "connection");
  struct {
    const char* name;
    void (*change)(pool_view&);
  } rows[] = {
      {"actors", [](pool_view& x) { x.unanswered = 2s; }},
      {"draining", [](pool_view& x) { x.status->draining = true; }},
      {"paused", [](pool_view& x) { x.status->paused = true; }},
      {"breaker", [](pool_view& x) { x.status->breaker = breaker_state::open; }},
      {"breaker", [](pool_view& x) { x.status->breaker = breaker_state::half_open; }},
      {"connection", [](pool_view& x) { x.status->total_connections = 0; }},
      {"server", [](pool_view& x) { x.silent = 3s; }},
  };
  for (auto& row : rows) {
    auto x = healthy();
    row.change(x);
    CHECK_EQ(problem(readiness(x, true)), row.name);
  }
}

SCENARIO("a pool that keeps no connections is ready without one, once it has had one") {
  auto x = healthy();
  x.status->total_connections = 0;
  CHECK_EQ(problem(readiness(x, false)), "");
  x.status->initialized = false;
  CHECK_EQ(problem(readiness(x, false)), "connection");
}

SCENARIO("the start is over when a connection has been opened") {
  CHECK_EQ(problem(start_up({})), "started");
  CHECK_EQ(problem(start_up(healthy())), "");
}

SCENARIO("probes are answered as text or JSON, briefly or in full") {
  http::request asked;
  auto x = healthy();
  CHECK_EQ(to_response(readiness(x, true), asked).body, "ok\n");
  x.status->paused = true;
  auto out = to_response(readiness(x, true), asked);
  CHECK_EQ(out.status, 503);
  CHECK_EQ(out.body, "failed: the pool is paused: POST /admin/resume ends that\n");
  asked.query = {{"verbose", ""}};
  CHECK(to_response(readiness(x, true), asked).body.find("[+] breaker: the circuit breaker is closed\n")
        != std::string::npos);
  asked.accept = "application/json";
  asked.query.clear();
  CHECK_EQ(to_response(readiness(x, true), asked).body,
           "{\"status\":\"failed\",\"reason\":\"the pool is paused: POST /admin/resume ends that\"}\n");
  asked.query = {{"verbose", ""}};
  CHECK(to_response(liveness(x), asked).body.find(R"("checks":[{"name":"actors","ok":true)") != std::string::npos);
}

// What an operator is told first of a pool.

#define CAF_SUITE record.state

#include "app/pool_state.hpp"

#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;
using namespace std::chrono_literals;

namespace {

constexpr size_t kept = 3;

pool_view healthy() {
  pool_view out;
  out.status.emplace();
  out.status->initialized = true;
  out.status->pool_size = 3;
  out.status->total_connections = 3;
  out.status->connects = 3;
  out.status->limit = 5;
  return out;
}

state_tracker::time_point at(std::chrono::milliseconds x) {
  return state_tracker::time_point{x};
}

/// The condition after something has been so for a while.
pool_state after(const pool_view& x, std::chrono::milliseconds how_long, size_t kept_connections = kept) {
  state_tracker tracker;
  tracker.update(x, kept_connections, at(0s));
  return tracker.update(x, kept_connections, at(how_long));
}

} // namespace

SCENARIO("each condition has its sign") {
  struct {
    condition expected;
    void (*change)(pool_view&);
  } rows[] = {
      {condition::serving, [](pool_view&) {}},
      {condition::starting, [](pool_view& x) { x.status.reset(); }},
      {condition::starting,
       [](pool_view& x) {
         x.status = pool_status{};
         x.status->last_error = "no route";
       }},
      {condition::draining, [](pool_view& x) { x.status->draining = x.status->paused = true; }},
      {condition::paused, [](pool_view& x) { x.status->paused = true; }},
      {condition::down, [](pool_view& x) { x.status->breaker = breaker_state::open; }},
      {condition::down, [](pool_view& x) { x.status->breaker = breaker_state::half_open; }},
      {condition::down, [](pool_view& x) { x.status->total_connections = 0; }},
      {condition::down, [](pool_view& x) { x.unanswered = 1100ms; }},
      {condition::down, [](pool_view& x) { x.unheard = 1100ms; }},
      {condition::degraded, [](pool_view& x) { x.status->limit = 2; }},
      {condition::degraded, [](pool_view& x) { x.silent = 3s; }},
      {condition::degraded, [](pool_view& x) { x.status->waiting = 1; }},
      {condition::serving, [](pool_view& x) { x.status->total_connections = 2; }},
      {condition::degraded,
       [](pool_view& x) {
         x.status->total_connections = 2;
         x.status->last_error = "too many connections";
       }},
      {condition::serving,
       [](pool_view& x) { // Its share of a budget permits no more.
         x.status->budget = 9;
         x.status->share = 3;
         x.status->limit = x.status->total_connections = 2;
         x.status->last_error = "too many connections";
       }},
      {condition::degraded,
       [](pool_view& x) {
         x.status->budget = 9;
         x.status->share = 4;
         x.status->limit = 2;
       }},
  };
  for (auto& row : rows) {
    auto x = healthy();
    row.change(x);
    auto state = after(x, 3s);
    CHECK_EQ(to_string(state.kind), to_string(row.expected));
    if (row.expected == condition::degraded || row.expected == condition::down)
      CHECK_EQ(state.reasons.size(), 1u);
  }
}

SCENARIO("callers that wait and missing connections are usual for a moment") {
  auto x = healthy();
  x.status->waiting = 1;
  CHECK(after(x, 1900ms).kind == condition::serving);
  CHECK(after(x, 2s).kind == condition::degraded);
  GIVEN("a queue that is empty now and then") {
    state_tracker tracker;
    for (int i = 0; i < 20; ++i) {
      x.status->waiting = i % 2;
      tracker.update(x, kept, at(std::chrono::seconds{i}));
    }
    THEN("nothing is wrong") {
      CHECK(tracker.current().kind == condition::serving);
    }
  }
}

SCENARIO("requests that were turned away count for ten seconds") {
  state_tracker tracker;
  auto x = healthy();
  tracker.update(x, kept, at(0s));
  CHECK(tracker.update(x, kept, at(1s)).kind == condition::serving);
  x.status->shed = 5;
  CHECK(tracker.update(x, kept, at(2s)).kind == condition::degraded);
  CHECK(tracker.update(x, kept, at(11s)).kind == condition::degraded);
  CHECK(tracker.update(x, kept, at(13s)).kind == condition::serving);
}

SCENARIO("a condition lasts from when it began, whatever the reason") {
  state_tracker tracker;
  auto x = healthy();
  tracker.update(x, kept, at(1s));
  CHECK_EQ(tracker.update(x, kept, at(5s)).since, at(1s));
  x.status->total_connections = 0;
  x.status->last_error = "connection refused";
  auto state = tracker.update(x, kept, at(6s));
  CHECK_EQ(state.since, at(6s));
  REQUIRE_EQ(state.reasons.size(), 1u);
  CHECK_EQ(state.reasons[0], "no connection to the server is open; the last error: connection refused");
  x.status->breaker = breaker_state::open;
  state = tracker.update(x, kept, at(9s));
  CHECK(state.kind == condition::down);
  CHECK_EQ(state.since, at(6s));
  CHECK(tracker.update(healthy(), kept, at(10s)).kind == condition::serving);
  CHECK_EQ(tracker.current().since, at(10s));
}

SCENARIO("a pool that keeps no connections serves without one") {
  auto x = healthy();
  x.status->total_connections = 0;
  CHECK(after(x, 5s, 0).kind == condition::serving);
}

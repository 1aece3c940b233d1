// What 15 minutes of a pool are made of.

#define CAF_SUITE record.history

#include "app/history.hpp"

#include "app/record_json.hpp"
#include "metrics/catalogue.hpp"

#include <array>
#include <chrono>
#include <cmath>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;
using namespace std::chrono_literals;

namespace {

observation at(std::chrono::milliseconds when) {
  observation out;
  out.at = std::chrono::system_clock::time_point{when};
  out.measured_at = std::chrono::steady_clock::time_point{when};
  out.metrics.operations.resize(metrics::time_bounds().size() + 1);
  out.metrics.waits = out.metrics.operations;
  return out;
}

bool near(std::optional<double> x, double expected) {
  return x && std::abs(*x - expected) < 1e-9;
}

} // namespace

SCENARIO("quantiles are estimated within buckets") {
  constexpr std::array<double, 3> bounds{1, 2, 4};
  auto estimate = [&](double q, std::array<int64_t, 4> counts) { return quantile(q, bounds, counts); };
  CHECK(!estimate(0.5, {0, 0, 0, 0}));
  CHECK(near(estimate(0.5, {10, 0, 0, 0}), 0.5));
  CHECK(near(estimate(1, {10, 0, 0, 0}), 1));
  CHECK(near(estimate(0, {0, 10, 0, 0}), 1));
  CHECK(near(estimate(0.5, {0, 0, 10, 0}), 3));
  CHECK(near(estimate(0.5, {5, 0, 5, 0}), 1));
  CHECK(near(estimate(0.75, {5, 0, 5, 0}), 3));
  CHECK(near(estimate(0.99, {0, 0, 1, 99}), 4)); // More than the largest bound is known as that.
  CHECK(near(estimate(0.01, {0, 0, 0, 1}), 4));
}

SCENARIO("a sample tells what has happened between two observations, and how it is now") {
  auto before = at(10s);
  before.metrics.operations[3] = 100;
  before.metrics.refused["queue_full"] = 3;
  before.metrics.retries["deadlock"] = 5;
  auto now = at(12s);
  now.metrics.operations[3] = 110;
  now.metrics.operations[8] = 30;
  now.metrics.failed_operations = {{"rejected", 2}, {"unavailable", 5}};
  now.metrics.refused = {{"queue_full", 3}, {"acquire_timeout", 4}};
  now.metrics.failed_connects = {{"connect_failed", 6}};
  now.metrics.retries = {{"deadlock", 6}};
  now.metrics.breakers = {{"0", "open"}, {"1", "closed"}};
  now.metrics.sessions = 2;
  now.status.checked_out = 3;
  now.status.checked_in = 1;
  now.status.limit = 15;
  now.status.waiting = 9;
  auto x = make_sample(before, now);
  CHECK_EQ(x.at, now.at);
  CHECK_EQ(x.in_use, 3u);
  CHECK_EQ(x.idle, 1u);
  CHECK_EQ(x.limit, 15u);
  CHECK_EQ(x.waiting, 9u);
  CHECK_EQ(x.sessions, 2u);
  CHECK(near(x.statements_per_second, 20));
  CHECK(!x.wait.p50);
  CHECK_GT(x.statement.p50.value_or(0), metrics::time_bounds()[7]);
  CHECK_GT(x.statement.p99.value_or(0), *x.statement.p50);
  // Of five that were unavailable four have a code.
  CHECK(x.errors == (std::map<std::string, int64_t>{{"acquire_timeout", 4}, {"rejected", 2}, {"unavailable", 1}}));
  CHECK(x.failed_connects == (std::map<std::string, int64_t>{{"connect_failed", 6}}));
  CHECK(x.retries == (std::map<std::string, int64_t>{{"deadlock", 1}}));
  server_settings servers;
  servers.host = "a.example";
  servers.other_hosts = {{"b.example", 3307}};
  auto json = to_json(std::vector{x}, servers)["samples"][0];
  CHECK_EQ(json["breaker"].dump(), R"({"a.example:3306":"open","b.example:3307":"closed"})");
  CHECK_EQ(json["wait"].dump(), R"({"p50":null,"p99":null})");
  CHECK_EQ(json["at"].get<double>(), 12.0);
}

SCENARIO("a sample without a duration has no rate") {
  auto x = make_sample(at(1s), at(1s));
  CHECK_EQ(x.statements_per_second, 0.0);
  CHECK(x.errors.empty());
}

SCENARIO("the newest sample grows until its time is over") {
  history x;
  CHECK(x.newest(9).empty());
  for (int second = 0; second <= 12; ++second) {
    auto seen = at(std::chrono::seconds{second});
    seen.metrics.operations[0] = second * 10;
    x.add(seen);
  }
  auto samples = x.newest(9);
  REQUIRE_EQ(samples.size(), 3u);
  CHECK_EQ(samples[0].at.time_since_epoch() / 1s, 5);
  CHECK_EQ(samples[1].at.time_since_epoch() / 1s, 10);
  CHECK_EQ(samples[2].at.time_since_epoch() / 1s, 12);
  for (auto& sample : samples)
    CHECK(near(sample.statements_per_second, 10));
  CHECK_EQ(x.newest(1).size(), 1u);
  CHECK_EQ(x.newest(1)[0].at, samples[2].at);
  CHECK(x.newest(0).empty());
}

SCENARIO("the history keeps 15 minutes") {
  history x;
  for (int i = 0; i < 2000; ++i)
    x.add(at(std::chrono::seconds{i}));
  auto samples = x.newest(10'000);
  REQUIRE_EQ(samples.size(), history::capacity);
  auto spanned = samples.back().at - samples.front().at;
  CHECK_LE(spanned, 900s);
  CHECK_GE(spanned, 890s);
}

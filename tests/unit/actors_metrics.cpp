// What is measured, by a pool with scripted connections and by a retrier; and the text that says so.

#define CAF_SUITE actors.metrics

#include "cenote/metrics.hpp"
#include "metrics/catalogue.hpp"
#include "metrics/exposition.hpp"
#include "metrics/job_metrics.hpp"
#include "metrics/node_metrics.hpp"
#include "metrics/operation_metrics.hpp"
#include "metrics/pool_metrics.hpp"
#include "metrics/retry_metrics.hpp"
#include "support/exposition_text.hpp"
#include "support/pool_under_test.hpp"

// After the actors' own headers: CAF's test framework defines words that they use.
#include "support/retried_pool.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A series of the pool with this name and no other label.
std::string of_pool(const std::string& name, const std::string& more = {}, const std::string& pool = "main") {
  return name + "{" + more + (more.empty() ? "" : ",") + "db_client_connection_pool_name=\"" + pool + "\"}";
}

std::string of_state(const std::string& state) {
  return "db_client_connection_count{db_client_connection_pool_name=\"main\",db_client_connection_state=\"" + state
         + "\"}";
}

pool_settings named(const std::string& name, pool_settings rules) {
  rules.name = name;
  return rules;
}

/// Registers every metric with every label.
void register_all(caf::telemetry::metric_registry& registry) {
  metrics::pool_metrics all{registry, named("documented", {}), 1};
  all.refused(errc::queue_full);
  all.connect_failed(connection_id{1}, errc::connect_failed);
  all.operations()->answered(metrics::operation::read, outcome::unknown, 1s);
  metrics::retry_metrics{registry}.repeated(errc::deadlock);
  metrics::seconds_counter(registry, metrics::metric::io_thread_cpu, "documented", {{"thread", "0"}})->inc(1);
  metrics::node_metrics{registry}.client_came("documented");
  metrics::job_metrics{registry, "documented"}.set({{"default", "scrape", "waiting", 1}}, {{"default", 1}}, 1);
}

/// Metrics of each kind, with what is difficult to write.
void register_samples(caf::telemetry::metric_registry& registry) {
  auto things = registry.counter_family("test", "things", {"kind"}, "Things \"counted\"\nby kind", "1", true);
  things->get_or_add({{"kind", "a\"b\\c\nd"}})->inc(3);
  things->get_or_add({{"kind", ""}})->inc();
  registry.counter_family<double>("test", "busy", {}, "Time", "seconds", true)->get_or_add({})->inc(0.25);
  registry.counter_singleton("test.other", "not-total", "No sum")->inc(2);
  registry.gauge_singleton<double>("test", "level", "Level")->value(-1.5);
  std::array<double, 2> bounds{0.5, 10};
  auto times = registry.histogram_singleton<double>(
      "test", "wait", caf::span<const double>{bounds.data(), bounds.size()}, "Waits", "seconds");
  times->observe(0.25);
  times->observe(99);
}

std::string written_as(metrics_format format, const caf::telemetry::metric_registry& from) {
  metrics::exposition out{format};
  from.collect(out);
  return out.take();
}

/// The row about a metric in docs/metrics.md.
std::string row_of(const metrics::definition& x) {
  std::vector<std::string> labels{x.labels.begin(), x.labels.end()};
  if (x.of_pool)
    labels.insert(labels.begin(), "db_client_connection_pool_name");
  std::string list;
  for (auto& one : labels)
    list += (list.empty() ? "`" : ", `") + one + "`";
  static constexpr const char* kinds[] = {"gauge", "counter", "histogram"};
  return "| `" + metrics::full_name(x) + "` | " + kinds[static_cast<size_t>(x.kind)] + " | " + x.unit + " | " + list
         + " | " + x.help + " |";
}

} // namespace

// -- pools ---------------------------------------------------------------------------

SCENARIO("the gauges of a pool follow what it does, and are back at zero when it has ended") {
  GIVEN("a pool of two connections of which one is used and one request waits for none") {
    pool_under_test x{named("main", still_rules(2, 1)), 2};
    auto first = x.execute(write("a"));
    WHEN("it works, and is drained then") {
      auto busy = metrics_of(x.sys);
      x.connections.answer(1 + (x.connections.heard().find("on 2") != std::string::npos));
      auto free = metrics_of(x.sys);
      auto report = x.drain(1s);
      x.settle();
      auto after = metrics_of(x.sys);
      THEN("connections are counted by state") {
        CHECK_EQ(busy[of_state("used")], 1);
        CHECK_EQ(busy[of_state("idle")], 1);
        CHECK_EQ(busy[of_pool("cenote_requests_in_flight")], 1);
        CHECK_EQ(busy[of_pool("db_client_connection_max")], 3);
        CHECK_EQ(busy[of_pool("db_client_connection_idle_min")], 2);
        CHECK_EQ(busy[of_pool("db_client_connection_idle_max")], 2);
        CHECK_EQ(free[of_state("used")], 0);
        CHECK_EQ(free[of_state("idle")], 2);
        CHECK_EQ(free[of_pool("cenote_requests_in_flight")], 0);
        CHECK_EQ(free[of_pool("db_client_connection_use_time_seconds_count")], 1);
      }
      AND("all are zero at the end, and counters stay") {
        REQUIRE(report->arrived());
        for (auto& [series, value] : after.values)
          if (after.types[series.substr(0, series.find('{'))] == "gauge" && series.starts_with("db_client"))
            CHECK_EQ(std::pair(series, value), std::pair(series, 0.0));
        CHECK_EQ(after.sum("cenote_breaker_state"), 0);
        CHECK_EQ(after[of_pool("cenote_connections_opened_total")], 2);
        CHECK_EQ(after.sum("cenote_connections_closed_total", "drained"), 2);
      }
    }
  }
}

SCENARIO("a budget, and the pool's share of it, are gauges, and are back at zero when the pool has ended") {
  GIVEN("a pool with a budget of twenty, and one without") {
    auto rules = still_rules(4);
    rules.budget.connections = 20;
    pool_under_test x{named("main", rules), 1};
    scripted_connections others{x};
    auto other = x.own(spawn_pool_actor(x.sys, named("other", still_rules(1)), others.factory(), 1));
    x.settle();
    auto first = metrics_of(x.sys);
    WHEN("it is granted three connections, and is drained then") {
      auto told = x.ask<budget_report>(x.pool, budget_atom_v, uint64_t{3});
      auto granted = metrics_of(x.sys);
      auto status = x.status();
      x.connections.succeed(2);
      x.connections.succeed(3);
      x.drain(1s);
      x.settle();
      auto after = metrics_of(x.sys);
      THEN("they tell so, that which stops statements included") {
        REQUIRE(told->arrived());
        CHECK_EQ(first[of_pool("cenote_budget_connections")], 20);
        CHECK_EQ(first[of_pool("cenote_budget_share")], 2);
        CHECK_EQ(first[of_pool("cenote_budget_connections", {}, "other")], 0);
        CHECK_EQ(first[of_pool("cenote_budget_share", {}, "other")], 0);
        CHECK_EQ(granted[of_pool("cenote_budget_share")], 4);
        CHECK_EQ(status.budget, 20u);
        CHECK_EQ(status.share, 4u);
        CHECK_EQ(after[of_pool("cenote_budget_connections")], 0);
        CHECK_EQ(after[of_pool("cenote_budget_share")], 0);
      }
    }
  }
}

SCENARIO("a pool that is started again under its name goes on with its series") {
  GIVEN("a pool that has opened two connections and has ended") {
    pool_under_test x{named("main", still_rules(2)), 2};
    x.drain(1s);
    x.settle();
    auto before = metrics_of(x.sys);
    WHEN("another of the same name is started and opens one") {
      scripted_connections others{x};
      auto again = x.own(spawn_pool_actor(x.sys, named("main", still_rules(1)), others.factory(), 1));
      x.settle();
      others.succeed(1);
      auto after = metrics_of(x.sys);
      THEN("no series is added, and counters go on") {
        CHECK_EQ(before.values.size(), after.values.size());
        CHECK_EQ(after[of_pool("cenote_connections_opened_total")], 3);
        CHECK_EQ(after[of_state("idle")], 1);
      }
    }
  }
}

SCENARIO("the time of a connect, a wait and a use is measured") {
  GIVEN("a pool whose connect takes two seconds, with two requests") {
    pool_under_test x{named("main", still_rules(1))};
    auto first = x.execute(write("a"));
    auto second = x.execute(write("b"));
    WHEN("each holds the connection for three seconds") {
      x.pass(2s);
      auto waiting = metrics_of(x.sys);
      x.connections.succeed(1);
      x.pass(3s);
      x.connections.answer(1);
      x.pass(3s);
      x.connections.answer(1);
      auto now = metrics_of(x.sys);
      THEN("they are there, in seconds") {
        CHECK_EQ(waiting[of_pool("db_client_connection_pending_requests")], 2);
        CHECK_EQ(waiting[of_pool("cenote_connections_connecting")], 1);
        CHECK_EQ(now[of_pool("db_client_connection_create_time_seconds_count")], 1);
        CHECK_EQ(now[of_pool("db_client_connection_create_time_seconds_sum")], 2);
        CHECK_EQ(now[of_pool("db_client_connection_wait_time_seconds_count")], 2);
        CHECK_EQ(now[of_pool("db_client_connection_wait_time_seconds_sum")], 2 + 5);
        CHECK_EQ(now[of_pool("db_client_connection_use_time_seconds_count")], 2);
        CHECK_EQ(now[of_pool("db_client_connection_use_time_seconds_sum")], 6);
      }
    }
  }
}

SCENARIO("requests that the pool fails are counted by code, and as operations that failed") {
  GIVEN("a pool whose only connection is in use, and where one request may wait for a second") {
    auto rules = still_rules(1);
    rules.max_waiting = 1;
    rules.timeout = 1s;
    pool_under_test x{named("main", rules), 1};
    auto running = x.execute(write("a"));
    WHEN("two more come") {
      auto late = x.execute(write("b"));
      auto refused = x.execute(read("c"));
      x.pass(1s);
      auto now = metrics_of(x.sys);
      THEN("one is refused at once and one has waited for too long") {
        CHECK_EQ(now.sum("cenote_requests_refused_total", "queue_full"), 1);
        CHECK_EQ(now.sum("cenote_requests_refused_total", "acquire_timeout"), 1);
        CHECK_EQ(now[of_pool("db_client_connection_timeouts_total")], 1);
        CHECK_EQ(now.sum("db_client_operation_duration_seconds_count", "error_type=\"unavailable\""), 2);
      }
    }
  }
}

SCENARIO("requests that are shed are counted as such, and are no timeouts") {
  GIVEN("a pool that sheds load, whose only connection is in use, and a request that waits") {
    auto rules = still_rules(1);
    rules.shed_target = 100ms;
    rules.shed_interval = 1s;
    pool_under_test x{named("main", rules), 1};
    auto running = x.execute(write("a"));
    x.pass(1s);
    auto waiting = x.execute(write("b"));
    WHEN("nothing has been served for an interval") {
      x.pass(1s);
      auto now = metrics_of(x.sys);
      THEN("the request is counted by its code, and as an operation") {
        REQUIRE(waiting->error);
        CHECK_EQ(now.sum("cenote_requests_refused_total", "\"overloaded\""), 1);
        CHECK_EQ(now.sum("cenote_requests_refused_total"), 1);
        CHECK_EQ(now[of_pool("db_client_connection_timeouts_total")], 0);
        CHECK_EQ(now.sum("db_client_operation_duration_seconds_count", "error_type=\"unavailable\""), 1);
      }
    }
  }
}

SCENARIO("a request that comes back unsent is counted, and is one operation") {
  GIVEN("a statement that was given to a connection") {
    pool_under_test x{named("main", still_rules(1)), 1};
    auto answer = x.execute(write("a"));
    WHEN("that connection is dead, and the next one, too, but not the third") {
      x.connections.hand_back(1);
      x.pass(20ms); // The longest gap between two connects after a loss.
      x.connections.succeed(2);
      x.connections.hand_back(2);
      x.pass(20ms);
      x.connections.succeed(3);
      auto now = metrics_of(x.sys);
      THEN("it came back twice, and both connections were lost") {
        CHECK(!answer->arrived());
        CHECK_EQ(now[of_pool("cenote_requests_returned_total")], 2);
        CHECK_EQ(now[of_pool("cenote_connections_lost_total")], 2);
        CHECK_EQ(now.sum("cenote_requests_refused_total"), 0);
        CHECK_EQ(now.sum("db_client_operation_duration_seconds_count"), 0);
      }
    }
  }
}

SCENARIO("lost connections, failed connects and the breaker's state are measured") {
  GIVEN("a pool that opens its breaker after a second, with a statement running") {
    auto rules = still_rules(1);
    rules.breaker_after = 1s;
    pool_under_test x{named("main", rules), 1};
    auto running = x.execute(write("a"));
    WHEN("the connection is lost and the server refuses logins") {
      auto before = metrics_of(x.sys);
      x.connections.answer(1, make_failure(errc::connection_lost, outcome::unknown), disposition::lost);
      x.pass(1s);
      x.connections.refuse(2, errc::login_refused);
      auto now = metrics_of(x.sys);
      THEN("each is there") {
        CHECK_EQ(before.sum("cenote_breaker_state", "state=\"closed\""), 1);
        CHECK_EQ(now[of_pool("cenote_connections_lost_total")], 1);
        CHECK_EQ(now.sum("cenote_connections_closed_total", "reason=\"lost\""), 1);
        CHECK_EQ(now.sum("cenote_connects_failed_total", "login_refused"), 1);
        CHECK_EQ(now.sum("cenote_breaker_state", "state=\"open\""), 1);
        CHECK_EQ(now.sum("cenote_breaker_state"), 1);
        CHECK_EQ(now[of_pool("cenote_pool_generation")], x.status().generation);
      }
    }
  }
}

SCENARIO("what operators ask for is not counted") {
  GIVEN("a pool with one connection") {
    pool_under_test x{named("main", still_rules(1)), 1};
    WHEN("it is verified") {
      auto answer = x.verify();
      auto now = metrics_of(x.sys);
      THEN("that is no request of a caller") {
        CHECK_EQ(now[of_pool("db_client_connection_wait_time_seconds_count")], 0);
      }
    }
  }
}

// -- retriers ------------------------------------------------------------------------

SCENARIO("each retry is counted by its own cause") {
  GIVEN("a retrier that repeats twice") {
    retried_pool x{{2, 1s, 1s}};
    WHEN("a request fails by a deadlock, then by a lost connection, and succeeds then") {
      auto answer = x.execute(read("a"));
      x.pool.answer(make_failure(errc::deadlock, outcome::rolled_back));
      x.pass(1s);
      x.pool.answer(make_failure(errc::connection_lost, outcome::unknown));
      x.pass(1s);
      x.pool.answer(result{});
      auto now = metrics_of(x.sys);
      THEN("there was one retry of each, and no request was given up") {
        REQUIRE(answer->succeeded());
        CHECK_EQ(now["cenote_retries_total{error_type=\"deadlock\"}"], 1);
        CHECK_EQ(now["cenote_retries_total{error_type=\"connection_lost\"}"], 1);
        CHECK_EQ(now.sum("cenote_retries_total"), 2);
        CHECK_EQ(now["cenote_retries_exhausted_total"], 0);
      }
    }
  }
}

SCENARIO("requests that failed in spite of retries are counted") {
  GIVEN("a retrier that repeats once") {
    retried_pool x{{1, 1s, 1s}};
    WHEN("a request fails twice, by a deadlock each time") {
      auto answer = x.execute(read("a"));
      x.pool.answer(make_failure(errc::deadlock, outcome::rolled_back));
      x.pass(1s);
      x.pool.answer(make_failure(errc::deadlock, outcome::rolled_back));
      auto now = metrics_of(x.sys);
      THEN("there was one retry, and one request is given up") {
        REQUIRE(answer->arrived());
        CHECK_EQ(now["cenote_retries_total{error_type=\"deadlock\"}"], 1);
        CHECK_EQ(now["cenote_retries_exhausted_total"], 1);
      }
    }
  }
}

// -- the text ------------------------------------------------------------------------

SCENARIO("what is said is valid, whatever a pool is called") {
  GIVEN("an actor system with a pool whose name has a quotation mark, a backslash and a line break") {
    virtual_time x;
    metrics::pool_metrics strange{x.sys.metrics(), named("a\"b\\c\nd", {}), 1};
    register_all(x.sys.metrics());
    WHEN("the metrics are collected") {
      auto now = metrics_of(x.sys);
      THEN("the name is escaped, CAF's own metrics are there, and bounds are exact") {
        CHECK_EQ(now.sum("db_client_connection_idle_min", "a\\\"b\\\\c\\nd"), 10);
        CHECK_EQ(now.types.count("caf_system_running_actors"), 1u);
        auto text = collect_metrics(x.sys);
        CHECK(text.find("le=\"0.00025\"") != std::string::npos);
        CHECK(text.find("le=\"30\"") != std::string::npos);
        CHECK(text.find("le=\"+Inf\"") != std::string::npos);
      }
    }
  }
}

SCENARIO("Prometheus' own format and OpenMetrics differ where their rules do") {
  GIVEN("metrics of each kind") {
    caf::telemetry::metric_registry registry;
    register_samples(registry);
    WHEN("they are written in Prometheus' format") {
      auto text = written_as(metrics_format::prometheus, registry);
      THEN("families of counters are named as their series, and quotation marks are escaped in labels only") {
        CHECK_EQ(text, R"(# HELP test_things_total Things "counted"\nby kind
# TYPE test_things_total counter
test_things_total{kind="a\"b\\c\nd"} 3
test_things_total 1
# HELP test_busy_seconds_total Time
# TYPE test_busy_seconds_total counter
test_busy_seconds_total 0.25
# HELP test_other_not_total No sum
# TYPE test_other_not_total counter
test_other_not_total 2
# HELP test_level Level
# TYPE test_level gauge
test_level -1.5
# HELP test_wait_seconds Waits
# TYPE test_wait_seconds histogram
test_wait_seconds_bucket{le="0.5"} 1
test_wait_seconds_bucket{le="10"} 1
test_wait_seconds_bucket{le="+Inf"} 2
test_wait_seconds_sum 99.25
test_wait_seconds_count 2
)");
      }
    }
    WHEN("they are written as OpenMetrics") {
      auto text = written_as(metrics_format::open_metrics, registry);
      THEN("families have no _total but their unit, bounds are canonical, and the end is marked") {
        CHECK_EQ(text, R"(# HELP test_things Things \"counted\"\nby kind
# TYPE test_things counter
test_things_total{kind="a\"b\\c\nd"} 3
test_things_total 1
# HELP test_busy_seconds Time
# TYPE test_busy_seconds counter
# UNIT test_busy_seconds seconds
test_busy_seconds_total 0.25
# HELP test_other_not_total No sum
# TYPE test_other_not_total unknown
test_other_not_total 2
# HELP test_level Level
# TYPE test_level gauge
test_level -1.5
# HELP test_wait_seconds Waits
# TYPE test_wait_seconds histogram
# UNIT test_wait_seconds seconds
test_wait_seconds_bucket{le="0.5"} 1
test_wait_seconds_bucket{le="10.0"} 1
test_wait_seconds_bucket{le="+Inf"} 2
test_wait_seconds_sum 99.25
test_wait_seconds_count 2
# EOF
)");
      }
    }
    WHEN("there are none") {
      caf::telemetry::metric_registry empty;
      THEN("only OpenMetrics has a line") {
        CHECK_EQ(written_as(metrics_format::prometheus, empty), "");
        CHECK_EQ(written_as(metrics_format::open_metrics, empty), "# EOF\n");
      }
    }
  }
}

SCENARIO("every metric that is registered is described in docs/metrics.md, and no other") {
  GIVEN("an actor system in which everything is registered, and the document") {
    virtual_time x;
    register_all(x.sys.metrics());
    std::ifstream in{std::string{CENOTE_SOURCE_DIR} + "/docs/metrics.md"};
    std::set<std::string> documented;
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("| `db_client_") || line.starts_with("| `cenote_"))
        documented.insert(line);
    WHEN("they are compared") {
      auto now = metrics_of(x.sys);
      std::set<std::string> registered;
      for (auto& [name, type] : now.types)
        if (name.starts_with("db_client_") || name.starts_with("cenote_"))
          registered.insert(name);
      THEN("each row is in the document as it must be, and what is registered is in the catalogue") {
        std::set<std::string> rows;
        for (auto& one : metrics::catalogue()) {
          auto row = row_of(one);
          rows.insert(row);
          if (!documented.contains(row))
            CHECK_EQ(row, "is missing in docs/metrics.md");
          CHECK_EQ(registered.erase(metrics::full_name(one)), 1u);
          auto kind = now.types[metrics::full_name(one)];
          CHECK(row.find("| " + kind + " |") != std::string::npos);
          for (auto& label : now.labels[metrics::full_name(one)])
            CHECK(row.find("`" + label + "`") != std::string::npos);
        }
        CHECK(registered.empty());
        for (auto& row : documented)
          if (!rows.contains(row))
            CHECK_EQ(row, "is in docs/metrics.md, but not in the catalogue");
      }
    }
  }
}

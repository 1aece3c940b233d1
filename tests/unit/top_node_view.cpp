// What `cenote top --node` makes of what a pool tells in messages.

#define CAF_SUITE top.node_view

#include "app/node_view.hpp"

#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;
using namespace std::chrono_literals;

namespace {

const node_observer::time_point start{1'700'000'000s};

/// A pool that works.
pool_answers answers() {
  pool_answers out;
  out.status->pool = "bato";
  out.status->endpoint = "db:3306";
  out.status->initialized = true;
  out.status->pool_size = out.status->checked_in = out.status->total_connections = 2;
  out.status->limit = 3;
  out.status->connects = 2;
  out.status->served = 100;
  out.details->connections.resize(3);
  out.details->connections[0].activity = connection_activity::idle;
  out.details->connections[1].activity = connection_activity::closing;
  out.details->connections[2].activity = connection_activity::in_use;
  out.details->connections[2].statement = "SELECT SLEEP(1)";
  out.details->connections[2].running = 500ms;
  out.details->sessions.resize(1);
  out.details->sessions[0].owner = "import";
  out.statements->push_back({"SELECT ?", 10, 2, 10, 5s, 1s, 2s});
  out.settings.emplace();
  return out;
}

pool_answers unreachable(const std::string& text) {
  pool_answers out;
  failure why;
  why.code = errc::connect_failed;
  why.text = text;
  out.status = tl::unexpected{why};
  return out;
}

} // namespace

SCENARIO("what a pool tells in messages is shown as if it were told over HTTP") {
  auto x = node_observer{}.update(answers(), start);
  CHECK_EQ(x.problem, "");
  CHECK_EQ(x.pool, "bato");
  CHECK_EQ(x.endpoint, "db:3306");
  CHECK_EQ(x.state, "serving");
  CHECK_EQ(x.state_since.value(), 1'700'000'000.0);
  CHECK_EQ(x.idle, 2);
  CHECK_EQ(x.limit, 3);
  REQUIRE_EQ(x.sessions->size(), 1u);
  CHECK_EQ(x.sessions->front().owner, "import");
  REQUIRE_EQ(x.running->size(), 1u);
  CHECK_EQ(x.running->front().statement, "SELECT SLEEP(1)");
  REQUIRE_EQ(x.statements->size(), 1u);
  CHECK_EQ(x.statements->front().mean, 0.5);
  CHECK_EQ(x.history->closing, 1);
  CHECK(!x.history->no_times.empty());
  CHECK(!x.node);
}

SCENARIO("rates and errors are the differences of the last seconds") {
  GIVEN("a pool that serves 10 statements per second, and has failed some requests before") {
    node_observer observer;
    auto told = answers();
    told.status->timed_out = 7;
    auto first = observer.update(told, start);
    WHEN("some fail, and nothing more happens for a while") {
      told.status->served += 20;
      told.status->timed_out += 3;
      told.status->lost += 1;
      told.statements->front().errors += 4;
      auto soon = observer.update(told, start + 2s);
      for (auto n = 3; n < 20; ++n)
        observer.update(told, start + n * 1s);
      auto late = observer.update(told, start + 20s);
      THEN("that is told for some seconds") {
        CHECK_EQ(first.history->statements_per_second, 0);
        CHECK(first.history->errors.empty());
        CHECK_EQ(soon.history->statements_per_second, 10);
        CHECK_EQ(soon.history->span, 2);
        CHECK_EQ(soon.history->errors.at("acquire_timeout"), 3);
        CHECK_EQ(soon.history->errors.at("connection lost"), 1);
        CHECK_EQ(soon.history->errors.at("failed"), 4);
        CHECK_EQ(late.history->statements_per_second, 0);
        CHECK_EQ(late.history->span, 5);
        CHECK(late.history->errors.empty());
      }
    }
  }
}

SCENARIO("after a fail-over to another pool its numbers are not compared with those of the first") {
  node_observer observer;
  auto told = answers();
  observer.update(told, start);
  told.status->served = 5;
  told.status->lost = 3;
  auto x = observer.update(told, start + 1s);
  CHECK_EQ(x.history->statements_per_second, 0);
  CHECK(x.history->errors.empty());
  told.status->served = 15;
  CHECK_EQ(observer.update(told, start + 2s).history->statements_per_second, 10);
}

SCENARIO("a node that cannot be used is told with the reason") {
  node_observer observer;
  observer.update(answers(), start);
  auto x = observer.update(unreachable("no pool node can be reached"), start + 1s);
  CHECK_EQ(x.state, "unreachable");
  CHECK_EQ(x.problem, "does not answer: no pool node can be reached");
  x = observer.update(answers(), start + 2s);
  CHECK_EQ(x.state, "serving");
  CHECK_EQ(x.history->statements_per_second, 0);
}

SCENARIO("what the pool does not tell is not available, and the rest is shown") {
  auto told = answers();
  told.details = tl::unexpected{failure{}};
  told.statements = tl::unexpected{failure{}};
  told.settings.reset();
  auto x = node_observer{}.update(told, start);
  CHECK_EQ(x.state, "serving");
  CHECK(!x.sessions);
  CHECK(!x.running);
  CHECK(!x.statements);
}

SCENARIO("statements that are not counted, and a pool in trouble, are told so") {
  auto told = answers();
  told.settings->pool.statement_statistics = false;
  told.status->breaker = breaker_state::open;
  auto x = node_observer{}.update(told, start);
  CHECK_EQ(x.state, "down");
  REQUIRE(!x.statements);
  CHECK_EQ(x.statements.error(), "not counted: pool.statement-statistics is off");
}

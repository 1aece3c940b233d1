// Requests that wait on a connection which waits for the server itself.

#define CAF_SUITE pool_server.hanging_checks

#include "support/fault_proxy.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// A pool whose network can be frozen, and that pings before every use.
struct fixture : pool_fixture {
  fault_proxy network{server.settings().port};

  pool_actor careful_pool(size_t size, std::chrono::nanoseconds timeout) {
    auto target = server.settings();
    target.port = network.port();
    auto rules = rules_for(size);
    rules.timeout = timeout;
    rules.pre_ping_idle = 0s;
    rules.keepalive = 0s;
    return start_full_pool(target, rules);
  }
};

template <class T>
std::string outcome_of(awaited<T>& x) {
  auto came = x.get();
  return came ? "done"s : to_string(came.error().code) + " " + to_string(came.error().outcome);
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("requests behind a ping that hangs are answered in their own time, and cost no connection") {
  GIVEN("a pool of one whose network is frozen") {
    auto pool = careful_pool(1, 8s);
    network.swallow(true);
    WHEN("a read without a limit comes, and with it others of 200 ms") {
      stopwatch watch;
      auto first = ask(pool, read("SELECT 1"));
      auto second = ask(pool, read("SELECT 2").within(200ms));
      auto third = ask(pool, idempotent_write("DO 3").within(200ms));
      auto two = outcome_of(second);
      auto three = outcome_of(third);
      auto took = watch.elapsed();
      THEN("the others are answered in time, and not sent") {
        CHECK(two == "statement_timeout not_sent" || two == "acquire_timeout unavailable");
        CHECK(three == "statement_timeout not_sent" || three == "acquire_timeout unavailable");
        CHECK(took >= 200ms);
        CHECK(took < 3s);
        CHECK(!first.arrived());
      }
      AND("the first is served by the same connection when the network goes on") {
        network.swallow(false);
        CHECK_EQ(outcome_of(first), "done");
        auto now = await_free(pool, 1);
        CHECK_EQ(now.connects, 1u);
        CHECK_EQ(now.lost, 0u);
        CHECK_EQ(now.generation, 0u);
      }
    }
  }
}

SCENARIO("who wants the connection alone and is in a hurry does not take it away from the pool") {
  GIVEN("a pool of one whose network is frozen") {
    auto pool = careful_pool(1, 8s);
    session_user user{system(), pool};
    network.swallow(true);
    WHEN("a write of 200 ms meets the ping, and others wait behind it") {
      stopwatch watch;
      auto first = ask(pool, write("DO 1").within(200ms));
      auto second = ask(pool, all_or_nothing(write("DO 2")).within(300ms));
      session_options options;
      options.acquire_timeout = 300ms;
      auto third = user.ask_checkout(options);
      auto one = outcome_of(first);
      auto took_one = watch.elapsed();
      auto two = outcome_of(second);
      auto three = outcome_of(third);
      THEN("each is answered in its time, and nothing was sent") {
        // The latter if the connection was still being reset when it came.
        CHECK(one == "statement_timeout not_sent" || one == "acquire_timeout unavailable");
        CHECK_EQ(two, "acquire_timeout unavailable");
        CHECK_EQ(three, "acquire_timeout unavailable");
        CHECK(took_one >= 200ms);
        CHECK(watch.elapsed() < 3s);
      }
      AND("the connection is kept and serves when the network goes on") {
        network.swallow(false);
        must(pool, read("SELECT 1"));
        auto now = await_free(pool, 1);
        CHECK_EQ(now.connects, 1u);
        CHECK_EQ(now.lost, 0u);
        CHECK_EQ(now.generation, 0u);
      }
    }
  }
}

SCENARIO("a checkout whose ping hangs ends in its time, and its connection serves others afterwards") {
  GIVEN("a pool of one whose network is frozen") {
    auto pool = careful_pool(1, 8s);
    session_user user{system(), pool};
    network.swallow(true);
    WHEN("a session is asked for that may wait for 200 ms") {
      session_options options;
      options.acquire_timeout = 200ms;
      auto asked = user.ask_checkout(options);
      auto came = outcome_of(asked);
      network.swallow(false);
      THEN("it is not given, and the next one is") {
        CHECK_EQ(came, "acquire_timeout unavailable");
        auto id = user.checkout();
        CHECK_EQ(user.must(id, read("SELECT 7"))[0].get<int>(0), 7);
        CHECK_EQ(status(pool).connects, 1u);
      }
    }
  }
}

SCENARIO("without limits of their own all behind a ping that hangs wait for the pool's timeout") {
  GIVEN("a pool of one with a timeout of 1 s whose network is frozen") {
    auto pool = careful_pool(1, 1s);
    network.swallow(true);
    WHEN("three reads come") {
      stopwatch watch;
      auto first = ask(pool, read("SELECT 1"));
      auto second = ask(pool, read("SELECT 2"));
      auto third = ask(pool, idempotent_write("DO 3"));
      auto outcomes = outcome_of(first) + ", " + outcome_of(second) + ", " + outcome_of(third);
      auto took = watch.elapsed();
      THEN("they are answered then, and were not sent") {
        auto one = "acquire_timeout unavailable"s;
        CHECK_EQ(outcomes, one + ", " + one + ", " + one);
        CHECK(took >= 1s);
        CHECK(took < 4s);
        network.swallow(false);
        CHECK_EQ(must(pool, read("SELECT 1"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("what comes while a statement is being stopped is answered in its own time") {
  GIVEN("a pool of one that cannot tell a frozen server to stop a slow read, and a read behind it") {
    auto pool = careful_pool(1, 8s);
    // Time enough to be frozen before the first is stopped, on a busy machine, too.
    auto slow = ask(pool, read("SELECT SLEEP(30) /* slow */").within(3s));
    auto behind = ask(pool, idempotent_write("DO 1").within(3200ms));
    await_running("%/* slow */", 1);
    network.swallow(true);
    WHEN("the time of the first is up, and then that of the second") {
      auto first = outcome_of(slow);
      stopwatch watch;
      auto second = outcome_of(behind);
      THEN("both are answered") {
        CHECK_EQ(first, "statement_timeout unknown");
        std::vector in_time{"statement_timeout unknown"s, "statement_timeout not_sent"s,
                            "acquire_timeout unavailable"s};
        if (std::ranges::find(in_time, second) == in_time.end())
          CHECK_EQ(second, in_time.front());
        CHECK(watch.elapsed() < 3s);
        network.swallow(false);
        CHECK_EQ(must(pool, read("SELECT 1"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("at the end of a drain's time only what was sent is unknown") {
  GIVEN("a pool of three: one statement runs, two requests wait for their pings, and two for a connection") {
    auto pool = careful_pool(3, 30s);
    session_user user{system(), pool};
    auto runs = ask(pool, write("DO SLEEP(30) /* runs */"));
    await_running("%/* runs */", 1);
    network.swallow(true);
    auto pinged = ask(pool, write("DO 1"));
    auto shared = ask(pool, read("SELECT 2"));
    await_status(pool, [](auto& x) { return x.checked_out == 3; });
    auto waits = ask(pool, all_or_nothing(write("DO 3")));
    auto session = user.ask_checkout();
    await_status(pool, [](auto& x) { return x.waiting == 2; });
    WHEN("it is drained with little time") {
      auto report = drain(pool, 100ms);
      auto outcomes = outcome_of(runs) + ", " + outcome_of(pinged) + ", " + outcome_of(shared) + ", "
                      + outcome_of(waits) + ", " + outcome_of(session);
      network.swallow(false);
      THEN("the others know that they were not sent") {
        auto one = "shutting_down unavailable"s;
        CHECK_EQ(outcomes, "connection_lost unknown, " + one + ", " + one + ", " + one + ", " + one);
        auto came = report.get();
        REQUIRE(came.has_value());
        CHECK_EQ(came->finished, 0u);
        CHECK_EQ(came->cut, 5u);
      }
    }
  }
}

SCENARIO("what runs when a drain begins and ends in time has finished") {
  GIVEN("a pool with a statement that runs for a moment") {
    auto pool = start_full_pool(server.settings(), rules_for(1));
    auto asked = ask(pool, write("DO SLEEP(0.3) /* runs */"));
    await_running("%/* runs */", 1);
    WHEN("it is drained") {
      auto report = drain(pool, 30s).get();
      THEN("it has succeeded, and is in the report") {
        CHECK_EQ(outcome_of(asked), "done");
        REQUIRE(report.has_value());
        CHECK_EQ(report->finished, 1u);
        CHECK_EQ(report->cut, 0u);
      }
    }
  }
}

SCENARIO("a pool that keeps nothing closes all, and opens again on demand") {
  GIVEN("a pool of none to two that closes what was idle for 100 ms") {
    auto rules = rules_for(2);
    rules.min_size = 0;
    auto pool = start_pool(server.settings(), rules);
    WHEN("it serves, is left alone, and serves again") {
      must(pool, read("SELECT 1"));
      auto now = await_free(pool, 0);
      CHECK(eventually([&] { return sessions().empty(); }));
      must(pool, write("DO 2"));
      verify(pool);
      THEN("it has opened one connection each time") {
        CHECK_EQ(now.connects, 1u);
        CHECK(status(pool).connects >= 2u);
        CHECK_EQ(await_free(pool, 0).lost, 0u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

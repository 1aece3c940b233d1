// Time limits of statements.

#define CAF_SUITE pool_server.timeouts

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(2));
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a statement that takes too long is answered in time and stopped on the server") {
  GIVEN("a statement of ten seconds that may take 200 ms") {
    auto query = write("SELECT SLEEP(10) /* too long */").within(200ms);
    WHEN("it is run") {
      stopwatch watch;
      auto came = run(pool, query);
      auto took = watch.elapsed();
      THEN("the answer is a typed timeout at about that time, and the outcome is unknown") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "statement_timeout");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        CHECK(took >= 200ms);
        CHECK(took < 5s);
      }
      AND("the server stops running it") {
        await_running("%/* too long */", 0);
      }
      AND("its connection has been kept, and serves") {
        auto now = await_free(pool, 2);
        CHECK_EQ(now.connects, 2u);
        CHECK_EQ(now.lost, 0u);
        CHECK_EQ(must(pool, read("SELECT 1"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("a time limit that is not reached changes nothing") {
  GIVEN("a statement that is done well within its time") {
    WHEN("it is run again and again") {
      for (int i = 0; i < 100; ++i)
        must(pool, read("SELECT 1").within(30s));
      THEN("all answers come and the connections stay") {
        auto now = status(pool);
        CHECK_EQ(now.connects, 2u);
        CHECK_EQ(now.total_connections, 2u);
      }
    }
  }
}

SCENARIO("the wait for a connection counts towards the time limit") {
  GIVEN("a pool whose connections are all in use") {
    auto first = ask(pool, read("SELECT SLEEP(30) /* busy */"));
    auto second = ask(pool, read("SELECT SLEEP(30) /* busy */"));
    await_running("%/* busy */", 2);
    WHEN("a statement may take 200 ms") {
      stopwatch watch;
      auto came = run(pool, write("INSERT INTO nowhere VALUES (1)").within(200ms));
      auto took = watch.elapsed();
      THEN("it fails in time without having been sent") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "acquire_timeout");
        CHECK_EQ(to_string(came.error().outcome), "unavailable");
        CHECK(took >= 200ms);
        CHECK(took < 5s);
        CHECK(came.error().waited >= 200ms);
        CHECK(!first.arrived());
        CHECK(!second.arrived());
      }
    }
  }
}

SCENARIO("many time limits that pass together cost no connection") {
  GIVEN("ten rounds of statements that all take too long") {
    WHEN("they are run on both connections") {
      size_t timeouts = 0;
      for (int i = 0; i < 10; ++i) {
        auto first = ask(pool, read("SELECT SLEEP(10) /* late */").within(50ms));
        auto second = ask(pool, read("SELECT SLEEP(10) /* late */").within(50ms));
        // One that did not get a connection within its time counts as well.
        timeouts += !first.get().has_value();
        timeouts += !second.get().has_value();
      }
      THEN("each is answered with a timeout, and there is one session more: that which stops the others") {
        CHECK_EQ(timeouts, 20u);
        await_running("%/* late */", 0);
        CHECK_EQ(await_free(pool, 2).connects, 2u);
        CHECK(eventually([&] { return sessions().size() == 3; }));
      }
    }
  }
}

SCENARIO("a server that is frozen delays nobody beyond their time") {
  GIVEN("a server that has stopped to react, and that nobody can connect to") {
    auto target = server.settings();
    target.connect_timeout = 1s;
    auto rules = rules_for(2);
    rules.timeout = 2s;
    auto patient = start_full_pool(target, rules);
    freeze();
    WHEN("statements with and without a time limit of their own meet it") {
      stopwatch watch;
      auto limited = ask(patient, read("SELECT 1").within(300ms));
      auto came = limited.get();
      auto took = watch.elapsed();
      THEN("the limited one is answered in time") {
        REQUIRE(!came.has_value());
        CHECK(took >= 300ms);
        CHECK(took < 5s);
      }
      AND("when the server goes on the pool serves again") {
        thaw();
        CHECK_EQ(must(patient, read("SELECT 1").within(30s))[0].get<int>(0), 1);
        await_free(patient, 2);
      }
    }
  }
}

SCENARIO("a check before use that is never answered does not hold its caller") {
  GIVEN("a frozen server and a pool that pings before every use") {
    auto target = server.settings();
    target.connect_timeout = 1s;
    auto rules = rules_for(1);
    rules.timeout = 2s;
    rules.pre_ping_idle = 0s;
    auto careful = start_full_pool(target, rules);
    freeze();
    WHEN("a statement without a time limit of its own is run") {
      auto asked = ask(careful, write("SELECT 1"));
      auto arrived = eventually([&] { return asked.arrived(); });
      thaw();
      THEN("it fails without having been sent, about when the wait for a connection is over") {
        REQUIRE(arrived);
        auto came = asked.get();
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().outcome), "unavailable");
      }
      AND("when the server goes on the pool serves again") {
        CHECK_EQ(must(careful, read("SELECT 1"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("limits at their own limits mean what they say") {
  using ns = std::chrono::nanoseconds;
  GIVEN("a pool, the same behind a retrier, and limits from the smallest to the largest") {
    for (auto& target : {pool, spawn_retrier(system(), pool)}) {
      session_user user{system(), target};
      for (auto limit : {ns::min(), ns{-1}, ns{0}, ns{1}, ns::max() - ns{1}, ns::max()}) {
        MESSAGE("limit " << limit.count());
        auto is_past = limit < ns{0};
        auto is_short = limit == ns{1};
        auto is_right = [&](const auto& came) {
          if (!is_past && !is_short)
            return came.has_value();
          auto result = came ? outcome::rejected : came.error().outcome;
          return result == outcome::unavailable || (is_short && result == outcome::not_sent);
        };
        WHEN("a read, a write, a transaction and a session have that limit") {
          auto a = run(target, read("SELECT SLEEP(0.05)").within(limit));
          auto b = run(target, write("DO SLEEP(0.05)").within(limit));
          auto c = run(target, all_or_nothing(write("DO SLEEP(0.05)")).within(limit));
          session_options options;
          options.time_limit = limit;
          auto d = user.ask_checkout(options).get();
          THEN("those without a limit run, those whose time has passed are not sent") {
            CHECK(is_right(a));
            CHECK(is_right(b));
            CHECK(is_right(c));
            if (!is_short) // That one may have ended before its holder knows of it.
              CHECK(is_right(d));
            if (d && !is_short)
              CHECK(user.run(*d, read("SELECT SLEEP(0.05)")).has_value());
            if (d)
              user.checkin(*d);
          }
        }
      }
    }
    THEN("all connections are there still") {
      auto now = await_free(pool, 2);
      CHECK_EQ(now.connects, 2u);
      CHECK_EQ(now.lost, 0u);
    }
  }
}

END_FIXTURE_SCOPE()

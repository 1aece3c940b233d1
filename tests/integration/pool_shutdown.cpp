// Shutting down: what was accepted is finished or cut, and nobody waits for ever.

#define CAF_SUITE pool_server.shutdown

#include "support/callers.hpp"
#include "support/pool_fixture.hpp"

#include <caf/send.hpp>
#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  /// A pool of two with `waiting` more statements than it has connections.
  pool_actor loaded_pool(const std::string& seconds, size_t waiting) {
    auto result = start_full_pool(server.settings(), rules_for(2));
    for (size_t i = 0; i < waiting + 2; ++i)
      asked.push_back(ask(result, write("SELECT SLEEP(" + seconds + ") /* work */")));
    await_status(result, [waiting](auto& x) { return x.checked_out == 2 && x.waiting == waiting; });
    await_running("%/* work */", 2);
    return result;
  }

  std::vector<awaited<result>> asked;
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a drain with enough time finishes what was accepted and refuses what comes later") {
  GIVEN("a pool with two statements running and four waiting") {
    auto pool = loaded_pool("0.3", 4);
    WHEN("it is drained with half a minute of patience") {
      auto drained = drain(pool, 30s);
      await_status(pool, [](auto& x) { return x.draining; });
      auto late = run(pool, write("SELECT 1"));
      auto report = drained.get();
      THEN("all that were accepted succeed") {
        for (auto& x : asked)
          CHECK(x.get().has_value());
        REQUIRE(report.has_value());
        CHECK_EQ(report->finished, 6u);
        CHECK_EQ(report->cut, 0u);
      }
      AND("the late one was refused") {
        REQUIRE(!late.has_value());
        CHECK_EQ(to_string(late.error().code), "shutting_down");
        CHECK_EQ(to_string(late.error().outcome), "unavailable");
      }
      AND("no session is left") {
        CHECK(eventually([&] { return sessions().empty(); }));
      }
    }
  }
}

SCENARIO("a drain without patience cuts what runs and fails what waits") {
  GIVEN("a pool with two long statements running and four waiting") {
    auto pool = loaded_pool("30", 4);
    WHEN("it is drained with no time at all") {
      stopwatch watch;
      auto report = drain(pool, 0s).get();
      auto took = watch.elapsed();
      THEN("it answers at once") {
        REQUIRE(report.has_value());
        CHECK_EQ(report->finished, 0u);
        CHECK_EQ(report->cut, 6u);
        CHECK(took < 5s);
      }
      AND("those that ran are told that the outcome is unknown, and the others that they never did") {
        size_t unknown = 0;
        size_t unavailable = 0;
        for (auto& x : asked) {
          auto came = x.get();
          REQUIRE(!came.has_value());
          unknown += came.error().code == errc::connection_lost && came.error().outcome == outcome::unknown;
          unavailable += came.error().code == errc::shutting_down && came.error().outcome == outcome::unavailable;
        }
        CHECK_EQ(unknown, 2u);
        CHECK_EQ(unavailable, 4u);
      }
      AND("the server stops working on them") {
        await_running("%/* work */", 0);
        CHECK(eventually([&] { return sessions().empty(); }));
      }
    }
  }
}

SCENARIO("a drain whose time runs out cuts the rest") {
  GIVEN("a pool with two long statements running and one waiting") {
    auto pool = loaded_pool("30", 1);
    WHEN("it is drained with 300 ms of patience") {
      stopwatch watch;
      auto report = drain(pool, 300ms).get();
      auto took = watch.elapsed();
      THEN("it waits that long and cuts them") {
        REQUIRE(report.has_value());
        CHECK_EQ(report->cut, 3u);
        CHECK(took >= 300ms);
        CHECK(took < 5s);
        for (auto& x : asked)
          CHECK(!x.get().has_value());
      }
    }
  }
}

SCENARIO("a second, shorter drain makes the first one shorter") {
  GIVEN("a pool that drains with a minute of patience") {
    auto pool = loaded_pool("50", 0);
    auto first = drain(pool, 60s);
    await_status(pool, [](auto& x) { return x.draining; });
    WHEN("it is asked again with none") {
      stopwatch watch;
      auto second = drain(pool, 0s).get();
      auto report = first.get();
      THEN("both are answered at once with the same report") {
        REQUIRE(second.has_value());
        REQUIRE(report.has_value());
        CHECK(*report == *second);
        CHECK_EQ(report->cut, 2u);
        CHECK(watch.elapsed() < 10s);
      }
    }
  }
}

SCENARIO("an exit message ends the pool and answers everybody") {
  GIVEN("a pool with two long statements running and four waiting") {
    auto pool = loaded_pool("30", 4);
    WHEN("it is sent an exit message") {
      caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
      THEN("everybody gets a typed error") {
        for (auto& x : asked) {
          auto came = x.get();
          REQUIRE(!came.has_value());
          CHECK_NE(to_string(came.error().code), "internal");
        }
      }
      AND("no session is left") {
        CHECK(eventually([&] { return sessions().empty(); }));
      }
    }
  }
}

SCENARIO("a pool that is killed leaves nobody without an answer and no session behind") {
  GIVEN("a pool with two long statements running and four waiting") {
    auto pool = loaded_pool("30", 4);
    WHEN("its actor is killed") {
      caf::anon_send_exit(pool, caf::exit_reason::kill);
      THEN("everybody is answered") {
        for (auto& x : asked)
          CHECK(!x.get().has_value());
      }
      AND("its connections end by themselves") {
        await_running("%/* work */", 0);
        CHECK(eventually([&] { return sessions().empty(); }));
      }
    }
  }
}

SCENARIO("a verify that waits is told when the pool shuts down") {
  GIVEN("a pool of one that is busy, and a verify behind the statement") {
    auto pool = start_full_pool(server.settings(), rules_for(1));
    asked.push_back(ask(pool, write("SELECT SLEEP(30) /* work */")));
    await_running("%/* work */", 1);
    auto verified = ask_verify(pool);
    await_status(pool, [](auto& x) { return x.waiting == 1; });
    WHEN("the pool is drained without patience") {
      drain(pool, 0s).get();
      auto came = verified.get();
      THEN("verify fails with that reason") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "shutting_down");
        CHECK_EQ(to_string(came.error().outcome), "unavailable");
      }
    }
  }
}

SCENARIO("a pool under load can be drained at any time") {
  GIVEN("a hundred callers that write without a pause") {
    auto pool = start_full_pool(server.settings(), rules_for(4, 2));
    must(admin(), write("CREATE TABLE ledger (id BIGINT UNSIGNED PRIMARY KEY)"));
    callers crowd{system(), pool, 100, [](uint64_t number) { return write("INSERT INTO ledger VALUES (?)", number); }};
    REQUIRE(eventually([&] { return crowd.succeeded() > 500; }));
    WHEN("the pool is drained") {
      auto report = drain(pool, 30s).get();
      auto records = crowd.finish();
      THEN("what succeeded is in the table, and nothing else is") {
        REQUIRE(report.has_value());
        CHECK_EQ(report->cut, 0u);
        CHECK_EQ(must(admin(), read("SELECT COUNT(*) FROM ledger"))[0].get<uint64_t>(0), crowd.succeeded());
        CHECK_EQ(records.size(), crowd.succeeded() + 100);
      }
    }
  }
}

END_FIXTURE_SCOPE()

// A network that fails between the pool and a healthy server.

#define CAF_SUITE chaos.network

#include "integration/chaos_support.hpp"
#include "support/fault_proxy.hpp"

#include <algorithm>
#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : chaos_fixture {
  fault_proxy network{server.settings().port};

  fixture() { must(admin(), write("CREATE TABLE t (id INT) ENGINE=InnoDB")); }

  pool_actor start(size_t size) {
    auto target = server.settings();
    target.port = network.port();
    target.connect_timeout = 1s;
    return start_full_pool(target, rules_for(size));
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a statement whose connection is cut has an unknown outcome") {
  GIVEN("a write that is running") {
    auto pool = start(2);
    auto asked = ask(pool, write("INSERT INTO t SELECT 1 FROM (SELECT SLEEP(60)) AS x /* cut */"));
    await_running("%/* cut */", 1);
    WHEN("the network is cut") {
      network.cut_all();
      auto came = asked.get();
      THEN("its caller is told so, and the server does not go on with it for long") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "connection_lost");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        await_running("%/* cut */", 0);
      }
      AND("the pool has its size again") {
        await_free(pool, 2);
        CHECK_EQ(must(pool, read("SELECT 1"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("nobody notices that idle connections were cut") {
  GIVEN("a pool of four") {
    auto pool = start(4);
    WHEN("the network is cut thirty times, and writes follow at once") {
      for (int round = 0; round < 30; ++round) {
        network.cut_all();
        std::vector<awaited<result>> asked;
        for (int i = 0; i < 6; ++i)
          asked.push_back(ask(pool, write("INSERT INTO t VALUES (?)", round)));
        for (auto& x : asked) {
          auto came = x.get();
          if (!came)
            FAIL("round " << round << ": " << to_string(came.error()));
        }
        await_free(pool, 4);
      }
      THEN("each was carried out once") {
        CHECK_EQ(count("SELECT COUNT(*) FROM t"), 180u);
      }
    }
  }
}

SCENARIO("a network that swallows everything holds nobody beyond the statement's time") {
  GIVEN("a pool whose packets get lost") {
    auto pool = start(2);
    network.swallow(true);
    WHEN("statements with little time are run") {
      std::vector<awaited<result>> asked;
      for (int i = 0; i < 6; ++i)
        asked.push_back(ask(pool, write("INSERT INTO t VALUES (1)").within(150ms)));
      THEN("all of them are answered, those that were sent with an unknown outcome") {
        size_t unknown = 0;
        for (auto& x : asked) {
          auto came = x.get();
          REQUIRE(!came.has_value());
          unknown += came.error().outcome == outcome::unknown;
          auto is_expected = came.error().code == errc::statement_timeout || came.error().code == errc::acquire_timeout;
          CHECK(is_expected);
        }
        CHECK_EQ(unknown, 2u);
      }
      AND("the pool serves when the network is back") {
        network.swallow(false);
        CHECK_EQ(must(pool, read("SELECT 1"))[0].get<int>(0), 1);
        await_free(pool, 2);
      }
    }
  }
}

SCENARIO("a reply of which only the beginning arrives is a lost connection") {
  GIVEN("a pool of one, and replies that end after some bytes") {
    auto pool = start(1);
    WHEN("reads and writes get them") {
      // The header of a packet, its first byte, the columns' definitions, the rows.
      for (size_t bytes : {1, 3, 4, 5, 6, 10, 30, 60, 1000, 20'000, 90'000}) {
        network.cut_replies_after(bytes);
        auto error = fails(pool, read("SELECT REPEAT('x', 100000), 2"));
        MESSAGE(bytes << " bytes: " << to_string(error));
        CHECK_EQ(to_string(error.code), "connection_lost");
        CHECK_EQ(to_string(error.outcome), "unknown");
        await_free(pool, 1);
      }
      for (size_t bytes : {1, 4, 5, 7, 10}) {
        network.cut_replies_after(bytes);
        auto error = fails(pool, write("INSERT INTO t VALUES (?)", bytes));
        MESSAGE(bytes << " bytes: " << to_string(error));
        CHECK_EQ(to_string(error.code), "connection_lost");
        CHECK_EQ(to_string(error.outcome), "unknown");
        await_free(pool, 1);
      }
      THEN("the connection was replaced each time, and the writes are there") {
        CHECK_EQ(status(pool).connects, 17u);
        CHECK_EQ(count("SELECT COUNT(*) FROM t"), 5u);
      }
    }
  }
}

SCENARIO("a retrier gets over replies of which only the beginning arrives") {
  GIVEN("a retrier of a pool of one") {
    auto pool = start(1);
    auto retrier = spawn_retrier(system(), pool, {.max_retries = 5, .initial_delay = 10ms, .max_delay = 20ms});
    WHEN("the reply to a read is cut") {
      network.cut_replies_after(40);
      auto came = run(retrier, read("SELECT REPEAT('x', 1000)"));
      THEN("it is read once more") {
        REQUIRE(came.has_value());
        CHECK_EQ((*came)[0].text(0).size(), 1000u);
        CHECK_EQ(status(pool).served, 2u);
      }
    }
  }
}

SCENARIO("a slow network only makes things slower") {
  GIVEN("a pool behind a network that takes one millisecond in each direction") {
    network.delay(1ms);
    auto pool = start(4);
    WHEN("statements small and large run at the same time") {
      std::vector<awaited<result>> asked;
      for (size_t i = 0; i < 200; ++i)
        asked.push_back(ask(pool, read("SELECT REPEAT('x', ?)", i % 20 == 0 ? 500'000 : i)));
      THEN("each gets its answer, and no connection was lost") {
        for (size_t i = 0; i < 200; ++i)
          CHECK_EQ(asked[i].get().value()[0].text(0).size(), i % 20 == 0 ? 500'000 : i);
        CHECK_EQ(status(pool).connects, 4u);
        CHECK_EQ(status(pool).lost, 0u);
      }
    }
  }
}

SCENARIO("callers wait for a network that refuses connects") {
  GIVEN("a pool that was cut off, and callers that wait") {
    auto pool = start(2);
    network.refuse(true);
    network.cut_all();
    std::vector<awaited<result>> asked;
    for (int i = 0; i < 5; ++i)
      asked.push_back(ask(pool, write("INSERT INTO t VALUES (1)")));
    auto now = await_status(pool, [](auto& x) { return x.waiting == 5 && x.total_connections == 0; });
    CHECK(!now.last_error.empty());
    WHEN("connects are possible again") {
      network.refuse(false);
      THEN("each is served once") {
        for (auto& x : asked)
          CHECK(x.get().has_value());
        CHECK_EQ(count("SELECT COUNT(*) FROM t"), 5u);
        await_free(pool, 2);
      }
    }
  }
}

END_FIXTURE_SCOPE()

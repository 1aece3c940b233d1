// How a pool looks after its connections.

#define CAF_SUITE pool_server.liveness

#include "support/pool_fixture.hpp"

#include <algorithm>
#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// Counts pings among other things, none of which the tests do.
constexpr const char* pings = "Com_admin_commands";

} // namespace

BEGIN_FIXTURE_SCOPE(pool_fixture)

SCENARIO("a connection that was idle for long is pinged before its use") {
  GIVEN("a pool for which any idle time is long") {
    auto rules = rules_for(1);
    rules.pre_ping_idle = 0s;
    rules.keepalive = 0s;
    auto pool = start_full_pool(server.settings(), rules);
    auto before = counter(pings);
    WHEN("twenty statements run") {
      for (int i = 0; i < 20; ++i)
        must(pool, read("SELECT 1"));
      THEN("the server was pinged twenty times") {
        CHECK_EQ(counter(pings) - before, 20u);
      }
    }
  }
}

SCENARIO("a connection that was just used is not pinged") {
  GIVEN("a pool for which a minute is long") {
    auto rules = rules_for(1);
    rules.pre_ping_idle = 60s;
    rules.keepalive = 0s;
    auto pool = start_full_pool(server.settings(), rules);
    auto before = counter(pings);
    WHEN("twenty statements run") {
      for (int i = 0; i < 20; ++i)
        must(pool, read("SELECT 1"));
      THEN("the server was not pinged") {
        CHECK_EQ(counter(pings) - before, 0u);
      }
    }
  }
}

SCENARIO("pings keep idle connections alive") {
  GIVEN("a server that ends sessions after one second, and a pool that pings three times a second") {
    must(admin(), write("SET GLOBAL wait_timeout = 1"));
    auto rules = rules_for(2);
    rules.keepalive = 300ms;
    auto pool = start_full_pool(server.settings(), rules);
    auto before = counter(pings);
    WHEN("each connection has been pinged ten times") {
      REQUIRE(eventually([&] { return counter(pings) >= before + 20; }));
      THEN("no connection was lost") {
        auto now = status(pool);
        CHECK_EQ(now.lost, 0u);
        CHECK_EQ(now.connects, 2u);
      }
    }
  }
}

SCENARIO("connections are replaced when they are old, but never in use") {
  GIVEN("a pool of two whose connections live for one second, one of them in use for longer") {
    auto rules = rules_for(2);
    rules.recycle = 1s;
    auto pool = start_full_pool(server.settings(), rules);
    auto old_sessions = sessions();
    auto slow = ask(pool, read("SELECT SLEEP(2.5), CONNECTION_ID() /* slow */"));
    await_running("%/* slow */", 1);
    WHEN("the idle one has been replaced twice") {
      await_status(pool, [](auto& x) { return x.connects >= 4; });
      auto still_running = !slow.arrived();
      auto came = slow.get();
      THEN("the other has finished its statement before it was replaced, too") {
        CHECK(still_running);
        REQUIRE(came.has_value());
        auto used = (*came)[0].get<uint64_t>(1);
        CHECK(std::ranges::binary_search(old_sessions, used));
        CHECK(eventually([&] { return !std::ranges::binary_search(sessions(), used); }));
        for (auto id : sessions())
          CHECK(!std::ranges::binary_search(old_sessions, id));
        auto now = await_free(pool, 2);
        CHECK_EQ(now.lost, 0u);
        CHECK_EQ(now.last_error, "");
      }
    }
  }
}

SCENARIO("a lost connection makes the pool doubt the others") {
  GIVEN("a pool of three that pings only what was idle for a minute") {
    auto rules = rules_for(3);
    rules.pre_ping_idle = 60s;
    rules.keepalive = 0s;
    auto pool = start_full_pool(server.settings(), rules);
    auto victims = sessions();
    auto before = counter(pings);
    WHEN("one of them is killed") {
      end_session(victims.front());
      await_status(pool, [](auto& x) { return x.lost == 1 && x.total_connections == 3; });
      std::vector<awaited<result>> asked;
      for (int i = 0; i < 3; ++i)
        asked.push_back(ask(pool, read("SELECT SLEEP(0.2)")));
      for (auto& x : asked)
        CHECK(x.get().has_value());
      THEN("the two others were pinged before their next use, the new one was not") {
        CHECK_EQ(counter(pings) - before, 2u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

// Connections that the server's side ends.

#define CAF_SUITE pool_server.kills

#include "support/callers.hpp"
#include "support/pool_fixture.hpp"

#include <algorithm>
#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

BEGIN_FIXTURE_SCOPE(pool_fixture)

SCENARIO("no caller notices that idle connections were killed") {
  GIVEN("a pool of four idle connections") {
    auto pool = start_full_pool(server.settings(), rules_for(4));
    WHEN("all of them are killed twenty times, and as many statements follow at once") {
      for (int round = 0; round < 20; ++round) {
        auto victims = sessions();
        REQUIRE_EQ(victims.size(), 4u);
        for (auto id : victims)
          end_session(id);
        std::vector<awaited<result>> asked;
        for (int i = 0; i < 8; ++i)
          asked.push_back(ask(pool, write("SELECT ?", i)));
        for (auto& x : asked) {
          auto came = x.get();
          if (!came)
            FAIL("round " << round << ": " << to_string(came.error()));
        }
        await_free(pool, 4);
        REQUIRE(eventually([&] { return sessions().size() == 4; }));
      }
      THEN("the pool has replaced each of them") {
        auto now = status(pool);
        // The first that is found dead in a caller's hands takes its generation with it. That closes those of the
        // others that nobody has missed yet, which then do not count as lost, and the up to three that were replaced
        // already.
        CHECK(now.lost >= 20u);
        CHECK(now.lost <= 80u);
        CHECK(now.connects >= 4u + 80u);
        CHECK(now.connects <= 4u + 80u + 20u * 3u);
        CHECK(!now.last_error.empty());
      }
    }
  }
}

SCENARIO("the caller of a killed connection learns that its outcome is unknown") {
  GIVEN("a pool with three statements running") {
    auto pool = start_full_pool(server.settings(), rules_for(3));
    auto victim = ask(pool, write("SELECT SLEEP(30) /* victim */"));
    auto other = ask(pool, read("SELECT SLEEP(1), 'other' /* bystander */"));
    await_running("%/* victim */", 1);
    await_running("%/* bystander */", 1);
    WHEN("the connection of one is killed") {
      auto id = must(admin(), read("SELECT ID FROM information_schema.PROCESSLIST"
                                   " WHERE ID <> CONNECTION_ID() AND INFO LIKE '%/* victim */'"));
      end_session(id[0].get<uint64_t>(0));
      auto came = victim.get();
      THEN("its caller is told, and the other's statement ends well") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "connection_lost");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        CHECK(came.error().number != 0);
        CHECK(!came.error().text.empty());
        auto untouched = other.get();
        REQUIRE(untouched.has_value());
        CHECK_EQ((*untouched)[0].get<std::string>(1), "other");
      }
      AND("the pool gets back to its size") {
        CHECK_EQ(await_free(pool, 3).lost, 1u);
      }
    }
  }
}

SCENARIO("callers go on while connections are killed under them") {
  GIVEN("twenty callers that read on eight connections") {
    auto pool = start_full_pool(server.settings(), rules_for(8));
    callers crowd{system(), pool, 20, [](uint64_t number) { return read("SELECT ?", number); }};
    WHEN("all connections are killed five times") {
      for (int round = 0; round < 5; ++round) {
        auto before = crowd.answered();
        for (auto id : sessions())
          run(admin(), write("KILL CONNECTION ?", id));
        CHECK(eventually([&] { return crowd.answered() > before + 200; }));
      }
      auto records = crowd.stop();
      THEN("every request is answered, and the only failures are of statements that were on their way") {
        size_t lost = 0;
        for (auto& x : records)
          if (x.error) {
            ++lost;
            if (x.error->code != errc::connection_lost || x.error->outcome != outcome::unknown)
              FAIL("unexpected: " << to_string(*x.error));
          }
        // At most one per connection and round.
        CHECK(lost <= 40);
        CHECK(records.size() >= 1000);
        await_free(pool, 8);
      }
    }
  }
}

SCENARIO("connections that the server closes for being idle are replaced") {
  GIVEN("a server that ends sessions after one second, and a pool that does not ping") {
    must(admin(), write("SET GLOBAL wait_timeout = 1"));
    auto rules = rules_for(3);
    rules.keepalive = 0s;
    rules.pre_ping = false;
    auto pool = start_full_pool(server.settings(), rules);
    WHEN("it has ended each of them") {
      auto now = await_status(pool, [](auto& x) { return x.lost >= 3; });
      THEN("the pool has noticed without being asked, and serves") {
        CHECK(!now.last_error.empty());
        for (int i = 0; i < 30; ++i)
          CHECK(run(pool, write("SELECT 1")).has_value());
      }
    }
  }
}

END_FIXTURE_SCOPE()

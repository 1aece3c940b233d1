// Servers that have no room for more sessions.

#define CAF_SUITE chaos.full

#include "integration/chaos_support.hpp"

#include <chrono>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : chaos_fixture {
  server_settings target = plain_user("crowd", "of people");

  void permit_sessions(int count) {
    must(admin(), write("GRANT USAGE ON *.* TO crowd@'%' WITH MAX_USER_CONNECTIONS " + std::to_string(count)));
  }

  /// Rules for a pool that wants more than it gets.
  static pool_settings greedy() {
    auto result = rules_for(8, 8);
    result.max_reconnect_delay = 500ms;
    return result;
  }

  /// So many callers at a time, each of which has to be served.
  void serve_all(const pool_actor& pool, int count) {
    std::vector<awaited<result>> asked;
    for (int i = 0; i < count; ++i)
      asked.push_back(ask(pool, write("SELECT SLEEP(0.005)")));
    for (auto& x : asked) {
      auto came = x.get();
      if (!came)
        FAIL(to_string(came.error()));
    }
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a pool makes do with what a full server gives it") {
  GIVEN("a server with room for ten sessions, and a pool that wants sixteen") {
    must(admin(), write("SET GLOBAL max_connections = 10"));
    auto before = counter("Connections");
    auto pool = start_pool(target, greedy());
    WHEN("many callers ask at a time") {
      serve_all(pool, 400);
      auto now =
          await_status(pool, [](auto& x) { return x.last_error.find("Too many connections") != x.last_error.npos; });
      THEN("they were served by what is open, and the server was not asked again and again") {
        CHECK(now.limit < 16u);
        auto refused = counter("Connections") - before - status(pool).connects;
        MESSAGE(refused << " attempts were refused");
        CHECK(refused >= 1);
        CHECK(refused <= 20);
      }
      AND("the pool grows when there is room again") {
        must(admin(), write("SET GLOBAL max_connections = 50"));
        auto later = await_status(pool, [](auto& x) { return x.limit == 16 && x.checked_in == 8; });
        CHECK_EQ(later.total_connections, 8u);
        CHECK_EQ(to_string(later.breaker), "closed");
      }
    }
  }
}

SCENARIO("a user's own limit of sessions is treated like a full server") {
  GIVEN("a user who may have three sessions, and a pool that wants sixteen") {
    permit_sessions(3);
    auto pool = start_pool(target, greedy());
    WHEN("many callers ask at a time") {
      serve_all(pool, 200);
      auto now = await_status(pool, [](auto& x) { return !x.last_error.empty() && x.limit <= 3; });
      THEN("they were served by the three") {
        MESSAGE(now.last_error);
        CHECK_EQ(now.connects, 3u);
        CHECK_EQ(now.total_connections, 3u);
      }
      AND("the pool grows when the limit is lifted") {
        permit_sessions(0);
        await_status(pool, [](auto& x) { return x.limit == 16 && x.checked_in == 8; });
      }
    }
  }
}

SCENARIO("the limit that a server sets for every user is treated alike") {
  GIVEN("a server that permits each user three sessions, and a pool that wants sixteen") {
    server.stop();
    server.start({"--max-user-connections=3"});
    auto pool = start_pool(target, greedy());
    WHEN("many callers ask at a time") {
      serve_all(pool, 200);
      auto now = await_status(pool, [](auto& x) { return !x.last_error.empty() && x.limit <= 3; });
      THEN("they were served by the three") {
        MESSAGE(now.last_error);
        CHECK_EQ(now.connects, 3u);
        CHECK_EQ(now.total_connections, 3u);
      }
    }
  }
}

SCENARIO("callers wait for room on a server that is full with others") {
  GIVEN("a user whose only session belongs to another pool") {
    permit_sessions(1);
    auto other = start_full_pool(target, rules_for(1));
    auto rules = rules_for(2);
    rules.timeout = 400ms;
    auto pool = start_pool(target, rules);
    WHEN("somebody asks") {
      auto error = fails(pool, read("SELECT 1"));
      THEN("it is told why there is no connection") {
        MESSAGE(to_string(error));
        CHECK_EQ(to_string(error.outcome), "unavailable");
        CHECK(error.last_connect_error.find("max_user_connections") != std::string::npos);
      }
      AND("the next ones are served when the other pool has ended") {
        drain(other, 1s).get();
        CHECK(eventually([&] { return run(pool, read("SELECT 1")).has_value(); }));
      }
    }
  }
}

SCENARIO("a statement that cannot be stopped costs its connection and nothing else") {
  GIVEN("a user who may have two sessions, both of which the pool uses, so that there is none to stop others with") {
    permit_sessions(2);
    auto pool = start_full_pool(target, rules_for(2));
    WHEN("a statement takes too long") {
      auto error = fails(pool, read("SELECT SLEEP(3) /* unstoppable */").within(100ms));
      THEN("its caller is told in time, and the others are served by the connection that is left") {
        CHECK_EQ(to_string(error.code), "statement_timeout");
        auto now = await_status(pool, [](auto& x) { return x.checked_out == 0; });
        CHECK_EQ(now.total_connections, 1u);
        serve_all(pool, 20);
      }
      AND("the pool gets its second one again when the statement has ended by itself") {
        await_free(pool, 2);
        CHECK_EQ(running("%/* unstoppable */"), 0u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

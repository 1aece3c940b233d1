// The circuit breaker: nobody waits for a server that has been away for long, and no login is tried again and again.

#define CAF_SUITE chaos.breaker

#include "integration/chaos_support.hpp"
#include "support/fault_proxy.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : chaos_fixture {
  pool_settings rules = rules_for(3);

  fixture() { rules.breaker_after = 300ms; }

  server_settings locked_out() {
    auto result = plain_user("ada", "the right one");
    result.password = secret{"the wrong one"};
    return result;
  }

  uint64_t refused_logins() { return counter("Access_denied_errors"); }

  static bool is_open(const pool_status& x) { return x.breaker != breaker_state::closed; }

  double milliseconds(const stopwatch& x) { return std::chrono::duration<double, std::milli>(x.elapsed()).count(); }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("callers of a server that is down wait until the breaker opens, and then no more") {
  GIVEN("a pool that was in use, and callers when its server is killed") {
    auto pool = start_full_pool(server.settings(), rules);
    server.kill9();
    await_status(pool, [](auto& x) { return x.total_connections == 0; });
    auto waiting = ask(pool, write("SELECT 1"));
    WHEN("the breaker has opened") {
      await_status(pool, is_open);
      auto first = waiting.get();
      stopwatch watch;
      auto second = run(pool, write("SELECT 1"));
      MESSAGE("refused after " << milliseconds(watch) << " ms");
      THEN("the one that waited and the one that comes later are refused with the cause") {
        for (auto* x : {&first, &second}) {
          REQUIRE(!x->has_value());
          auto& error = x->error();
          CHECK_EQ(to_string(error.code), "circuit_open");
          CHECK_EQ(to_string(error.outcome), "unavailable");
          CHECK(!error.last_connect_error.empty());
        }
        CHECK(second.error().waited < 100ms);
        CHECK(second.error().retry_after <= rules.max_reconnect_delay);
      }
    }
  }
}

SCENARIO("the breaker closes by itself when the server is back") {
  GIVEN("a pool whose breaker is open") {
    auto pool = start_full_pool(server.settings(), rules);
    server.kill9();
    await_status(pool, is_open);
    WHEN("the server is started") {
      server.start();
      stopwatch watch;
      auto served = eventually([&] { return run(pool, read("SELECT 1")).has_value(); });
      MESSAGE("open breaker, probes every " << rules.max_reconnect_delay.count() / 1'000'000
                                            << " ms at most: first statement served " << milliseconds(watch)
                                            << " ms after the server was up");
      THEN("callers are served, and the pool gets its size again") {
        CHECK(served);
        CHECK(!is_open(status(pool)));
        await_free(pool, 3);
      }
    }
  }
}

SCENARIO("callers that wait are served soon after the server takes connections again") {
  GIVEN("a pool with the default delays, whose server can be made unreachable") {
    fault_proxy network{server.settings().port};
    auto target = server.settings();
    target.port = network.port();
    pool_settings usual;
    usual.size = 3;
    usual.breaker_after = 60s;
    auto pool = start_full_pool(target, usual);
    WHEN("connects fail until their delay grows no more, and succeed again, ten times") {
      auto longest = 0.0;
      for (int i = 0; i < 10; ++i) {
        network.refuse(true);
        network.cut_all();
        auto waiting = ask(pool, write("SELECT 1"));
        auto goal = network.accepted() + 4;
        REQUIRE(eventually([&] { return network.accepted() >= goal; }));
        network.refuse(false);
        stopwatch watch;
        REQUIRE(waiting.get().has_value());
        longest = std::max(longest, milliseconds(watch));
      }
      MESSAGE("closed breaker: first statement served " << longest << " ms after connects were possible, at most");
      THEN("the pool gets its size again") {
        await_free(pool, 3);
      }
    }
  }
}

SCENARIO("a wrong password is tried rarely, however many ask") {
  GIVEN("a pool with a wrong password and the default delays") {
    auto target = locked_out();
    auto before = refused_logins();
    auto pool = start_pool(target, pool_settings{});
    auto first = run(pool, read("SELECT 1"));
    WHEN("callers ask a thousand times") {
      size_t refused = 0;
      for (int i = 0; i < 1000; ++i) {
        auto came = run(pool, read("SELECT 1"));
        refused += !came && came.error().code == errc::login_refused && came.error().outcome == outcome::rejected;
      }
      THEN("each of them is refused at once, and the server has seen a few attempts") {
        REQUIRE(!first.has_value());
        CHECK_EQ(to_string(first.error().code), "login_refused");
        CHECK_EQ(refused, 1000u);
        CHECK(is_open(status(pool)));
        auto attempts = refused_logins() - before;
        MESSAGE(attempts << " attempts");
        CHECK(attempts <= 3);
      }
    }
  }
}

SCENARIO("a password that changes locks out new connections, and only until it is put right") {
  GIVEN("a pool in use, and then another password") {
    auto target = plain_user("ada", "the first one");
    auto pool = start_full_pool(target, rules);
    must(admin(), write("ALTER USER ada@'%' IDENTIFIED BY 'another one'"));
    for (int i = 0; i < 20; ++i)
      must(pool, read("SELECT 1"));
    WHEN("the connections are replaced") {
      dispose(pool);
      auto now = await_status(pool, [](auto& x) { return is_open(x) && x.total_connections == 0; });
      auto came = run(pool, read("SELECT 1"));
      THEN("callers are told at once") {
        CHECK(!now.last_error.empty());
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "login_refused");
        CHECK_EQ(came.error().number, 1045u);
      }
      AND("when the first password is back the pool recovers by itself") {
        must(admin(), write("ALTER USER ada@'%' IDENTIFIED BY 'the first one'"));
        await_free(pool, 3);
        CHECK_EQ(must(pool, read("SELECT 1"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("connections go on while no further ones can be opened") {
  GIVEN("a pool of one with room for more, and a password that was changed") {
    auto roomy = rules_for(1, 3);
    auto pool = start_full_pool(plain_user("ada", "the first one"), roomy);
    must(admin(), write("ALTER USER ada@'%' IDENTIFIED BY 'another one'"));
    auto before = refused_logins();
    WHEN("many callers ask at a time") {
      std::vector<awaited<result>> asked;
      for (int i = 0; i < 500; ++i)
        asked.push_back(ask(pool, read("SELECT SLEEP(0.001)")));
      THEN("all are served by the one there is, without a storm of logins") {
        for (auto& x : asked)
          CHECK(x.get().has_value());
        auto attempts = refused_logins() - before;
        MESSAGE(attempts << " attempts");
        CHECK(attempts <= 10);
        CHECK_EQ(status(pool).connects, 1u);
      }
    }
  }
}

SCENARIO("a connection is kept if what runs on it in vain cannot be stopped") {
  GIVEN("a pool of one whose password was changed, a slow read, and others that are sent behind it") {
    auto pool = start_full_pool(plain_user("ada", "the first one"), rules_for(1));
    must(admin(), write("ALTER USER ada@'%' IDENTIFIED BY 'another one'"));
    auto before = refused_logins();
    auto first = ask(pool, read("SELECT SLEEP(0.3)"));
    std::vector<awaited<result>> others;
    for (int i = 0; i < 5; ++i)
      others.push_back(ask(pool, read("SELECT SLEEP(0.2)")));
    WHEN("those are requeued, and the server refuses whoever wants to stop what was sent of them") {
      CHECK(first.get().has_value());
      for (auto& x : others)
        CHECK(x.get().has_value());
      THEN("all are served by the one connection, and the stop is not tried again and again") {
        CHECK_EQ(refused_logins() - before, 1u);
        CHECK_EQ(status(pool).connects, 1u);
        CHECK_EQ(status(pool).lost, 0u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

#define CAF_SUITE pool.core_breaker

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// Lets all connects of a pool fail, from the given one on, until its breaker is open. Returns the next connect.
uint64_t fail_until_open(core_driver& pool, uint64_t id) {
  for (pool.open_failed(id++); pool.status().breaker == breaker_state::closed; pool.open_failed(id++))
    pool.wait(200ms);
  return id;
}

} // namespace

SCENARIO("when connects have failed for five seconds, all who wait and all who come fail at once") {
  GIVEN("a pool whose server is down, with two callers that wait") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.acquire();
    pool.acquire();
    auto begin = pool.now();
    WHEN("the breaker opens and another caller comes") {
      auto first = fail_until_open(pool, 1);
      auto took = pool.now() - begin;
      auto next = pool.acquire();
      THEN("they are told that it is open, and when the next attempt is") {
        CHECK_GE(took, 5s);
        CHECK_LE(took, 5500ms);
        CHECK_GT(first, 25u);
        CHECK_EQ(next, "fail 3 (circuit_open)");
        for (auto id : {1u, 2u, 3u}) {
          CHECK_EQ(pool.error_of(id).code, errc::circuit_open);
          CHECK(pool.error_of(id).retry_after == pool.next_event());
        }
        CHECK_EQ(pool.status().waiting, 0u);
        CHECK_EQ(pool.status().refused, 3u);
        CHECK_EQ(pool.status().breaker, breaker_state::open);
      }
    }
  }
}

SCENARIO("an open breaker is tried by one connect, and closes when that succeeds") {
  GIVEN("a pool of three whose breaker is open") {
    core_driver pool{quiet_rules(3)};
    pool.start();
    auto id = fail_until_open(pool, 1);
    WHEN("the next attempt is due, a caller comes during it, and it succeeds") {
      auto due = pool.wait(pool.next_event());
      auto state = pool.status().breaker;
      auto come = pool.acquire();
      auto opened = pool.opened(id);
      THEN("that caller failed, without a time to wait, and the next one is served") {
        auto open = [](uint64_t x) { return "open " + std::to_string(x); };
        CHECK_EQ(due, open(id));
        CHECK_EQ(state, breaker_state::half_open);
        CHECK_EQ(come, "fail 1 (circuit_open)");
        CHECK(pool.error_of(1).retry_after == 0s);
        CHECK_EQ(opened, open(id + 1) + ", " + open(id + 2));
        CHECK_EQ(pool.status().breaker, breaker_state::closed);
        CHECK_EQ(pool.acquire(), "grant 2 to " + std::to_string(id) + " (peek)");
      }
    }
  }
}

SCENARIO("an open breaker does not disturb those whom an open connection can serve") {
  GIVEN("a pool of one with an overflow of one, in use, that fails to open another one for long") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    fail_until_open(pool, 2);
    CHECK_EQ(pool.status().breaker, breaker_state::open);
    WHEN("the connection comes back") {
      auto todo = pool.released(1);
      THEN("the one who waits gets it") {
        CHECK_EQ(todo, "grant 2 to 1 (peek)");
      }
    }
  }
}

SCENARIO("connections that will be closed keep nobody waiting for an open breaker") {
  GIVEN("a pool of three whose server is gone: one connection was lost in use, two hang in their statements") {
    core_driver pool{quiet_rules(3)};
    pool.warm_up(3);
    for (auto i = 0; i < 3; ++i)
      pool.acquire();
    pool.released(1, disposition::lost, "gone");
    CHECK_EQ(pool.closed(1), "open 4");
    pool.acquire();
    CHECK_EQ(pool.status().checked_out, 2u);
    WHEN("connects fail until the breaker opens") {
      fail_until_open(pool, 4);
      THEN("the one who waits fails") {
        CHECK_EQ(pool.error_of(4).code, errc::circuit_open);
      }
    }
  }
}

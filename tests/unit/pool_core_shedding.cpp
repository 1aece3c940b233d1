#define CAF_SUITE pool.core_shedding

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

pool_settings shedding_rules() {
  auto result = quiet_rules(1);
  result.shed_target = 100ms;
  return result;
}

/// A pool of one that is in use, and a caller who waits since then.
core_driver busy_pool() {
  core_driver result{shedding_rules()};
  result.warm_up(1);
  result.acquire();
  result.wait(2s);
  result.acquire();
  return result;
}

} // namespace

SCENARIO("under overload those who have waited longest are given up, at the moment when it is due") {
  GIVEN("a pool in use for long, and two callers who wait, the second one from later on") {
    auto pool = busy_pool();
    pool.wait(1900ms);
    pool.acquire();
    WHEN("an interval has passed without anybody served") {
      auto before = pool.wait(100ms - 1ns);
      auto at = pool.wait(1ns);
      auto next = pool.wait(100ms);
      THEN("the first one is given up then, the second one after twice the target, and both are counted") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "fail 2 (overloaded)");
        CHECK_EQ(next, "fail 3 (overloaded)");
        CHECK(pool.error_of(3).waited == 200ms); // Exactly twice the target, and no less.
        CHECK_EQ(pool.status().shed, 2u);
        CHECK_EQ(pool.status().refused, 0u);
      }
    }
  }
}

SCENARIO("a connection that comes back serves the first one who is not to be given up") {
  GIVEN("an overloaded pool for which two callers wait") {
    auto pool = busy_pool();
    CHECK_EQ(pool.wait(2s), "fail 2 (overloaded)");
    pool.acquire();
    pool.pass(150ms);
    pool.acquire();
    pool.pass(50ms);
    WHEN("the connection comes back when the first one's time is up") {
      auto todo = pool.released(1);
      THEN("the second one gets it, and the overload is over") {
        CHECK_EQ(todo, "fail 3 (overloaded), grant 4 to 1 (peek)");
        pool.acquire();
        CHECK_EQ(pool.wait(1s), "");
      }
    }
  }
}

SCENARIO("those who wait for a server that is down are not given up as overload") {
  GIVEN("a pool whose first connect hangs, and a caller") {
    core_driver pool{shedding_rules()};
    pool.start();
    pool.acquire();
    WHEN("it succeeds after ten seconds") {
      auto meanwhile = pool.wait(10s);
      auto todo = pool.opened(1);
      THEN("the caller has waited and is served") {
        CHECK_EQ(meanwhile, "");
        CHECK_EQ(todo, "grant 1 to 1 (peek)");
      }
    }
  }
}

SCENARIO("a drain serves those it has accepted even under overload") {
  GIVEN("a pool that drains while a caller waits") {
    auto pool = busy_pool();
    pool.drain(20s);
    WHEN("the statement before it takes long") {
      auto meanwhile = pool.wait(10s);
      auto todo = pool.released(1);
      THEN("it is served") {
        CHECK_EQ(meanwhile, "");
        CHECK_EQ(todo, "grant 2 to 1 (peek)");
      }
    }
  }
}

#define CAF_SUITE pool.core_reconfigure

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a pool that may have more connections opens them at once") {
  core_driver pool{quiet_rules(1)};
  pool.warm_up(1);
  CHECK_EQ(pool.reconfigure(quiet_rules(3)), "open 2, open 3");
  CHECK_EQ(pool.status().pool_size, 3u);
  CHECK_EQ(pool.status().limit, 3u);
}

SCENARIO("a pool that may have fewer closes those that nobody would miss") {
  GIVEN("a pool of four, two of which are in use") {
    core_driver pool{quiet_rules(4)};
    pool.warm_up(4);
    CHECK_EQ(pool.acquire(), "grant 1 to 4 (peek)");
    CHECK_EQ(pool.acquire(), "grant 2 to 3 (peek)");
    WHEN("only one is permitted") {
      CHECK_EQ(pool.reconfigure(quiet_rules(1)), "close 1, close 2");
      THEN("the other one too many goes when it comes back, and no new one is opened for it") {
        CHECK_EQ(pool.closed(1), "");
        CHECK_EQ(pool.closed(2), "");
        CHECK_EQ(pool.acquire(), "");
        CHECK_EQ(pool.released(3), "close 3");
        CHECK_EQ(pool.closed(3), "");
        CHECK_EQ(pool.released(4), "grant 3 to 4 (peek)");
      }
    }
  }
  GIVEN("a pool whose second connection is being opened") {
    core_driver pool{quiet_rules(2)};
    CHECK_EQ(pool.start(), "open 1");
    CHECK_EQ(pool.opened(1), "open 2");
    THEN("that one is closed as soon as it is there") {
      CHECK_EQ(pool.reconfigure(quiet_rules(1)), "");
      CHECK_EQ(pool.opened(2), "close 2");
      CHECK_EQ(pool.status().connects, 2u);
    }
  }
}

namespace {

/// A pool of one that is in use, and two callers that wait, the second for 20 ms.
core_driver pool_with_waiting_callers() {
  core_driver pool{quiet_rules(1)};
  pool.warm_up(1);
  pool.acquire();
  CHECK_EQ(pool.acquire(), "");
  CHECK_EQ(pool.acquire_within(20ms), "");
  return pool;
}

std::string change_timeout(core_driver& pool, pool::duration timeout) {
  auto rules = pool.rules();
  rules.timeout = timeout;
  return pool.reconfigure(rules);
}

} // namespace

SCENARIO("another timeout counts for those that wait already") {
  GIVEN("a shorter one") {
    auto pool = pool_with_waiting_callers();
    CHECK_EQ(change_timeout(pool, 50ms), "");
    CHECK_EQ(pool.wait(20ms), "fail 3 (acquire_timeout)");
    CHECK_EQ(pool.wait(30ms), "fail 2 (acquire_timeout)");
  }
  GIVEN("one that has passed") {
    auto pool = pool_with_waiting_callers();
    pool.pass(10ms);
    CHECK_EQ(change_timeout(pool, 5ms), "fail 2 (acquire_timeout), fail 3 (acquire_timeout)");
  }
  GIVEN("a longer one") {
    auto pool = pool_with_waiting_callers();
    CHECK_EQ(change_timeout(pool, 10min), "");
    CHECK_EQ(pool.wait(9min), "fail 3 (acquire_timeout)");
    CHECK_EQ(pool.released(1), "grant 2 to 1 (peek)");
  }
}

SCENARIO("after a change of the login the connections are replaced one after the other") {
  GIVEN("a pool of three, one of which is in use") {
    core_driver pool{quiet_rules(3)};
    pool.warm_up(3);
    CHECK_EQ(pool.acquire(), "grant 1 to 3 (peek)");
    CHECK_EQ(pool.reconfigure(pool.rules(), true), "");
    THEN("the next one goes when the new one for that before is open, and what is in use when it comes back") {
      CHECK_EQ(pool.tick(), "close 1");
      CHECK_EQ(pool.wait(1s), "");
      CHECK_EQ(pool.closed(1), "open 4");
      CHECK_EQ(pool.wait(1s), "");
      CHECK_EQ(pool.opened(4), "");
      CHECK_EQ(pool.wait(100ms), "close 2");
      CHECK_EQ(pool.closed(2), "open 5");
      CHECK_EQ(pool.opened(5), "");
      CHECK_EQ(pool.wait(1s), "");
      CHECK_EQ(pool.released(3), "close 3");
      CHECK_EQ(pool.closed(3), "open 6");
      CHECK_EQ(pool.opened(6), "");
      CHECK_EQ(pool.wait(1h), "");
    }
  }
  GIVEN("a server that refuses the new login") {
    core_driver pool{quiet_rules(3)};
    pool.warm_up(3);
    pool.reconfigure(pool.rules(), true);
    CHECK_EQ(pool.tick(), "close 1");
    CHECK_EQ(pool.closed(1), "open 4");
    CHECK_EQ(pool.open_failed(4, errc::login_refused), "");
    WHEN("a minute passes") {
      auto attempts = pool.wait(1min);
      THEN("the others are kept and serve, and the login was tried some times") {
        CHECK_EQ(attempts, "open 5");
        CHECK_EQ(pool.open_failed(5, errc::login_refused), "");
        CHECK_EQ(pool.acquire(), "grant 1 to 3 (ping)");
        CHECK_EQ(pool.acquire(), "grant 2 to 2 (ping)");
      }
    }
    WHEN("the right one is known") {
      CHECK_EQ(pool.reconfigure(pool.rules(), true), "open 6");
      THEN("it is tried at once, and the others follow when they come back") {
        CHECK_EQ(pool.opened(6), "");
        CHECK_EQ(pool.wait(1s), "");
        CHECK_EQ(pool.released(3), "close 3");
      }
    }
  }
  GIVEN("a connect that has begun with the old login") {
    core_driver pool{quiet_rules(1)};
    CHECK_EQ(pool.start(), "open 1");
    CHECK_EQ(pool.reconfigure(pool.rules(), true), "");
    CHECK_EQ(pool.opened(1), "close 1");
    CHECK_EQ(pool.closed(1), "open 2");
  }
}

SCENARIO("a pool that shares its connections replaces busy ones, too") {
  auto rules = quiet_rules(1);
  rules.pipeline_depth = 4;
  core_driver pool{rules};
  pool.warm_up(1);
  CHECK_EQ(pool.acquire_shared(), "grant 1 to 1 (peek)");
  CHECK_EQ(pool.acquire_shared(), "grant 2 to 1 (none)");
  pool.reconfigure(rules, true);
  CHECK_EQ(pool.tick(), "");
  CHECK_EQ(pool.acquire_shared(), "");
  CHECK_EQ(pool.ended(1, 2), "close 1");
  CHECK_EQ(pool.closed(1), "open 2");
  CHECK_EQ(pool.opened(2), "grant 3 to 2 (peek)");
}

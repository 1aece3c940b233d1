#define CAF_SUITE pool.core_status

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a pool that has just started tells what it is about to be") {
  GIVEN("a pool of five with a name") {
    auto rules = quiet_rules(5, 2);
    rules.name = "orders";
    core_driver pool{rules};
    WHEN("it has started") {
      pool.start();
      THEN("one connect is under way, and nothing else is there") {
        pool_status expected;
        expected.pool = "orders";
        expected.pool_size = 5;
        expected.connecting = 1;
        expected.limit = 7;
        CHECK(pool.status() == expected);
      }
    }
  }
}

SCENARIO("a busy pool tells what is free, in use, beyond its size, and who waits") {
  GIVEN("a pool of two with an overflow of one, all in use, and two callers that wait") {
    core_driver pool{quiet_rules(2, 1)};
    pool.warm_up(2);
    for (auto i = 0; i < 5; ++i)
      pool.acquire();
    pool.opened(3);
    WHEN("it is asked") {
      auto now = pool.status();
      THEN("the numbers are those") {
        pool_status expected;
        expected.pool = "main";
        expected.initialized = true;
        expected.pool_size = 2;
        expected.checked_out = 3;
        expected.in_flight = 3;
        expected.overflow = 1;
        expected.total_connections = 3;
        expected.waiting = 2;
        expected.served = 3;
        expected.connects = 3;
        expected.limit = 3;
        CHECK(now == expected);
      }
    }
  }
}

SCENARIO("the overflow is zero, and not less, while fewer connections are open than the size") {
  GIVEN("a pool of ten with one open connection") {
    core_driver pool{quiet_rules(10, 5)};
    pool.start();
    pool.opened(1);
    WHEN("it is asked") {
      auto now = pool.status();
      THEN("one connection is free and the overflow is zero") {
        CHECK_EQ(now.checked_in, 1u);
        CHECK_EQ(now.total_connections, 1u);
        CHECK_EQ(now.overflow, 0u);
        CHECK_EQ(now.connecting, 4u);
      }
    }
  }
}

SCENARIO("connections that are being pinged count as free, those that are being closed do not count") {
  GIVEN("a pool of three with one connection pinged, one lost and one idle") {
    auto rules = quiet_rules(3);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.start();
    pool.opened(1);
    pool.pass(1s);
    pool.opened(2);
    pool.opened(3);
    CHECK_EQ(pool.wait(29s), "ping 1");
    pool.released(2, disposition::lost, "gone");
    WHEN("it is asked") {
      auto now = pool.status();
      THEN("two are free") {
        CHECK_EQ(now.checked_in, 2u);
        CHECK_EQ(now.checked_out, 0u);
        CHECK_EQ(now.total_connections, 2u);
      }
    }
  }
}

SCENARIO("the counters tell timeouts, refusals and losses apart") {
  GIVEN("a pool of one for which one may wait") {
    auto rules = quiet_rules(1);
    rules.max_waiting = 1;
    core_driver pool{rules};
    pool.warm_up(1);
    pool.acquire();
    WHEN("one is refused, one times out and the connection is lost") {
      pool.acquire();
      pool.acquire();
      pool.wait(30s);
      pool.released(1, disposition::lost, "Lost connection to server during query");
      auto now = pool.status();
      THEN("each is counted once") {
        CHECK_EQ(now.served, 1u);
        CHECK_EQ(now.refused, 1u);
        CHECK_EQ(now.timed_out, 1u);
        CHECK_EQ(now.lost, 1u);
        CHECK_EQ(now.connects, 1u);
        CHECK_EQ(now.last_error, "Lost connection to server during query");
      }
    }
  }
}

SCENARIO("a failed connect is the last error, until something worse happens") {
  GIVEN("a pool whose connect failed and then succeeded") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.open_failed(1, errc::connect_failed, "no server");
    CHECK_EQ(pool.status().last_error, "no server");
    CHECK(!pool.status().initialized);
    pool.wait(1s);
    WHEN("it is asked later") {
      pool.opened(2);
      auto now = pool.status();
      THEN("the error is still there to be seen, and the pool is initialized") {
        CHECK_EQ(now.last_error, "no server");
        CHECK(now.initialized);
        CHECK_EQ(now.connects, 1u);
      }
    }
  }
}

SCENARIO("a pool stays initialized though all its connections are lost, until it is stopped") {
  GIVEN("a pool of one whose connection is lost") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.released(1, disposition::lost, "gone");
    pool.closed(1);
    CHECK(pool.status().initialized);
    WHEN("it is drained") {
      pool.drain(0s);
      THEN("it is not any more") {
        CHECK(!pool.status().initialized);
        CHECK(pool.status().draining);
      }
    }
  }
}

SCENARIO("what verifications do is not counted") {
  GIVEN("a pool of one") {
    auto rules = quiet_rules(1);
    rules.max_waiting = 1;
    core_driver pool{rules};
    pool.warm_up(1);
    WHEN("some are served, one comes back, one is refused, and one waits for too long") {
      CHECK_EQ(pool.acquire_fail_fast(), "grant 1 to 1 (peek)");
      pool.released(1);
      CHECK_EQ(pool.acquire_fail_fast(), "grant 2 to 1 (peek)");
      CHECK_EQ(pool.returned(1), "close 1");
      CHECK_EQ(pool.acquire_fail_fast(), "fail 4 (queue_full)");
      pool.closed(1);
      CHECK_EQ(pool.opened(2), "grant 3 to 2 (peek)");
      CHECK_EQ(pool.acquire_fail_fast(), "");
      CHECK_EQ(pool.wait(30s), "fail 5 (acquire_timeout)");
      THEN("the counters know nothing of it, and go on counting callers") {
        CHECK_EQ(pool.status().served, 0u);
        CHECK_EQ(pool.status().refused, 0u);
        CHECK_EQ(pool.status().timed_out, 0u);
        pool.released(2);
        pool.acquire();
        CHECK_EQ(pool.status().served, 1u);
      }
    }
  }
}

// Pools that keep no connection open.

#define CAF_SUITE pool.core_on_demand

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A pool of none to two, and one more for peaks; what is not needed goes after a minute.
pool_settings on_demand() {
  auto result = quiet_rules(2, 1);
  result.min_size = 0;
  result.idle_timeout = 60s;
  return result;
}

} // namespace

SCENARIO("a pool that keeps no connection opens none until somebody needs one") {
  GIVEN("a pool that has been started") {
    core_driver pool{on_demand()};
    CHECK_EQ(pool.start(), "");
    CHECK_EQ(pool.wait(1h), "");
    WHEN("a caller comes, and nobody for a minute after it") {
      auto first = pool.acquire();
      CHECK_EQ(pool.wait(20ms), "");
      auto opened = pool.opened(1);
      CHECK_EQ(pool.released(1), "");
      auto soon = pool.wait(60s - 1ns);
      auto then = pool.wait(1ns);
      THEN("one connection is opened at once, and closed after the minute") {
        CHECK_EQ(first, "open 1");
        CHECK_EQ(opened, "grant 1 to 1 (peek)");
        CHECK_EQ(soon, "");
        CHECK_EQ(then, "close 1");
        CHECK_EQ(pool.closed(1), "");
        CHECK_EQ(pool.status().total_connections, 0u);
        CHECK_EQ(pool.wait(1h), "");
      }
      AND("the next caller gets another one") {
        CHECK_EQ(pool.acquire(), "open 2");
        CHECK_EQ(pool.opened(2), "grant 2 to 2 (peek)");
      }
    }
  }
}

SCENARIO("without an idle timeout a connection is closed as soon as nobody needs it") {
  GIVEN("a pool that keeps nothing") {
    auto rules = on_demand();
    rules.idle_timeout = 0s;
    core_driver pool{rules};
    pool.start();
    WHEN("two callers come and go") {
      CHECK_EQ(pool.acquire(), "open 1");
      pool.pass(20ms);
      CHECK_EQ(pool.opened(1), "grant 1 to 1 (peek)");
      CHECK_EQ(pool.acquire(), "");
      auto second = pool.released(1);
      auto none = pool.released(1);
      THEN("the second has the connection of the first, which is closed then") {
        CHECK_EQ(second, "grant 2 to 1 (peek)");
        CHECK_EQ(none, "close 1");
      }
    }
  }
}

SCENARIO("a pool that keeps none grows like any other when one is not enough") {
  GIVEN("a pool whose first connect took 20 ms, and is in use") {
    core_driver pool{on_demand()};
    pool.start();
    pool.acquire();
    pool.pass(20ms);
    CHECK_EQ(pool.opened(1), "grant 1 to 1 (peek)");
    WHEN("three more come and none comes free") {
      for (auto i = 0; i < 3; ++i)
        CHECK_EQ(pool.acquire(), "");
      auto opened = pool.wait(20ms);
      THEN("the others are opened after the time of a connect, up to the limit") {
        CHECK_EQ(opened, "open 2, open 3");
      }
    }
  }
}

SCENARIO("many that come at a time to a pool that is closed begin with one connection") {
  GIVEN("a pool without a connection, for which a connect takes 20 ms") {
    core_driver pool{on_demand()};
    pool.start();
    pool.acquire();
    pool.pass(20ms);
    pool.opened(1);
    pool.released(1);
    CHECK_EQ(pool.wait(60s), "close 1");
    pool.closed(1);
    WHEN("a hundred come") {
      auto first = pool.acquire();
      std::string others;
      for (auto i = 0; i < 99; ++i)
        others += pool.acquire();
      THEN("one connection is opened, and others if it does not come in time") {
        CHECK_EQ(first, "open 2");
        CHECK_EQ(others, "");
        CHECK_EQ(pool.wait(20ms), "open 3, open 4");
      }
    }
  }
}

SCENARIO("a server that is down is tried until it is back though nobody waits any more") {
  GIVEN("a pool without a connection whose breaker has opened, and nobody waits") {
    auto rules = on_demand();
    rules.reconnect_delay = 100ms;
    rules.max_reconnect_delay = 1s;
    rules.breaker_after = 500ms;
    core_driver pool{rules};
    pool.start();
    CHECK_EQ(pool.acquire(), "open 1");
    std::string told;
    uint64_t id = 1;
    for (; pool.status().breaker == breaker_state::closed && id < 100; ++id) {
      told += pool.open_failed(id);
      told += pool.wait(150ms);
    }
    CHECK(told.find("fail 1 (circuit_open)") != std::string::npos);
    CHECK_EQ(pool.status().waiting, 0u);
    WHEN("a second passes, and callers come meanwhile") {
      auto refused = pool.acquire();
      if (pool.status().connecting == 0)
        CHECK_EQ(pool.wait(1s), "open " + std::to_string(id));
      CHECK_EQ(pool.status().connecting, 1u);
      auto back = pool.opened(pool.status().connecting == 1 ? id : 0);
      THEN("they are refused at once, until a connect succeeds; that connection goes when it is not needed") {
        CHECK_EQ(refused, "fail 2 (circuit_open)");
        CHECK_EQ(back, "");
        CHECK_EQ(pool.status().breaker, breaker_state::closed);
        CHECK_EQ(pool.acquire(), "grant 3 to " + std::to_string(id) + " (peek)");
        pool.released(id);
        CHECK_EQ(pool.wait(60s), "close " + std::to_string(id));
      }
    }
  }
}

SCENARIO("a verification opens a connection in a pool that keeps none") {
  GIVEN("a pool that has been started") {
    core_driver pool{on_demand()};
    pool.start();
    WHEN("somebody verifies, and the connect fails") {
      auto todo = pool.acquire_fail_fast();
      auto failed = pool.open_failed(1);
      THEN("the answer is why, at once") {
        CHECK_EQ(todo, "open 1");
        CHECK_EQ(failed, "fail 1 (connect_failed)");
      }
    }
  }
}

SCENARIO("connections of a pool that keeps none are replaced on demand only") {
  GIVEN("two connections, one of them in use") {
    core_driver pool{on_demand()};
    pool.start();
    pool.acquire();
    pool.acquire();
    pool.pass(10ms);
    CHECK_EQ(pool.opened(1), "grant 1 to 1 (peek), open 2");
    pool.opened(2);
    pool.released(1);
    WHEN("the pool is disposed, or the one in use is lost") {
      auto disposed = pool.dispose();
      auto lost = pool.released(2, disposition::lost, "gone");
      pool.closed(1);
      pool.closed(2);
      THEN("nothing is opened until a caller comes") {
        CHECK_EQ(disposed, "close 1");
        CHECK_EQ(lost, "close 2");
        CHECK_EQ(pool.wait(1h), "");
        CHECK_EQ(pool.acquire(), "open 3");
      }
    }
  }
}

SCENARIO("a pool without connections drains at once, and connects for those that wait") {
  GIVEN("a pool that is closed, and one with a caller that waits") {
    core_driver idle{on_demand()};
    idle.start();
    core_driver wanted{on_demand()};
    wanted.start();
    wanted.acquire();
    WHEN("both are drained") {
      auto nothing = idle.drain(30s);
      auto waits = wanted.drain(30s);
      THEN("the first ends, the second serves before") {
        CHECK_EQ(nothing, "finish");
        CHECK_EQ(waits, "");
        CHECK_EQ(wanted.opened(1), "grant 1 to 1 (peek)");
        CHECK_EQ(wanted.released(1), "close 1, finish");
        CHECK((wanted.report() == drain_report{1, 0}));
      }
    }
  }
}

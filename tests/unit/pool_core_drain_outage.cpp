#define CAF_SUITE pool.core_drain

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a pool without any work ends at once though it cannot connect") {
  GIVEN("a pool whose server is down") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.open_failed(1);
    WHEN("it is drained") {
      auto todo = pool.drain(30s);
      THEN("it ends, and connects no more") {
        CHECK_EQ(todo, "finish");
        CHECK(!pool.waits_for_time());
        CHECK_EQ(pool.wait(1h), "");
      }
    }
  }
}

SCENARIO("a drain does not wait for connects under way, but what they open is closed") {
  GIVEN("a pool that is starting") {
    core_driver pool{quiet_rules(2)};
    pool.start();
    WHEN("it is drained, then one connect succeeds and one fails") {
      auto todo = pool.drain(30s);
      auto opened = pool.opened(1);
      auto failed = pool.open_failed(2);
      THEN("it has ended, and the new connection is closed") {
        CHECK_EQ(todo, "finish");
        CHECK_EQ(opened, "close 1");
        CHECK_EQ(failed, "");
        CHECK_EQ(pool.closed(1), "");
        CHECK(!pool.waits_for_time());
        CHECK(!pool.status().initialized);
      }
    }
  }
}

SCENARIO("callers that wait for a server that is down are served if it comes back during the drain") {
  GIVEN("a pool whose server is down, with a caller that waits, drained for 10 s") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.acquire();
    pool.open_failed(1);
    CHECK_EQ(pool.drain(10s), "");
    CHECK_EQ(pool.wait(1s), "open 2");
    WHEN("the next connect succeeds") {
      auto todo = pool.opened(2);
      THEN("the caller is served and the drain ends") {
        CHECK_EQ(todo, "grant 1 to 2 (peek)");
        CHECK_EQ(pool.released(2), "close 2, finish");
        CHECK_EQ(pool.report().finished, 1u);
      }
    }
  }
}

SCENARIO("callers that wait for a server that stays down are cut when the drain's time is up") {
  GIVEN("a pool whose server is down, with a caller that waits, drained for 10 s") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.acquire();
    pool.drain(10s);
    WHEN("the connect hangs for so long") {
      auto todo = pool.wait(10s);
      THEN("the caller is told that the pool shuts down, and the pool ends") {
        CHECK_EQ(todo, "fail 1 (shutting_down), finish");
        CHECK_EQ(pool.report().cut, 1u);
      }
    }
  }
}

SCENARIO("a refused login ends a drain, because it serves those that wait with an error") {
  GIVEN("a pool that is starting, with a caller that waits, drained for 10 s") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.acquire();
    pool.drain(10s);
    WHEN("the login is refused") {
      auto todo = pool.open_failed(1, errc::login_refused);
      THEN("the caller fails and the pool ends") {
        CHECK_EQ(todo, "fail 1 (login_refused), finish");
        CHECK_EQ(pool.report().cut, 0u);
        CHECK_EQ(pool.report().finished, 0u);
      }
    }
  }
}

SCENARIO("a request that comes back during a drain is served by another connection") {
  GIVEN("a pool of one that drains while a request is on its way to its connection") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.drain(30s);
    WHEN("the connection turns out to be dead") {
      auto todo = pool.returned(1);
      THEN("a new one is opened for it, and it counts once") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "grant 2 to 2 (peek)");
        CHECK_EQ(pool.released(2), "close 2, finish");
        CHECK_EQ(pool.report().finished, 1u);
        CHECK_EQ(pool.report().cut, 0u);
      }
    }
  }
}

SCENARIO("a request that comes back does not undo what another one has done") {
  GIVEN("a pool of two that drains, with one request finished and one from before on its way to its connection") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    for (auto i = 0; i < 3; ++i)
      pool.acquire();
    pool.drain(30s);
    CHECK_EQ(pool.released(1), "grant 3 to 1 (peek)");
    CHECK_EQ(pool.released(1), "");
    CHECK_EQ(pool.report().finished, 2u);
    WHEN("that connection turns out to be dead") {
      auto todo = pool.returned(2);
      THEN("its request gets a new one, and both are finished in the end") {
        CHECK_EQ(todo, "close 2, close 1");
        CHECK_EQ(pool.closed(2), "open 3");
        CHECK_EQ(pool.opened(3), "grant 4 to 3 (peek)");
        CHECK_EQ(pool.released(3), "close 3, finish");
        CHECK_EQ(pool.report().finished, 3u);
      }
    }
  }
}

SCENARIO("a request that comes back after the drain has ended is refused") {
  GIVEN("a pool that was cut while a request was on its way to its connection") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    CHECK_EQ(pool.drain(0s), "close 1, finish");
    WHEN("it comes back") {
      auto todo = pool.returned(1);
      THEN("it is told that the pool shuts down") {
        CHECK_EQ(todo, "fail 2 (shutting_down)");
        CHECK_EQ(pool.report().cut, 1u);
        CHECK_EQ(pool.report().finished, 0u);
      }
    }
  }
}

SCENARIO("a pool that was stopped refuses requests and does nothing more") {
  GIVEN("a pool that has ended") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.drain(0s);
    pool.closed(1);
    WHEN("it is asked for all sorts of things") {
      std::vector todo{pool.acquire(), pool.acquire_fail_fast(), pool.dispose(), pool.tick(), pool.drain(1s)};
      THEN("requests are refused and nothing else happens") {
        CHECK_EQ(todo, std::vector<std::string>({"fail 1 (shutting_down)", "fail 2 (shutting_down)", "", "", ""}));
        CHECK_EQ(pool.status().total_connections, 0u);
      }
    }
  }
}

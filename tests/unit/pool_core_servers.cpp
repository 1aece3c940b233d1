#define CAF_SUITE pool.core_servers

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a pool goes to the next server at once when one does not accept connects") {
  GIVEN("a pool of two with two servers, and a caller that waits") {
    core_driver pool{quiet_rules(2), 1, 2};
    CHECK_EQ(pool.start(), "open 1");
    pool.acquire();
    WHEN("the first connect fails and the second one succeeds") {
      auto failed = pool.open_failed(1, errc::read_only_server);
      auto opened = pool.opened(2);
      THEN("the second server is used, for the others, too") {
        CHECK_EQ(failed, "open 2 at 1");
        CHECK_EQ(opened, "grant 1 to 2 (peek), open 3 at 1");
      }
    }
  }
}

SCENARIO("a server that turns read-only is left with all its connections") {
  GIVEN("a pool of three with two servers, one connection in use") {
    core_driver pool{quiet_rules(3), 1, 2};
    pool.warm_up(3);
    CHECK_EQ(pool.acquire(), "grant 1 to 3 (peek)");
    CHECK_EQ(pool.acquire(), "grant 2 to 2 (peek)");
    WHEN("one is told that the server is read-only") {
      auto todo = pool.released(3, disposition::demoted, "running with --read-only");
      auto closed = pool.closed(3);
      THEN("idle ones are closed, those in use when they come back, and the other server is used") {
        CHECK_EQ(todo, "close 3, close 1");
        CHECK_EQ(closed, "open 4 at 1");
        CHECK_EQ(pool.opened(4), "");
        CHECK_EQ(pool.released(2), "close 2");
        CHECK_EQ(pool.status().generation, 1u);
        CHECK_EQ(pool.status().last_error, "running with --read-only");
      }
    }
  }
}

SCENARIO("a connect to a server that was left proves nothing") {
  GIVEN("a pool of three with two servers and a connect under way when the first one turns read-only") {
    core_driver pool{quiet_rules(3), 1, 2};
    pool.start();
    CHECK_EQ(pool.opened(1), "open 2, open 3");
    pool.opened(2);
    pool.acquire();
    pool.acquire();
    pool.released(1, disposition::demoted, "read-only");
    WHEN("that connect succeeds") {
      auto todo = pool.opened(3);
      THEN("its connection is closed, and the other server is tried") {
        CHECK_EQ(todo, "close 3");
        CHECK_EQ(pool.closed(3), "open 4 at 1");
      }
    }
  }
}

SCENARIO("a server that is full limits the pool to what is open, for a while") {
  GIVEN("a pool of two with an overflow of five, in use, for which two callers wait") {
    core_driver pool{quiet_rules(2, 5)};
    pool.warm_up(2);
    for (auto i = 0; i < 4; ++i)
      pool.acquire();
    WHEN("one connect succeeds and the other one finds the server full") {
      CHECK_EQ(pool.opened(4), "grant 3 to 4 (peek)");
      CHECK_EQ(pool.open_failed(3, errc::server_full), "");
      auto limit = pool.status().limit;
      pool.acquire();
      auto before = pool.wait(5s - 1ns);
      auto at = pool.wait(1ns);
      THEN("the pool has three until the time is over, and then tries one connect") {
        CHECK_EQ(limit, 3u);
        CHECK_EQ(before, "");
        CHECK_EQ(at, "open 5");
        CHECK_EQ(pool.status().limit, 7u);
        CHECK_EQ(pool.status().breaker, breaker_state::closed);
      }
    }
  }
}

SCENARIO("a server that is full from the start is one that does not accept connects") {
  GIVEN("a pool that has no connection, and a fail-fast caller") {
    core_driver pool{quiet_rules(2, 5)};
    pool.start();
    pool.acquire_fail_fast();
    WHEN("the server is full") {
      auto todo = pool.open_failed(1, errc::server_full);
      THEN("the caller is told so, and it is tried again soon") {
        CHECK_EQ(todo, "fail 1 (server_full)");
        CHECK_EQ(pool.status().limit, 7u);
        CHECK_LE(pool.next_event(), 100ms);
      }
    }
  }
}

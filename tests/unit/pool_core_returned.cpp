#define CAF_SUITE pool.core_returned

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a request that a dead connection could not send goes to the head of the queue") {
  GIVEN("a pool of one whose connection was given to a caller, and two others that wait") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    pool.acquire();
    WHEN("the connection turns out to be dead") {
      auto todo = pool.returned(1);
      THEN("its request is the next one that is served, before those that waited longer") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "grant 4 to 2 (peek)");
        CHECK_EQ(pool.released(2), "grant 2 to 2 (peek)");
        CHECK_EQ(pool.released(2), "grant 3 to 2 (peek)");
      }
    }
  }
}

SCENARIO("a request that comes back gets a new connection: where one died, others are dead") {
  GIVEN("a pool of two, one of which is given to a caller") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    CHECK_EQ(pool.acquire(), "grant 1 to 2 (peek)");
    WHEN("that one turns out to be dead") {
      auto todo = pool.returned(2);
      THEN("the other one is given up, too, and the request gets the first new one") {
        CHECK_EQ(todo, "close 2, close 1");
        CHECK_EQ(pool.closed(1), "open 3");
        CHECK_EQ(pool.opened(3), "grant 2 to 3 (peek)");
      }
    }
  }
}

SCENARIO("a request that comes back from an old connection gets a new one at once if that is free") {
  GIVEN("a pool of two that was disposed while one was on its way to a caller, and has a new connection") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    CHECK_EQ(pool.acquire(), "grant 1 to 2 (peek)");
    CHECK_EQ(pool.dispose(), "close 1");
    CHECK_EQ(pool.closed(1), "open 3");
    CHECK_EQ(pool.opened(3), "");
    WHEN("the old one turns out to be dead") {
      auto todo = pool.returned(2);
      THEN("the new one is given, and stays") {
        CHECK_EQ(todo, "close 2, grant 2 to 3 (peek)");
        CHECK_EQ(pool.status().generation, 1u);
      }
    }
  }
}

SCENARIO("requests that come back together keep their order among themselves as far as it is known") {
  GIVEN("two connections given to two callers, and one that waits") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    CHECK_EQ(pool.acquire(), "grant 1 to 2 (peek)");
    CHECK_EQ(pool.acquire(), "grant 2 to 1 (peek)");
    pool.acquire();
    WHEN("both connections turn out to be dead") {
      pool.returned(1);
      pool.returned(2);
      pool.closed(1);
      pool.closed(2);
      THEN("both requests are served before the one that waited") {
        CHECK_EQ(pool.opened(3), "grant 5 to 3 (peek)");
        CHECK_EQ(pool.wait(20ms), "open 4");
        CHECK_EQ(pool.opened(4), "grant 4 to 4 (peek)");
        CHECK_EQ(pool.released(3), "grant 3 to 3 (peek)");
      }
    }
  }
}

SCENARIO("a request that comes back counts as served once") {
  GIVEN("a pool of two, one of which is given to a caller") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    pool.acquire();
    WHEN("it comes back and is served by a new connection") {
      pool.returned(2, "the server had closed the connection");
      pool.closed(2);
      CHECK_EQ(pool.opened(3), "grant 2 to 3 (peek)");
      THEN("one request was served and one connection was lost") {
        CHECK_EQ(pool.status().served, 1u);
        CHECK_EQ(pool.status().lost, 1u);
        CHECK_EQ(pool.status().last_error, "the server had closed the connection");
      }
    }
  }
}

SCENARIO("the time of a request that comes back runs from when it came first") {
  GIVEN("a request that was given a connection after 20 s and comes back after 25 s") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    pool.wait(20s);
    pool.released(1);
    pool.pass(5s);
    pool.returned(1);
    WHEN("30 s have passed since it came") {
      auto before = pool.wait(5s - 1ns);
      auto at = pool.wait(1ns);
      THEN("it times out") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "fail 3 (acquire_timeout)");
        CHECK(pool.error_of(3).waited == 30s);
      }
    }
  }
}

SCENARIO("a request that comes back too late fails") {
  GIVEN("a request with a deadline of its own that was given a connection") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    pool.acquire_within(1s);
    WHEN("it comes back when its time is up") {
      pool.pass(1s);
      auto todo = pool.returned(2);
      THEN("it fails") {
        CHECK_EQ(todo, "close 2, close 1, fail 2 (acquire_timeout)");
        CHECK_EQ(pool.status().timed_out, 1u);
        CHECK_EQ(pool.status().served, 0u);
      }
    }
  }
}

SCENARIO("a request that meets nothing but dead connections is given up after ten") {
  GIVEN("a request whose connections are all dead") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    CHECK_EQ(pool.acquire(), "grant 1 to 1 (peek)");
    WHEN("it comes back ten times") {
      std::string last;
      for (uint64_t id = 1; id <= 10; ++id) {
        last = pool.returned(id, "dead one " + std::to_string(id));
        pool.closed(id);
        pool.wait(20ms);
        pool.opened(id + 1);
      }
      THEN("it fails, and it is known that it was not sent") {
        CHECK_EQ(last, "close 10, fail 11 (connection_lost_unsent)");
        CHECK_EQ(pool.error_of(11).outcome, outcome::not_sent);
        CHECK_EQ(pool.error_of(11).attempts, 10u);
        CHECK(pool.error_of(11).text.find("dead one 10") != std::string::npos);
        CHECK_EQ(pool.status().served, 0u);
        CHECK_EQ(pool.status().lost, 10u);
        CHECK_EQ(pool.status().refused, 1u);
      }
    }
  }
}

SCENARIO("a request that comes back tells how often it was tried when it fails later") {
  GIVEN("a request that came back twice and waits") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    for (uint64_t id = 1; id <= 2; ++id) {
      pool.returned(id);
      pool.closed(id);
      if (id == 1)
        pool.opened(2);
    }
    WHEN("its time is up") {
      pool.wait(30s);
      THEN("its error says two attempts") {
        CHECK_EQ(pool.error_of(3).code, errc::acquire_timeout);
        CHECK_EQ(pool.error_of(3).attempts, 2u);
      }
    }
  }
}

SCENARIO("an idle connection that is lost while it is being given away is closed once") {
  GIVEN("a pool of one whose connection reports its loss while a grant is on its way to it") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    CHECK_EQ(pool.released(1, disposition::lost, "the server closed the connection while it was idle"), "close 1");
    WHEN("the grant comes back") {
      auto todo = pool.returned(1, "the connection has just been lost");
      THEN("the request waits for the next connection, and the loss is counted once") {
        CHECK_EQ(todo, "");
        CHECK_EQ(pool.status().lost, 1u);
        CHECK_EQ(pool.status().last_error, "the server closed the connection while it was idle");
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "grant 2 to 2 (peek)");
      }
    }
  }
}

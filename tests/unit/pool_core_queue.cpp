#define CAF_SUITE pool.core_queue

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A pool of one connection, which is in use by request 1.
core_driver busy_pool(pool_settings rules = quiet_rules(1)) {
  core_driver result{rules};
  result.warm_up(1);
  result.acquire();
  return result;
}

} // namespace

SCENARIO("callers are served first come first served") {
  GIVEN("a pool of one and three callers that wait") {
    auto pool = busy_pool();
    for (auto i = 0; i < 3; ++i)
      CHECK_EQ(pool.acquire(), "");
    WHEN("the connection comes back again and again") {
      std::vector todo{pool.released(1), pool.released(1), pool.released(1), pool.released(1)};
      THEN("they get it in the order in which they came") {
        CHECK_EQ(todo,
                 std::vector<std::string>({"grant 2 to 1 (peek)", "grant 3 to 1 (peek)", "grant 4 to 1 (peek)", ""}));
      }
    }
  }
}

SCENARIO("a hundred thousand callers wait for one connection, and all get it in their order") {
  GIVEN("a pool of one and 100000 callers that wait") {
    auto pool = busy_pool();
    for (auto i = 0; i < 100'000; ++i)
      pool.acquire();
    CHECK_EQ(pool.status().waiting, 100'000u);
    WHEN("the connection comes back 100000 times") {
      auto out_of_order = 0;
      for (uint64_t id = 2; id <= 100'001; ++id)
        out_of_order += pool.released(1) != "grant " + std::to_string(id) + " to 1 (peek)";
      THEN("each came in its turn") {
        CHECK_EQ(out_of_order, 0);
        CHECK_EQ(pool.status().waiting, 0u);
        CHECK_EQ(pool.status().served, 100'001u);
      }
    }
  }
}

SCENARIO("a caller is told how long it has waited") {
  GIVEN("a caller that waits") {
    auto pool = busy_pool();
    pool.acquire();
    WHEN("it is served after 123 ms") {
      pool.pass(123ms);
      pool.released(1);
      THEN("its grant says so, and that of the first one says zero") {
        CHECK(pool.waited(2) == 123ms);
        CHECK(pool.waited(1) == 0ns);
      }
    }
  }
}

SCENARIO("a caller times out exactly when its time is up") {
  GIVEN("a caller that waits in a pool with a timeout of 30 s") {
    auto pool = busy_pool();
    pool.acquire();
    WHEN("the time is one nanosecond short, and then there") {
      pool.pass(30s - 1ns);
      auto before = pool.tick();
      pool.pass(1ns);
      auto at = pool.tick();
      THEN("it fails only then, and nothing is left to wait for") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "fail 2 (acquire_timeout)");
        CHECK(pool.error_of(2).waited == 30s);
        CHECK_EQ(pool.wait(1h), "");
      }
    }
  }
}

SCENARIO("a connection that comes back just before the deadline still serves") {
  GIVEN("a caller that waits in a pool with a timeout of 30 s") {
    auto pool = busy_pool();
    pool.acquire();
    WHEN("the connection comes back one nanosecond before") {
      pool.pass(30s - 1ns);
      auto todo = pool.released(1);
      THEN("the caller gets it, and does not time out any more") {
        CHECK_EQ(todo, "grant 2 to 1 (peek)");
        pool.pass(1s);
        CHECK_EQ(pool.tick(), "");
      }
    }
  }
}

SCENARIO("a connection that comes back at the very moment of the deadline does not serve") {
  GIVEN("two callers of which the first one's time is up") {
    auto pool = busy_pool();
    pool.acquire();
    pool.pass(1ns);
    pool.acquire();
    pool.pass(30s - 1ns);
    WHEN("the connection comes back before the timer was heard") {
      auto todo = pool.released(1);
      THEN("the first one fails and the next one is served") {
        CHECK_EQ(todo, "fail 2 (acquire_timeout), grant 3 to 1 (peek)");
      }
    }
  }
}

SCENARIO("a connection that opens at the very moment of the deadline does not serve") {
  GIVEN("a caller that waits for the first connection until its time is up") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.acquire();
    pool.pass(30s);
    WHEN("the connection opens") {
      auto todo = pool.opened(1);
      THEN("the caller fails and the connection is free") {
        CHECK_EQ(todo, "fail 1 (acquire_timeout)");
        CHECK_EQ(pool.status().checked_in, 1u);
      }
    }
  }
}

SCENARIO("a caller's own deadline counts if it is earlier than the pool's timeout") {
  GIVEN("a caller with half a second, behind one with all the time of the pool") {
    auto pool = busy_pool();
    pool.acquire();
    pool.acquire_within(500ms);
    CHECK(pool.next_event() == 500ms);
    WHEN("its time is up") {
      auto todo = pool.wait(500ms);
      THEN("it fails, and the one before it waits on") {
        CHECK_EQ(todo, "fail 3 (acquire_timeout)");
        CHECK_EQ(pool.released(1), "grant 2 to 1 (peek)");
      }
    }
  }
}

SCENARIO("a caller's own deadline does not prolong the pool's timeout") {
  GIVEN("a caller with an hour in a pool with a timeout of 30 s") {
    auto pool = busy_pool();
    pool.acquire_within(1h);
    WHEN("30 s have passed") {
      auto todo = pool.wait(30s);
      THEN("it fails") {
        CHECK_EQ(todo, "fail 2 (acquire_timeout)");
      }
    }
  }
}

SCENARIO("a caller without any time left is refused at once") {
  GIVEN("a pool without a free connection") {
    auto pool = busy_pool();
    WHEN("a caller comes whose deadline is now") {
      auto todo = pool.acquire_within(-1s);
      THEN("it fails, and nobody waits") {
        CHECK_EQ(todo, "fail 2 (acquire_timeout)");
        CHECK_EQ(pool.status().waiting, 0u);
        CHECK_EQ(pool.status().timed_out, 1u);
      }
    }
  }
}

SCENARIO("a request whose time has passed fails at once though a connection is free") {
  GIVEN("a pool with a free connection") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    WHEN("requests come whose limits are below zero") {
      std::vector todo{pool.acquire_within(-1ns), pool.acquire_within(std::chrono::nanoseconds::min())};
      THEN("both fail and are not sent, and the next one is served") {
        CHECK_EQ(todo, std::vector<std::string>({"fail 1 (acquire_timeout)", "fail 2 (acquire_timeout)"}));
        CHECK_EQ(pool.error_of(1).outcome, outcome::unavailable);
        CHECK_EQ(pool.error_of(1).text,
                 "pool main: the request's own deadline had passed before it arrived; nothing was sent "
                 "(in use 0, open 1, waiting 0)");
        CHECK_EQ(pool.status().timed_out, 2u);
        CHECK_EQ(pool.acquire_within(std::chrono::nanoseconds::max()), "grant 3 to 1 (peek)");
      }
    }
  }
}

SCENARIO("requests that come back may wait beside those that fill the queue") {
  GIVEN("a pool of two for which two callers may wait and do") {
    auto rules = quiet_rules(2);
    rules.max_waiting = 2;
    core_driver pool{rules};
    pool.warm_up(2);
    for (auto i = 0; i < 4; ++i)
      pool.acquire();
    CHECK_EQ(pool.status().waiting, 2u);
    WHEN("both connections turn out to be dead") {
      pool.returned(1);
      pool.returned(2);
      auto todo = pool.acquire();
      THEN("four wait, none of them was refused, and the next caller is") {
        CHECK_EQ(pool.status().waiting, 4u);
        CHECK_EQ(pool.status().refused, 1u);
        CHECK_EQ(todo, "fail 7 (queue_full)");
      }
    }
  }
}

SCENARIO("the queue has a limit") {
  GIVEN("a pool for which two callers may wait and do") {
    auto rules = quiet_rules(1);
    rules.max_waiting = 2;
    auto pool = busy_pool(rules);
    CHECK_EQ(pool.acquire(), "");
    CHECK_EQ(pool.acquire(), "");
    WHEN("a third one comes") {
      auto todo = pool.acquire();
      THEN("it is refused with the pool's numbers, and the others wait on") {
        CHECK_EQ(todo, "fail 4 (queue_full)");
        CHECK_EQ(pool.error_of(4).text, "pool main: 2 callers are waiting already (in use 1, open 1, waiting 2); send "
                                        "fewer requests at a time, or raise pool.max-waiting");
        CHECK_EQ(pool.status().refused, 1u);
        CHECK_EQ(pool.released(1), "grant 2 to 1 (peek)");
        CHECK_EQ(pool.acquire(), "");
      }
    }
  }
}

SCENARIO("callers whose time is up make room in the queue even if the timer was not heard yet") {
  GIVEN("a full queue whose only caller's time is up") {
    auto rules = quiet_rules(1);
    rules.max_waiting = 1;
    auto pool = busy_pool(rules);
    pool.acquire();
    pool.pass(30s);
    WHEN("another one comes") {
      auto todo = pool.acquire();
      THEN("the first one fails and the other one waits") {
        CHECK_EQ(todo, "fail 2 (acquire_timeout)");
        CHECK_EQ(pool.status().waiting, 1u);
      }
    }
  }
}

SCENARIO("a timeout tells the pool's numbers") {
  GIVEN("a pool of one with an overflow of one, both in use, and two callers that wait") {
    auto rules = quiet_rules(1, 1);
    rules.name = "orders";
    rules.timeout = 1500ms;
    core_driver pool{rules};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    pool.opened(2);
    pool.acquire();
    pool.pass(1ms);
    pool.acquire();
    WHEN("the time of the first one is up") {
      pool.wait(1499ms);
      THEN("its error names them, itself among those that wait") {
        CHECK_EQ(pool.error_of(3).outcome, outcome::unavailable);
        CHECK_EQ(
            pool.error_of(3).text,
            "pool orders: limit of size 1 overflow 1 reached, timed out after 1.5 s (in use 2, open 2, waiting 2); "
            "shorten the statements, or raise pool.size or pool.timeout");
        CHECK(pool.error_of(3).waited == 1500ms);
      }
    }
  }
}

SCENARIO("a timeout while nothing can be opened tells the last connect error") {
  GIVEN("a pool whose connects fail, and a caller that waits") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.acquire();
    pool.open_failed(1, errc::connect_failed, "db.example:3306: the first error");
    pool.wait(1s);
    pool.open_failed(2, errc::connect_failed, "db.example:3306: the second error");
    WHEN("its time is up") {
      pool.wait(29s);
      THEN("its error names the last one") {
        CHECK_EQ(pool.error_of(1).code, errc::acquire_timeout);
        CHECK_EQ(pool.error_of(1).last_connect_error, "db.example:3306: the second error");
        CHECK_EQ(pool.error_of(1).text,
                 "pool main: no connection could be opened, timed out after 30.0 s (in use 0, open 0, waiting 1; last "
                 "connect error: db.example:3306: the second error); check the server");
      }
    }
  }
}

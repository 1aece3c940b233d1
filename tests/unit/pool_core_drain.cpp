#define CAF_SUITE pool.core_drain

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A pool of one connection, which is in use by request 1, and so many that wait.
core_driver busy_pool(size_t waiting) {
  core_driver result{quiet_rules(1)};
  result.warm_up(1);
  for (size_t i = 0; i <= waiting; ++i)
    result.acquire();
  return result;
}

} // namespace

SCENARIO("a drain with nothing to do is done at once") {
  GIVEN("an idle pool") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    WHEN("it is drained") {
      auto todo = pool.drain(30s);
      THEN("its connection is closed and it ends") {
        CHECK_EQ(todo, "close 1, finish");
        CHECK(pool.report() == drain_report{});
        CHECK(!pool.waits_for_time());
        CHECK_EQ(pool.closed(1), "");
      }
    }
  }
}

SCENARIO("a drain closes all connections, whatever they do") {
  GIVEN("a pool of three with one connection idle, one being pinged and one in use") {
    auto rules = quiet_rules(3);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.start();
    pool.opened(1);
    pool.wait(1s);
    pool.opened(2);
    pool.opened(3);
    pool.acquire();
    CHECK_EQ(pool.wait(29s), "ping 1");
    WHEN("it is drained without any time") {
      auto todo = pool.drain(0s);
      THEN("all three are closed before it ends") {
        for (auto id : {"close 1", "close 2", "close 3"})
          CHECK(todo.find(id) != std::string::npos);
        CHECK(todo.ends_with(", finish"));
        CHECK_EQ(pool.status().total_connections, 0u);
      }
    }
  }
}

SCENARIO("a pool that drains takes no new requests") {
  GIVEN("a pool that drains while a statement runs") {
    auto pool = busy_pool(0);
    CHECK_EQ(pool.drain(30s), "");
    WHEN("a caller comes") {
      auto todo = pool.acquire();
      THEN("it is refused") {
        CHECK_EQ(todo, "fail 2 (shutting_down)");
        CHECK_EQ(pool.error_of(2).outcome, outcome::unavailable);
        CHECK_EQ(pool.error_of(2).text, "pool main is shutting down (in use 1, open 1, waiting 0)");
        CHECK_EQ(pool.status().refused, 1u);
        CHECK(pool.status().draining);
      }
    }
  }
}

SCENARIO("a drain lets what runs and what waits finish") {
  GIVEN("a pool that drains while one statement runs and two wait") {
    auto pool = busy_pool(2);
    CHECK_EQ(pool.drain(30s), "");
    WHEN("the connection comes back again and again") {
      std::vector todo{pool.released(1), pool.released(1), pool.released(1)};
      THEN("all are served, then it ends") {
        CHECK_EQ(todo, std::vector<std::string>({"grant 2 to 1 (peek)", "grant 3 to 1 (peek)", "close 1, finish"}));
        CHECK_EQ(pool.report().finished, 3u); // The first one ran when it began.
        CHECK_EQ(pool.report().cut, 0u);
      }
    }
  }
}

SCENARIO("a drain cuts what is not done when its time is up, and not before") {
  GIVEN("a pool that drains for 10 s while one statement runs and two wait") {
    auto pool = busy_pool(2);
    pool.drain(10s);
    WHEN("the time is one nanosecond short, and then there") {
      pool.pass(10s - 1ns);
      auto before = pool.tick();
      pool.pass(1ns);
      auto at = pool.tick();
      THEN("all three are cut") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "fail 2 (shutting_down), fail 3 (shutting_down), close 1, finish");
        CHECK_EQ(pool.report().finished, 0u);
        CHECK_EQ(pool.report().cut, 3u);
        CHECK(!pool.waits_for_time());
      }
    }
  }
}

SCENARIO("a request is reported either as finished or as cut") {
  GIVEN("a pool that drains for 10 s while one statement runs and two wait") {
    auto pool = busy_pool(2);
    pool.drain(10s);
    WHEN("the time is up while the first of those that waited runs") {
      CHECK_EQ(pool.released(1), "grant 2 to 1 (peek)");
      auto todo = pool.wait(10s);
      THEN("it is cut, and not finished, though it was served") {
        CHECK_EQ(todo, "fail 3 (shutting_down), close 1, finish");
        CHECK_EQ(pool.report().finished, 1u); // The one before it.
        CHECK_EQ(pool.report().cut, 2u);
      }
    }
  }
}

SCENARIO("a drain without any time cuts at once") {
  GIVEN("a pool with a statement that runs and one that waits") {
    auto pool = busy_pool(1);
    WHEN("it is drained without any time") {
      auto todo = pool.drain(0s);
      THEN("both are cut") {
        CHECK_EQ(todo, "fail 2 (shutting_down), close 1, finish");
        CHECK_EQ(pool.report().cut, 2u);
      }
    }
  }
}

SCENARIO("a second drain can make the time shorter but not longer") {
  GIVEN("a pool that drains for 500 ms while a statement runs") {
    auto pool = busy_pool(0);
    pool.drain(500ms);
    WHEN("it is drained for an hour and then for 100 ms") {
      pool.drain(1h);
      auto longer = pool.next_event();
      pool.drain(100ms);
      auto shorter = pool.next_event();
      auto todo = pool.wait(100ms);
      THEN("only the second one changes anything") {
        CHECK(longer == 500ms);
        CHECK(shorter == 100ms);
        CHECK_EQ(todo, "close 1, finish");
        CHECK_EQ(pool.report().cut, 1u);
      }
    }
  }
}

SCENARIO("a second drain with no time left ends the first one") {
  GIVEN("a pool that drains for 30 s while one statement runs and one waits") {
    auto pool = busy_pool(1);
    pool.drain(30s);
    WHEN("it is drained again without any time") {
      auto todo = pool.drain(0s);
      THEN("both are cut, and a third drain changes nothing") {
        CHECK_EQ(todo, "fail 2 (shutting_down), close 1, finish");
        CHECK_EQ(pool.drain(0s), "");
        CHECK_EQ(pool.report().cut, 2u);
      }
    }
  }
}

SCENARIO("callers still time out while the pool drains") {
  GIVEN("a caller with a second, in a pool that drains for ten") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire_within(1s);
    pool.drain(10s);
    WHEN("its time is up") {
      auto todo = pool.wait(1s);
      THEN("it fails, and the drain goes on") {
        CHECK_EQ(todo, "fail 2 (acquire_timeout)");
        CHECK_EQ(pool.released(1), "close 1, finish");
        CHECK((pool.report() == drain_report{1, 0}));
      }
    }
  }
}

SCENARIO("a connection lost during a drain is replaced only if somebody waits") {
  GIVEN("a pool of two that drains while two statements run and one waits") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    for (auto i = 0; i < 3; ++i)
      pool.acquire();
    pool.drain(30s);
    WHEN("both connections are lost, one after the other was served") {
      pool.released(1, disposition::lost, "gone");
      std::vector todo{pool.closed(1), pool.opened(3), pool.released(2, disposition::lost, "gone"), pool.closed(2),
                       pool.released(3)};
      THEN("the first one is replaced for the one that waits, the second one is not") {
        CHECK_EQ(todo, std::vector<std::string>({"open 3", "grant 3 to 3 (peek)", "close 2", "", "close 3, finish"}));
        CHECK_EQ(pool.report().finished, 1u);
      }
    }
  }
}

SCENARIO("dispose during a drain does not stop it") {
  GIVEN("a pool that drains while one statement runs and one waits") {
    auto pool = busy_pool(1);
    pool.drain(30s);
    WHEN("it is disposed") {
      auto todo = pool.dispose();
      THEN("the one that waits gets a new connection, and the drain ends") {
        CHECK_EQ(todo, "");
        CHECK_EQ(pool.released(1), "close 1");
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "grant 2 to 2 (peek)");
        CHECK_EQ(pool.released(2), "close 2, finish");
      }
    }
  }
}

SCENARIO("what has moved elsewhere is counted once") {
  GIVEN("a pool of two, on one connection of which a read waits behind a slow one") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    pool.acquire_shared();
    pool.acquire_shared();
    CHECK_EQ(pool.acquire_shared(), "grant 3 to 1 (none)");
    pool.wait(5ms);
    WHEN("it drains, and the read has run elsewhere") {
      pool.drain(30s);
      CHECK_EQ(pool.requeued(3), "");
      CHECK_EQ(pool.ended(2, 1), "grant 4 to 2 (peek)");
      pool.ended(2, 1);
      pool.ended(1, 1);
      auto todo = pool.requeued(1, 1);
      THEN("three have finished") {
        CHECK(todo.ends_with("finish"));
        CHECK((pool.report() == drain_report{3, 0}));
      }
    }
  }
  GIVEN("another pool in the same state") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    for (auto i = 0; i < 3; ++i)
      pool.acquire_shared();
    pool.wait(5ms);
    pool.requeued(3);
    WHEN("it is drained without any time") {
      pool.drain(0s);
      THEN("three have been cut") {
        CHECK((pool.report() == drain_report{0, 3}));
      }
    }
  }
}

SCENARIO("what is lost in a drain has neither finished nor been cut") {
  GIVEN("a pool that drains while a statement runs") {
    auto pool = busy_pool(0);
    pool.drain(30s);
    WHEN("its connection is lost") {
      auto todo = pool.released(1, disposition::lost, "gone");
      THEN("it is in neither number") {
        CHECK_EQ(todo, "close 1, finish");
        CHECK(pool.report() == drain_report{});
      }
    }
  }
}

SCENARIO("a drain takes any time") {
  GIVEN("pools with a statement that runs") {
    WHEN("they are drained for the largest and the smallest time") {
      auto patient = busy_pool(0);
      auto never = patient.drain(std::chrono::nanoseconds::max());
      auto hasty = busy_pool(0);
      auto at_once = hasty.drain(std::chrono::nanoseconds::min());
      THEN("the first waits for as long as it takes, the second cuts at once") {
        CHECK_EQ(never, "");
        CHECK_EQ(patient.wait(20h), "");
        CHECK_EQ(patient.released(1), "close 1, finish");
        CHECK((patient.report() == drain_report{1, 0}));
        CHECK_EQ(at_once, "close 1, finish");
        CHECK((hasty.report() == drain_report{0, 1}));
      }
    }
  }
}

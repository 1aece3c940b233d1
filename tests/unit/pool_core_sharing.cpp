#define CAF_SUITE pool.core_sharing

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

pool_settings rules_of(size_t size, size_t depth) {
  auto result = quiet_rules(size);
  result.pipeline_depth = depth;
  return result;
}

core_driver opened_pool(size_t size, size_t depth) {
  core_driver result{rules_of(size, depth)};
  result.warm_up(size);
  return result;
}

} // namespace

SCENARIO("an idle connection comes first, then the one with the fewest statements, then callers wait") {
  GIVEN("a pool of two with a depth of two") {
    auto pool = opened_pool(2, 2);
    WHEN("six come who may share") {
      std::vector<std::string> todo;
      for (auto i = 0; i < 6; ++i)
        todo.push_back(pool.acquire_shared());
      THEN("two of them wait") {
        CHECK_EQ(todo, std::vector<std::string>({"grant 1 to 2 (peek)", "grant 2 to 1 (peek)", "grant 3 to 1 (none)",
                                                 "grant 4 to 2 (none)", "", ""}));
        CHECK_EQ(pool.status().waiting, 2u);
        CHECK_EQ(pool.status().checked_out, 2u);
        CHECK_EQ(pool.status().in_flight, 4u);
      }
    }
    WHEN("one statement ends") {
      THEN("the fifth takes its place") {
        CHECK_EQ(pool.ended(1, 1), "grant 5 to 1 (none)");
      }
    }
    WHEN("all of a connection end at once") {
      THEN("the sixth gets it as one that is free") {
        CHECK_EQ(pool.ended(2, 2), "grant 6 to 2 (peek)");
      }
    }
  }
}

SCENARIO("with a depth of one nobody shares") {
  GIVEN("a pool of one whose connection is used by somebody who may share it") {
    auto pool = opened_pool(1, 1);
    pool.acquire_shared();
    THEN("the next one waits") {
      CHECK_EQ(pool.acquire_shared(), "");
      CHECK_EQ(pool.ended(1, 1), "grant 2 to 1 (peek)");
    }
  }
}

SCENARIO("nobody is put beside a user who wants the connection alone") {
  GIVEN("a pool of one that is used alone") {
    auto pool = opened_pool(1, 16);
    pool.acquire();
    WHEN("others come who may share") {
      CHECK_EQ(pool.acquire_shared(), "");
      CHECK_EQ(pool.acquire_shared(), "");
      THEN("they wait until it is free, and share it then") {
        CHECK_EQ(pool.released(1), "grant 2 to 1 (peek), grant 3 to 1 (none)");
      }
    }
  }
}

namespace {

/// A pool of two connections with two statements each, and request 5 wants one alone: number 2 is being emptied for it.
core_driver emptying_pool() {
  auto result = opened_pool(2, 4);
  for (auto i = 0; i < 4; ++i)
    result.acquire_shared();
  result.acquire();
  return result;
}

} // namespace

SCENARIO("for somebody who wants a connection alone one is emptied while others go on") {
  GIVEN("a pool that empties a connection for somebody") {
    auto pool = emptying_pool();
    WHEN("two come who share") {
      THEN("they go to the other connection, and that one is his when it is empty") {
        CHECK_EQ(pool.acquire_shared(), "grant 6 to 1 (none)");
        CHECK_EQ(pool.acquire_shared(), "grant 7 to 1 (none)");
        CHECK_EQ(pool.ended(2, 1), "");
        CHECK_EQ(pool.ended(2, 1), "grant 5 to 2 (peek)");
        CHECK_EQ(pool.status().waiting, 0u);
      }
    }
  }
  GIVEN("another one") {
    auto pool = emptying_pool();
    WHEN("the other connection is empty first") {
      THEN("he gets that, and the one that was kept for him is shared again") {
        CHECK_EQ(pool.ended(1, 2), "grant 5 to 1 (peek)");
        CHECK_EQ(pool.acquire_shared(), "grant 6 to 2 (none)");
      }
    }
  }
  GIVEN("another one whose statements are slow") {
    auto pool = emptying_pool();
    WHEN("his time is up") {
      auto todo = pool.wait(31s);
      THEN("both are shared again when something ends on them") {
        CHECK_NE(todo.find("fail 5 (acquire_timeout)"), std::string::npos);
        CHECK_EQ(pool.ended(1, 1), "");
        CHECK_EQ(pool.ended(2, 1), "");
        pool.acquire_shared();
        pool.acquire_shared();
        CHECK_EQ(pool.status().waiting, 0u);
      }
    }
  }
  GIVEN("another one") {
    auto pool = emptying_pool();
    WHEN("the connection that is being emptied is given up") {
      CHECK_EQ(pool.released(2, disposition::broken, "too large"), "close 2");
      THEN("the other one is emptied instead") {
        CHECK_EQ(pool.acquire_shared(), "");
        CHECK_EQ(pool.ended(1, 2), "grant 5 to 1 (peek)");
      }
    }
  }
}

SCENARIO("nobody is put behind a slow statement, and those who wait behind it come back") {
  GIVEN("a pool of two, one with three statements of which the first has taken 5 ms so far") {
    auto pool = opened_pool(2, 4);
    pool.acquire_shared();
    pool.acquire();
    pool.acquire_shared();
    pool.acquire_shared();
    CHECK_EQ(pool.wait(4ms), "");
    CHECK_EQ(pool.wait(1ms), "requeue behind 2");
    WHEN("somebody else comes") {
      THEN("he waits") {
        CHECK_EQ(pool.acquire_shared(), "");
      }
    }
    WHEN("those who were behind the slow one come back, last first") {
      CHECK_EQ(pool.requeued(4), "");
      CHECK_EQ(pool.requeued(3), "");
      THEN("they are served before him, in their order, each alone") {
        CHECK_EQ(pool.released(1), "grant 7 to 1 (peek)");
        CHECK_EQ(pool.released(1), "grant 6 to 1 (peek)");
        CHECK_EQ(pool.released(1), "grant 5 to 1 (peek)");
      }
    }
  }
  GIVEN("another one") {
    auto pool = opened_pool(1, 4);
    pool.acquire_shared();
    pool.acquire_shared();
    pool.wait(5ms);
    WHEN("the slow one ends") {
      CHECK_EQ(pool.ended(1, 1), "");
      THEN("the connection is shared again") {
        CHECK_EQ(pool.acquire_shared(), "grant 3 to 1 (none)");
      }
    }
  }
}

SCENARIO("a connection that is being emptied and turns out to be slow is replaced by another") {
  GIVEN("a pool that empties a connection for somebody, whose other connection makes progress") {
    auto pool = emptying_pool();
    pool.wait(3ms);
    pool.ended(1, 1);
    WHEN("the statement before him takes too long") {
      CHECK_EQ(pool.wait(2ms), "requeue behind 2");
      THEN("the other one is emptied for him") {
        CHECK_EQ(pool.acquire_shared(), "");
        CHECK_EQ(pool.ended(1, 1), "grant 5 to 1 (peek)");
      }
    }
  }
}

SCENARIO("what is usual decides what is slow") {
  GIVEN("a pool of one whose statements take 20 ms") {
    auto pool = opened_pool(1, 4);
    for (auto i = 0; i < 200; ++i) {
      pool.acquire_shared();
      pool.wait(20ms);
      pool.ended(1, 1);
    }
    WHEN("two run for as long as that") {
      pool.acquire_shared();
      pool.acquire_shared();
      THEN("nothing is requeued before one has taken much longer") {
        CHECK_EQ(pool.wait(100ms), "");
        CHECK_EQ(pool.wait(100ms), "requeue behind 1");
      }
    }
  }
}

SCENARIO("one who has come back too late fails with the pool's own error") {
  GIVEN("two on one connection, of whom the first is slow") {
    auto pool = opened_pool(1, 4);
    pool.acquire_shared();
    pool.acquire_shared();
    pool.wait(31s);
    THEN("the second has waited for too long") {
      CHECK_EQ(pool.requeued(2), "fail 3 (acquire_timeout)");
      CHECK_EQ(pool.status().timed_out, 1u);
      CHECK_EQ(pool.status().served, 1u);
    }
  }
}

SCENARIO("connections of an old generation take nobody more") {
  GIVEN("a pool of two that are both shared") {
    auto pool = opened_pool(2, 4);
    pool.acquire_shared();
    pool.acquire_shared();
    WHEN("all connections are to be replaced") {
      pool.dispose();
      THEN("who comes waits for a new one, and the old ones go when they are empty") {
        CHECK_EQ(pool.acquire_shared(), "");
        CHECK_EQ(pool.ended(1, 1), "close 1");
        CHECK_EQ(pool.closed(1), "open 3");
        CHECK_EQ(pool.opened(3), "grant 3 to 3 (peek)");
      }
    }
  }
}

SCENARIO("a connection that is to be replaced is watched for slow statements until the last one has ended") {
  GIVEN("three statements on the only connection, which is to be replaced") {
    auto rules = quiet_rules(1);
    rules.pipeline_depth = 4;
    core_driver pool{rules};
    pool.start();
    pool.opened(1);
    for (auto i = 0; i < 3; ++i)
      pool.acquire_shared();
    pool.dispose();
    CHECK_EQ(pool.wait(100ms), "requeue behind 1");
    WHEN("the first one has ended, and the next is slow as well") {
      pool.ended(1, 1);
      THEN("the last one is to come back") {
        CHECK_EQ(pool.wait(100ms), "requeue behind 1");
      }
    }
  }
}

SCENARIO("a drain counts every statement of a shared connection") {
  GIVEN("a pool of one with three statements") {
    auto pool = opened_pool(1, 4);
    for (auto i = 0; i < 3; ++i)
      pool.acquire_shared();
    WHEN("a drain is over before they are") {
      pool.drain(1s);
      pool.wait(1s);
      THEN("all three are cut") {
        CHECK_EQ(pool.report().cut, 3u);
      }
    }
  }
  GIVEN("another one") {
    auto pool = opened_pool(1, 4);
    for (auto i = 0; i < 3; ++i)
      pool.acquire_shared();
    WHEN("they end in time") {
      pool.drain(1s);
      THEN("the pool ends after the last one") {
        CHECK_EQ(pool.ended(1, 2), "");
        CHECK_EQ(pool.ended(1, 1), "close 1, finish");
        CHECK_EQ(pool.report().cut, 0u);
      }
    }
  }
}

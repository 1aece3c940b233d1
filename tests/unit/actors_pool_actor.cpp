#define CAF_SUITE actors.pool_actor

#include "support/pool_under_test.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

pool_settings with_timeout(pool_settings rules, caf::timespan timeout) {
  rules.timeout = timeout;
  return rules;
}

} // namespace

// -- serving -----------------------------------------------------------------------

SCENARIO("a caller gets the answer of its connection") {
  GIVEN("a pool with a free connection") {
    pool_under_test x{still_rules(1), 1};
    WHEN("a statement comes and is answered") {
      auto answer = x.execute(read("a"));
      auto told = x.heard();
      x.connections.answer(1, one_cell("42"));
      THEN("the result reaches the caller") {
        CHECK_EQ(told, "run a on 1 (peek)");
        REQUIRE(answer->value);
        CHECK_EQ((*answer->value)[0].get<std::string>(0), "42");
      }
    }
  }
}

SCENARIO("a caller gets the error of its connection") {
  GIVEN("a statement on a connection") {
    pool_under_test x{still_rules(1), 1};
    auto answer = x.execute(write("a"));
    x.heard();
    WHEN("the server refuses it") {
      auto error = make_failure(errc::server_error, outcome::rejected, "no such table");
      x.connections.answer(1, error);
      THEN("the caller is told, and the connection stays") {
        CHECK(answer->error == error);
        CHECK_EQ(x.heard(), "");
        CHECK_EQ(x.status().checked_in, 1u);
      }
    }
  }
}

SCENARIO("callers are served first come first served") {
  GIVEN("three statements for one connection") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(read("a"));
    auto b = x.execute(read("b"));
    auto c = x.execute(read("c"));
    CHECK_EQ(x.heard(), "run a on 1 (peek)");
    WHEN("the connection comes back again and again") {
      x.connections.answer(1);
      auto second = x.heard();
      x.connections.answer(1);
      auto third = x.heard();
      THEN("they are run in the order in which they came") {
        CHECK_EQ(second, "run b on 1 (peek)");
        CHECK_EQ(third, "run c on 1 (peek)");
        CHECK(a->succeeded());
        CHECK(b->succeeded());
        CHECK(!c->arrived());
      }
    }
  }
}

SCENARIO("a connection is in use until it says that it is free") {
  GIVEN("a statement that was answered by a connection that is not free yet") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(read("a"));
    x.connections.only_answer(1);
    CHECK(a->succeeded());
    x.heard();
    WHEN("another caller comes") {
      x.execute(read("b"));
      auto before = x.heard();
      x.connections.report(1, disposition::reusable);
      THEN("it is served only after the connection's report") {
        CHECK_EQ(before, "");
        CHECK_EQ(x.heard(), "run b on 1 (peek)");
      }
    }
  }
}

SCENARIO("a connection is told what it needs to know about a statement") {
  GIVEN("a statement of 10 s that waits behind another") {
    pool_under_test x{with_timeout(still_rules(1), 4s), 1};
    x.execute(read("a"));
    auto accepted = x.now();
    x.execute(read("b").within(10s));
    WHEN("the connection comes free after 3 s") {
      x.pass(3s);
      x.connections.answer(1);
      auto& given = x.connections.granted(1);
      THEN("it knows the statement's deadline, and how long it waited") {
        CHECK_EQ(std::get<statement>(given.request.work).sql, "b");
        CHECK(given.request.deadline == accepted + 10s);
        CHECK(given.latest_start == accepted + 4s);
        CHECK(given.request.accepted == accepted);
        CHECK(given.waited == 3s);
        CHECK_EQ(given.request.attempts, 1u);
      }
    }
  }
}

SCENARIO("a caller that died while it waited is skipped") {
  GIVEN("a dead caller between two that live") {
    pool_under_test x{still_rules(1), 1};
    x.execute(read("a"));
    auto dead = x.execute(write("dead"));
    auto next = x.execute(read("next"));
    x.kill(dead->sender);
    x.heard();
    WHEN("the connection comes back") {
      x.connections.answer(1, one_cell("1"));
      THEN("the next one gets it") {
        CHECK_EQ(x.heard(), "run next on 1 (peek)");
        x.connections.answer(1, one_cell("2"));
        CHECK(next->succeeded());
        CHECK_EQ(x.status().checked_in, 1u);
      }
    }
  }
}

SCENARIO("if nobody who waited lives any more the connection is free") {
  GIVEN("two dead callers that waited") {
    pool_under_test x{still_rules(1), 1};
    x.execute(read("a"));
    for (auto i = 0; i < 2; ++i)
      x.kill(x.execute(write("dead"))->sender);
    x.heard();
    WHEN("the connection comes back") {
      x.connections.answer(1);
      THEN("it is kept for those to come") {
        CHECK_EQ(x.heard(), "");
        CHECK_EQ(x.status().checked_in, 1u);
        x.execute(read("b"));
        CHECK_EQ(x.heard(), "run b on 1 (peek)");
      }
    }
  }
}

// -- refusals ----------------------------------------------------------------------

SCENARIO("a caller waits until the pool's timeout, and not longer") {
  GIVEN("a caller that waits behind a long statement") {
    pool_under_test x{with_timeout(still_rules(1), 30s), 1};
    x.execute(read("long"));
    auto answer = x.execute(read("a"));
    WHEN("the time is one millisecond short, and then there") {
      x.pass(30s - 1ms);
      auto before = answer->arrived();
      x.pass(1ms);
      THEN("it gets an error with the pool's numbers") {
        CHECK(!before);
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::acquire_timeout);
        CHECK_EQ(answer->error->outcome, outcome::unavailable);
        CHECK_EQ(answer->error->text,
                 "pool main: limit of size 1 overflow 0 reached, timed out after 30.0 s (in use 1, "
                 "open 1, waiting 1); shorten the statements, or raise pool.size or pool.timeout");
        CHECK(answer->error->waited == 30s);
        CHECK_EQ(x.status().timed_out, 1u);
      }
    }
  }
}

SCENARIO("each caller has its own time") {
  GIVEN("three callers that came one second apart, the last one with little time") {
    pool_under_test x{with_timeout(still_rules(1), 10s), 1};
    x.execute(read("long"));
    auto began = x.now();
    auto a = x.execute(read("a"));
    x.pass(1s);
    auto b = x.execute(read("b").within(1h));
    x.pass(1s);
    auto c = x.execute(read("c").within(3s));
    WHEN("a long time passes") {
      x.pass(1min);
      THEN("each is told when its own time is up") {
        for (auto& answer : {a, b, c})
          REQUIRE(answer->error);
        CHECK(a->at - began == 10s);
        CHECK(b->at - began == 11s);
        CHECK(c->at - began == 5s);
        CHECK_EQ(x.status().timed_out, 3u);
      }
    }
  }
}

SCENARIO("the longest time that a statement can have means no limit") {
  GIVEN("a pool with a free connection") {
    pool_under_test x{still_rules(1), 1};
    WHEN("a statement comes that may take as long as can be said") {
      x.execute(read("a").within(std::chrono::nanoseconds::max()));
      THEN("it is run") {
        CHECK_EQ(x.heard(), "run a on 1 (peek)");
        CHECK(x.connections.granted(1).request.deadline == caf::actor_clock::time_point::max());
      }
    }
  }
}

SCENARIO("one caller too many is refused at once") {
  GIVEN("a pool in which as many callers wait as may") {
    auto rules = still_rules(1);
    rules.max_waiting = 2;
    pool_under_test x{rules, 1};
    x.execute(read("long"));
    auto a = x.execute(read("a"));
    auto b = x.execute(read("b"));
    WHEN("another one comes") {
      auto c = x.execute(read("c"));
      THEN("it alone gets an error") {
        REQUIRE(c->error);
        CHECK_EQ(c->error->code, errc::queue_full);
        CHECK_EQ(c->error->text, "pool main: 2 callers are waiting already (in use 1, open 1, waiting 2); send fewer "
                                 "requests at a time, or raise pool.max-waiting");
        CHECK(!a->arrived());
        CHECK(!b->arrived());
        CHECK_EQ(x.status().refused, 1u);
      }
    }
  }
}

// -- growing and shrinking -----------------------------------------------------------

SCENARIO("a pool grows while callers wait, and shrinks afterwards") {
  GIVEN("a pool of one connection and up to two more") {
    pool_under_test x{still_rules(1, 2), 1};
    x.execute(read("a"));
    CHECK_EQ(x.heard(), "run a on 1 (peek)");
    WHEN("three more callers come, and all are served") {
      for (auto sql : {"b", "c", "d"})
        x.execute(read(sql));
      auto grown = x.heard();
      x.connections.succeed(2);
      x.connections.succeed(3);
      auto served = x.heard();
      auto full = x.status();
      x.connections.answer(2);
      auto last = x.heard();
      for (auto id : {1, 2, 3})
        x.connections.answer(id);
      THEN("it opens two, and closes them when nobody needs them") {
        CHECK_EQ(grown, "open 2, open 3");
        CHECK_EQ(served, "run b on 2 (peek), run c on 3 (peek)");
        CHECK_EQ(full.overflow, 2u);
        CHECK_EQ(full.waiting, 1u);
        CHECK_EQ(last, "run d on 2 (peek)");
        CHECK_EQ(x.heard(), "close 1, close 2");
        CHECK_EQ(x.status().total_connections, 1u);
        CHECK_EQ(x.status().overflow, 0u);
      }
    }
  }
}

// -- numbers -----------------------------------------------------------------------

SCENARIO("the status tells what is going on") {
  GIVEN("a pool of two that has served one statement") {
    auto rules = still_rules(2);
    rules.name = "bato";
    pool_under_test x{rules, 2};
    x.execute(read("a"));
    x.connections.answer(2);
    WHEN("two statements run and one waits") {
      for (auto sql : {"b", "c", "d"})
        x.execute(read(sql));
      auto now = x.status();
      THEN("all of it is in the numbers") {
        CHECK_EQ(now.pool, "bato");
        CHECK_EQ(now.endpoint, "scripted:3306/test");
        CHECK(now.initialized);
        CHECK(!now.draining);
        CHECK_EQ(now.pool_size, 2u);
        CHECK_EQ(now.checked_in, 0u);
        CHECK_EQ(now.checked_out, 2u);
        CHECK_EQ(now.overflow, 0u);
        CHECK_EQ(now.total_connections, 2u);
        CHECK_EQ(now.waiting, 1u);
        CHECK_EQ(now.connecting, 0u);
        CHECK_EQ(now.generation, 0u);
        CHECK_EQ(now.last_error, "");
        CHECK_EQ(now.served, 3u);
        CHECK_EQ(now.connects, 2u);
        CHECK_EQ(now.lost, 0u);
      }
    }
  }
}

SCENARIO("a pool that has not opened a connection yet is not initialized") {
  GIVEN("a pool of two") {
    pool_under_test x{still_rules(2)};
    WHEN("it has just been started") {
      auto now = x.status();
      THEN("it says so") {
        CHECK_EQ(x.heard(), "open 1");
        CHECK(!now.initialized);
        CHECK_EQ(now.connecting, 1u);
        CHECK_EQ(now.total_connections, 0u);
      }
    }
  }
}

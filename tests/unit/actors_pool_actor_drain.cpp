#define CAF_SUITE actors.pool_actor_drain

#include "support/pool_under_test.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// Whether the caller was told that the pool shuts down.
bool refused(const reply_ptr<result>& x) {
  return x->error && x->error->code == errc::shutting_down && x->error->outcome == outcome::unavailable;
}

/// Whether the drain was answered with these numbers.
bool reports(const reply_ptr<drain_report>& x, uint64_t finished, uint64_t cut) {
  return x->value == drain_report{finished, cut};
}

} // namespace

SCENARIO("a pool that has nothing to do ends at once") {
  GIVEN("an idle pool of two") {
    pool_under_test x{still_rules(2), 2};
    WHEN("it is drained") {
      auto drained = x.drain(30s);
      THEN("its connections are closed, it reports and has ended") {
        auto told = x.heard();
        CHECK(told == "close 1, close 2" || told == "close 2, close 1");
        CHECK(reports(drained, 0, 0));
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("a drain lets everything finish that was accepted") {
  GIVEN("a pool that drains while one statement runs and another waits") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    auto b = x.execute(write("b"));
    auto drained = x.drain(30s);
    CHECK(x.status().draining);
    x.heard();
    WHEN("both are answered in time") {
      x.pass(10s);
      x.connections.answer(1);
      x.pass(10s);
      auto in_between = drained->arrived();
      x.connections.answer(1);
      THEN("both callers have their results, then the pool ends") {
        CHECK(a->succeeded());
        CHECK(b->succeeded());
        CHECK(!in_between);
        CHECK_EQ(x.heard(), "run b on 1 (peek), close 1");
        CHECK(reports(drained, 2, 0));
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("a pool that drains refuses new requests") {
  GIVEN("a pool that drains while a statement runs") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    x.drain(30s);
    x.heard();
    WHEN("a caller comes") {
      auto late = x.execute(read("late"));
      auto verified = x.verify();
      THEN("it is refused, and so is a verification") {
        CHECK(refused(late));
        CHECK_EQ(late->error->text, "pool main is shutting down (in use 1, open 1, waiting 0)");
        REQUIRE(verified->error);
        CHECK_EQ(verified->error->code, errc::shutting_down);
        CHECK_EQ(x.heard(), "");
        CHECK(!a->arrived());
      }
    }
  }
}

SCENARIO("a drain cuts what is not done when its time is up, and not before") {
  GIVEN("a pool that drains for 10 s while one statement runs and two wait") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    auto b = x.execute(write("b"));
    auto c = x.execute(write("c"));
    auto drained = x.drain(10s);
    x.heard();
    WHEN("the time is one millisecond short, and then there") {
      x.pass(10s - 1ms);
      auto before = a->arrived() || b->arrived() || c->arrived() || drained->arrived();
      x.pass(1ms);
      THEN("the running one is unknown, the others are refused, and the pool ends") {
        CHECK(!before);
        REQUIRE(a->error);
        CHECK_EQ(a->error->code, errc::connection_lost);
        CHECK_EQ(a->error->outcome, outcome::unknown);
        CHECK(refused(b));
        CHECK(refused(c));
        CHECK_EQ(x.heard(), "close 1");
        CHECK(reports(drained, 0, 3));
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("a drain without time cuts at once") {
  GIVEN("a statement that runs") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    WHEN("the pool is drained without any time") {
      auto drained = x.drain(0s);
      THEN("it is cut and the pool ends") {
        REQUIRE(a->error);
        CHECK_EQ(a->error->outcome, outcome::unknown);
        CHECK(reports(drained, 0, 1));
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("a second drain can only shorten the time, and both are answered") {
  GIVEN("a pool that drains for 10 s while a statement runs") {
    pool_under_test x{still_rules(1), 1};
    x.execute(write("a"));
    auto first = x.drain(10s);
    WHEN("it is drained again, for longer and then for 2 s") {
      auto second = x.drain(1h);
      auto third = x.drain(2s);
      x.pass(2s - 1ms);
      auto before = has_ended(x.pool);
      x.pass(1ms);
      THEN("it ends after 2 s and tells everybody") {
        CHECK(!before);
        CHECK(has_ended(x.pool));
        for (auto& drained : {first, second, third})
          CHECK(reports(drained, 0, 1));
      }
    }
  }
}

SCENARIO("a drain without end waits for its statements") {
  GIVEN("a pool that drains for as long as can be said while a statement runs") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    auto drained = x.drain(caf::timespan::max());
    WHEN("it is answered after an hour") {
      x.pass(1h);
      auto before = drained->arrived();
      x.connections.answer(1);
      THEN("nothing was cut") {
        CHECK(!before);
        CHECK(a->succeeded());
        CHECK(reports(drained, 1, 0));
      }
    }
  }
}

SCENARIO("the pool outlives its connections") {
  GIVEN("an idle pool whose connection takes its time to close") {
    pool_under_test x{still_rules(1), 1};
    x.connections.close_slowly();
    auto drained = x.drain(30s);
    CHECK_EQ(x.heard(), "close 1");
    CHECK(!drained->arrived());
    CHECK(!has_ended(x.pool));
    WHEN("the connection has ended") {
      x.connections.die(1);
      THEN("so has the pool") {
        CHECK(reports(drained, 0, 0));
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("a drain connects for those who wait") {
  GIVEN("a pool that drains while its server is down and a caller waits") {
    pool_under_test x{still_rules(1)};
    auto a = x.execute(write("a"));
    x.connections.refuse(1);
    auto drained = x.drain(10s);
    x.heard();
    WHEN("the server is back in time") {
      x.pass(100ms);
      x.connections.succeed(2);
      x.connections.answer(2);
      THEN("the caller is served before the pool ends") {
        CHECK_EQ(x.heard(), "open 2, run a on 2 (peek), close 2");
        CHECK(a->succeeded());
        CHECK(reports(drained, 1, 0));
      }
    }
  }
}

SCENARIO("a pool without connections tells all who wait why it ends") {
  GIVEN("a caller and somebody who verifies, while the first connect is under way") {
    pool_under_test x{still_rules(1)};
    auto a = x.execute(write("a"));
    auto verified = x.verify();
    WHEN("the pool is drained without any time") {
      auto drained = x.drain(0s);
      THEN("both are told that it shuts down") {
        CHECK(refused(a));
        REQUIRE(verified->error);
        CHECK_EQ(verified->error->code, errc::shutting_down);
        CHECK(reports(drained, 0, 2));
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("a dead caller does not hold up a drain") {
  GIVEN("a pool that drains while a statement runs and a dead caller's waits") {
    pool_under_test x{still_rules(1), 1};
    x.execute(write("a"));
    auto dead = x.execute(write("dead"));
    x.kill(dead->sender);
    auto drained = x.drain(30s);
    x.heard();
    WHEN("the running one is answered") {
      x.connections.answer(1);
      THEN("the pool ends") {
        CHECK_EQ(x.heard(), "close 1");
        CHECK(drained->arrived());
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("a connection that dies does not hold up a drain") {
  GIVEN("a pool that drains while a statement runs") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    auto drained = x.drain(30s);
    WHEN("the connection's actor ends without a word") {
      x.connections.die(1);
      THEN("the pool ends") {
        REQUIRE(a->error);
        CHECK_EQ(a->error->outcome, outcome::unknown);
        CHECK(drained->arrived());
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("an exit message ends the pool and cuts what runs") {
  GIVEN("a statement that runs and one that waits") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    auto b = x.execute(write("b"));
    x.heard();
    WHEN("the pool gets an exit message") {
      caf::anon_send_exit(x.pool, caf::exit_reason::user_shutdown);
      x.settle();
      THEN("both are answered and it has closed its connection and ended") {
        REQUIRE(a->error);
        CHECK_EQ(a->error->code, errc::connection_lost);
        CHECK(refused(b));
        CHECK_EQ(x.heard(), "close 1");
        CHECK(has_ended(x.pool));
      }
    }
  }
}

SCENARIO("a drain for less than no time cuts at once") {
  GIVEN("a statement that runs") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    WHEN("the pool is drained for the smallest time there is") {
      auto drained = x.drain(caf::timespan::min());
      THEN("it is cut and the pool ends") {
        CHECK(a->error.has_value());
        CHECK(reports(drained, 0, 1));
        CHECK(has_ended(x.pool));
      }
    }
  }
}

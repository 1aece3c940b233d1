#define CAF_SUITE actors.pool_actor_upkeep

#include "support/pool_under_test.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

pool_settings with_keepalive(pool_settings rules, caf::timespan keepalive) {
  rules.keepalive = keepalive;
  return rules;
}

pool_settings with_recycle(pool_settings rules, caf::timespan recycle) {
  rules.recycle = recycle;
  return rules;
}

} // namespace

// -- growing -----------------------------------------------------------------------

SCENARIO("a connection that is needed at once is opened at once") {
  GIVEN("a pool whose reads usually take longer than its connect took") {
    auto rules = still_rules(1, 1);
    rules.pipeline_depth = 4;
    pool_under_test x{rules};
    x.pass(1ms);
    x.connections.succeed(1);
    for (auto i = 0; i < 100; ++i) {
      x.execute(read("SELECT 1"));
      x.pass(4ms);
      x.connections.answer(1);
    }
    x.heard();
    WHEN("a second read shares the connection with the first") {
      x.execute(read("SELECT 1"));
      x.execute(read("SELECT 2"));
      x.pass(0ms);
      THEN("another one is opened") {
        CHECK_EQ(x.heard(), "run SELECT 1 on 1 (peek), run SELECT 2 on 1 (unchecked), open 2");
      }
    }
  }
}

// -- pings -------------------------------------------------------------------------

SCENARIO("an idle connection is pinged after the keepalive time, and again") {
  GIVEN("an idle connection and a keepalive of 30 s") {
    pool_under_test x{with_keepalive(still_rules(1), 30s), 1};
    WHEN("time passes") {
      THEN("it is pinged each time after 30 s, not before") {
        for (auto i = 0; i < 3; ++i) {
          x.pass(30s - 1ms);
          CHECK_EQ(x.heard(), "");
          x.pass(1ms);
          CHECK_EQ(x.heard(), "ping 1");
          x.connections.report(1, disposition::reusable);
        }
      }
    }
  }
}

SCENARIO("a connection that is used is not pinged") {
  GIVEN("a statement that takes long, and a keepalive of 30 s") {
    pool_under_test x{with_keepalive(still_rules(1), 30s), 1};
    x.execute(read("a"));
    x.heard();
    WHEN("two minutes pass before it is answered, and then another 30 s") {
      x.pass(2min);
      auto busy = x.heard();
      x.connections.answer(1);
      x.pass(30s - 1ms);
      auto before = x.heard();
      x.pass(1ms);
      THEN("only the time without a use counts") {
        CHECK_EQ(busy, "");
        CHECK_EQ(before, "");
        CHECK_EQ(x.heard(), "ping 1");
      }
    }
  }
}

SCENARIO("a caller waits for a ping under way") {
  GIVEN("a connection that is being pinged") {
    pool_under_test x{with_keepalive(still_rules(1), 30s), 1};
    x.pass(30s);
    CHECK_EQ(x.heard(), "ping 1");
    WHEN("a caller comes and the ping is answered") {
      x.execute(read("a"));
      auto before = x.heard();
      x.connections.report(1, disposition::reusable);
      THEN("it gets the connection then") {
        CHECK_EQ(before, "");
        CHECK_EQ(x.heard(), "run a on 1 (peek)");
      }
    }
  }
}

SCENARIO("a connection that does not answer its ping is replaced") {
  GIVEN("a connection that is being pinged") {
    pool_under_test x{with_keepalive(still_rules(1), 30s), 1};
    x.pass(30s);
    x.heard();
    WHEN("it reports that it is lost") {
      x.connections.report(1, disposition::lost, "no answer to a ping");
      THEN("it is closed and another one opened") {
        CHECK_EQ(x.heard(), "close 1, open 2");
        CHECK_EQ(x.status().last_error, "no answer to a ping");
      }
    }
  }
}

SCENARIO("a connection that was idle for long is checked by a ping before its use") {
  GIVEN("a connection that was idle for just less than pre-ping-idle, and one second later") {
    pool_under_test x{still_rules(1), 1};
    WHEN("a statement comes each time") {
      x.pass(1s - 1ms);
      x.execute(read("a"));
      x.connections.answer(1);
      x.pass(1s);
      x.execute(read("b"));
      THEN("only the second one is preceded by a ping") {
        CHECK_EQ(x.heard(), "run a on 1 (peek), run b on 1 (ping)");
      }
    }
  }
}

// -- age ---------------------------------------------------------------------------

SCENARIO("a connection that is too old is replaced") {
  GIVEN("an idle connection and a recycle time of 100 s, less up to a tenth") {
    pool_under_test x{with_recycle(still_rules(1), 100s), 1};
    WHEN("90 s pass, and another 10 s") {
      x.pass(90s);
      auto before = x.heard();
      x.pass(10s);
      THEN("it is replaced within the last 10 s") {
        CHECK_EQ(before, "");
        CHECK_EQ(x.heard(), "close 1, open 2");
      }
    }
  }
}

SCENARIO("connections of the same age are not replaced at the same moment") {
  GIVEN("twenty connections that were opened together") {
    pool_under_test x{with_recycle(still_rules(20), 100s)};
    for (uint64_t id = 1; id <= 20; ++id)
      x.connections.succeed(id);
    x.heard();
    WHEN("they reach their age") {
      x.pass(90s);
      size_t moments = 0;
      for (auto i = 0; i < 100; ++i) {
        x.pass(100ms);
        moments += !x.heard().empty();
      }
      THEN("they have gone at many different moments") {
        CHECK_GT(moments, 5u);
        CHECK_EQ(x.status().total_connections, 0u);
      }
    }
  }
}

SCENARIO("a connection in use is never replaced because of its age") {
  GIVEN("a statement that runs on a connection until that is too old") {
    pool_under_test x{with_recycle(still_rules(1), 100s), 1};
    auto answer = x.execute(read("a"));
    x.heard();
    x.pass(10min);
    CHECK_EQ(x.heard(), "");
    WHEN("it is answered") {
      x.connections.answer(1, one_cell("42"));
      THEN("the caller has its result and the connection goes") {
        CHECK(answer->succeeded());
        CHECK_EQ(x.heard(), "close 1, open 2");
      }
    }
  }
}

SCENARIO("a connection that is too old serves nobody else, even if callers wait") {
  GIVEN("a caller that waits for a connection that has become too old") {
    auto rules = with_recycle(still_rules(1), 10s);
    pool_under_test x{rules, 1};
    x.execute(read("a"));
    x.pass(10s);
    x.execute(read("b"));
    x.heard();
    WHEN("it comes back") {
      x.connections.answer(1);
      x.connections.succeed(2);
      THEN("the caller gets a new one") {
        CHECK_EQ(x.heard(), "close 1, open 2, run b on 2 (peek)");
      }
    }
  }
}

// -- dispose -----------------------------------------------------------------------

SCENARIO("dispose replaces idle connections at once, and those in use when they come back") {
  GIVEN("a pool of two connections of which one is in use") {
    pool_under_test x{still_rules(2), 2};
    auto answer = x.execute(read("a"));
    CHECK_EQ(x.heard(), "run a on 2 (peek)");
    WHEN("it is disposed and the statement is answered") {
      x.dispose();
      auto at_once = x.heard();
      x.connections.succeed(3);
      x.connections.answer(2);
      THEN("both connections are new") {
        CHECK_EQ(at_once, "close 1, open 3");
        CHECK(answer->succeeded());
        CHECK_EQ(x.heard(), "close 2, open 4");
        CHECK_EQ(x.status().generation, 1u);
      }
    }
  }
}

SCENARIO("a connect that was under way when the pool was disposed is of no use") {
  GIVEN("a pool that is disposed while it connects") {
    pool_under_test x{still_rules(1)};
    x.dispose();
    CHECK_EQ(x.heard(), "open 1");
    WHEN("the connect succeeds") {
      x.connections.succeed(1);
      THEN("its connection is replaced, too") {
        CHECK_EQ(x.heard(), "close 1, open 2");
      }
    }
  }
}

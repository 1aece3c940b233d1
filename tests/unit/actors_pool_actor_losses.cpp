#define CAF_SUITE actors.pool_actor_losses

#include "support/pool_under_test.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

// -- connects that fail --------------------------------------------------------------

SCENARIO("a connect that failed is tried again after the delay") {
  GIVEN("a pool with a reconnect delay of 100 ms, less up to half of it") {
    pool_under_test x{still_rules(1)};
    CHECK_EQ(x.heard(), "open 1");
    WHEN("the first connect fails, and the second") {
      x.connections.refuse(1);
      x.pass(49ms);
      auto at_49 = x.heard();
      x.pass(51ms);
      auto at_100 = x.heard();
      x.connections.refuse(2);
      x.pass(74ms);
      auto later_at_74 = x.heard();
      x.pass(76ms);
      auto later_at_150 = x.heard();
      THEN("it connects after 50 to 100 ms, then after 75 to 150 ms") {
        CHECK_EQ(at_49, "");
        CHECK_EQ(at_100, "open 2");
        CHECK_EQ(later_at_74, "");
        CHECK_EQ(later_at_150, "open 3");
        CHECK_EQ(x.status().last_error, "no server");
      }
    }
  }
}

SCENARIO("the delay between connects has an upper bound") {
  GIVEN("a pool whose connects have failed ten times") {
    pool_under_test x{still_rules(1)};
    for (uint64_t id = 1; id <= 10; ++id) {
      x.connections.refuse(id);
      x.pass(5s);
    }
    x.heard();
    WHEN("the next one fails, too") {
      x.connections.refuse(11);
      x.pass(2499ms);
      auto before = x.heard();
      x.pass(2501ms);
      THEN("it connects after 2.5 to 5 s") {
        CHECK_EQ(before, "");
        CHECK_EQ(x.heard(), "open 12");
      }
    }
  }
}

SCENARIO("callers wait for a server that is down, and are told why it took too long") {
  GIVEN("a caller of a pool that cannot connect") {
    auto rules = still_rules(1);
    rules.timeout = 2s;
    pool_under_test x{rules};
    auto answer = x.execute(read("a"));
    x.connections.refuse(1);
    WHEN("its time is up") {
      x.pass(2s - 1ms);
      auto before = answer->arrived();
      x.pass(1ms);
      THEN("the error names the last failed connect") {
        CHECK(!before);
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::acquire_timeout);
        CHECK_EQ(answer->error->text, "pool main: no connection could be opened, timed out after 2.0 s (in use 0, open "
                                      "0, waiting 1; last connect error: no server); check the server");
        CHECK_EQ(answer->error->last_connect_error, "no server");
      }
    }
  }
}

SCENARIO("callers that waited for the server are served when it is back") {
  GIVEN("a caller of a pool whose first connect failed") {
    pool_under_test x{still_rules(1)};
    auto answer = x.execute(read("a"));
    x.connections.refuse(1);
    x.pass(100ms);
    x.heard();
    WHEN("the second one succeeds") {
      x.connections.succeed(2);
      x.connections.answer(2);
      THEN("the caller is served") {
        CHECK_EQ(x.heard(), "run a on 2 (peek)");
        CHECK(answer->succeeded());
      }
    }
  }
}

SCENARIO("a refused login fails all who wait") {
  GIVEN("two callers of a pool that has no connection yet") {
    pool_under_test x{still_rules(1)};
    auto a = x.execute(read("a"));
    auto b = x.execute(read("b"));
    x.heard();
    WHEN("the server refuses the login") {
      x.connections.refuse(1, errc::login_refused, "access denied");
      THEN("both are told at once, and the server is left alone for a while") {
        for (auto& answer : {a, b}) {
          REQUIRE(answer->error);
          CHECK_EQ(answer->error->code, errc::login_refused);
          CHECK_EQ(answer->error->outcome, outcome::rejected);
          CHECK_EQ(answer->error->text, "pool main cannot connect: access denied");
        }
        x.pass(5s - 1ms);
        CHECK_EQ(x.heard(), "");
        x.pass(1ms);
        CHECK_EQ(x.heard(), "open 2");
      }
    }
  }
}

// -- verify --------------------------------------------------------------------------

SCENARIO("verify does not wait for a server that is down") {
  GIVEN("a pool that has no connection yet, with a caller and somebody who verifies") {
    pool_under_test x{still_rules(1)};
    auto patient = x.execute(read("a"));
    auto fail_fast = x.verify();
    CHECK(!fail_fast->arrived());
    WHEN("the connect fails") {
      x.connections.refuse(1);
      THEN("the one who verifies is told, and the caller waits") {
        REQUIRE(fail_fast->error);
        CHECK_EQ(fail_fast->error->code, errc::connect_failed);
        CHECK_EQ(fail_fast->error->text, "pool main cannot connect: no server");
        CHECK(!patient->arrived());
      }
    }
  }
}

SCENARIO("verify answers at once while the server is known to be down") {
  GIVEN("a pool whose first connect failed") {
    pool_under_test x{still_rules(1)};
    x.connections.refuse(1);
    WHEN("somebody verifies") {
      auto answer = x.verify();
      THEN("the answer is there in the same moment") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::connect_failed);
      }
    }
  }
}

SCENARIO("verify makes a round trip and tells about the server") {
  GIVEN("a pool with a free connection") {
    pool_under_test x{still_rules(1), 1};
    WHEN("somebody verifies, and the server answers after 3 ms") {
      auto answer = x.verify();
      CHECK_EQ(x.heard(), "run SELECT VERSION(), CONNECTION_ID() LIMIT 1 on 1 (peek)");
      x.pass(3ms);
      result_builder row;
      row.columns({{"VERSION()", column_type::text}, {"CONNECTION_ID()", column_type::integer}});
      row.add("11.4-MariaDB");
      row.add("17");
      x.connections.answer(1, row.finish());
      THEN("it knows the version, the session and the time") {
        REQUIRE(answer->value);
        CHECK_EQ(answer->value->server_version, "11.4-MariaDB");
        CHECK_EQ(answer->value->server_connection_id, 17u);
        CHECK(answer->value->elapsed == 3ms);
      }
    }
  }
}

// -- connections that go -------------------------------------------------------------

SCENARIO("when a connection was lost in use, it and the others are replaced") {
  GIVEN("a statement on one of two connections") {
    pool_under_test x{still_rules(2), 2};
    auto a = x.execute(read("a"));
    x.heard();
    WHEN("its connection is lost") {
      x.connections.answer(2, make_failure(errc::connection_lost, outcome::unknown, "gone away"), disposition::lost);
      auto replaced = x.heard();
      x.execute(read("b"));
      x.connections.succeed(3);
      THEN("the caller is told, and the next one is served by a new connection") {
        REQUIRE(a->error);
        CHECK_EQ(a->error->code, errc::connection_lost);
        CHECK_EQ(replaced, "close 2, close 1, open 3");
        CHECK_EQ(x.heard(), "run b on 3 (peek)");
        CHECK_EQ(x.status().lost, 1u);
        CHECK_EQ(x.status().last_error, "gone away");
      }
    }
  }
}

SCENARIO("an idle connection that the server closed is replaced") {
  GIVEN("an idle connection") {
    pool_under_test x{still_rules(1), 1};
    WHEN("it reports that it is lost") {
      x.connections.report(1, disposition::lost, "closed while idle");
      THEN("it is closed and another one opened") {
        CHECK_EQ(x.heard(), "close 1, open 2");
        CHECK_EQ(x.status().lost, 1u);
      }
    }
  }
}

SCENARIO("the actor of an idle connection dies") {
  GIVEN("an idle connection") {
    pool_under_test x{still_rules(1), 1};
    WHEN("its actor ends without a word") {
      x.connections.die(1);
      THEN("its slot is free for another one") {
        CHECK_EQ(x.heard(), "open 2");
        CHECK_EQ(x.status().total_connections, 0u);
        x.connections.succeed(2);
        x.execute(read("a"));
        CHECK_EQ(x.heard(), "run a on 2 (peek)");
      }
    }
  }
}

SCENARIO("the actor of a connection dies in the middle of a statement") {
  GIVEN("a statement that runs and one that waits") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    auto b = x.execute(read("b"));
    x.heard();
    WHEN("the connection's actor ends without a word") {
      x.connections.die(1);
      x.connections.succeed(2);
      THEN("the caller knows that nobody knows, and the next one gets a new connection") {
        REQUIRE(a->error);
        CHECK_EQ(a->error->outcome, outcome::unknown);
        CHECK_EQ(x.heard(), "open 2, run b on 2 (peek)");
        x.connections.answer(2);
        CHECK(b->succeeded());
      }
    }
  }
}

SCENARIO("a statement that was handed back keeps its place at the head of the queue") {
  GIVEN("a statement that was given to a connection while another one waits") {
    pool_under_test x{still_rules(1), 1};
    auto a = x.execute(write("a"));
    auto b = x.execute(read("b"));
    x.heard();
    WHEN("the connection turns out to be dead") {
      x.connections.hand_back(1);
      auto replaced = x.heard();
      x.connections.succeed(2);
      auto first = x.heard();
      auto attempts = x.connections.granted(2).request.attempts;
      x.connections.answer(2, one_cell("done"));
      THEN("the statement goes to the next connection, before the other one") {
        CHECK_EQ(replaced, "close 1, open 2");
        CHECK_EQ(first, "run a on 2 (peek)");
        CHECK_EQ(attempts, 2u);
        REQUIRE(a->value);
        CHECK_EQ((*a->value)[0].get<std::string>(0), "done");
        CHECK_EQ(x.heard(), "run b on 2 (peek)");
        CHECK(!b->arrived());
      }
    }
  }
}

SCENARIO("a statement that was handed back does not get more time") {
  GIVEN("a statement that was handed back after 20 of its 30 s") {
    pool_under_test x{still_rules(1), 1};
    auto answer = x.execute(read("a"));
    x.pass(20s);
    x.connections.hand_back(1);
    WHEN("another 10 s pass") {
      x.pass(10s - 1ms);
      auto before = answer->arrived();
      x.pass(1ms);
      THEN("its time is up") {
        CHECK(!before);
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::acquire_timeout);
        CHECK(answer->error->waited == 30s);
        CHECK_EQ(answer->error->attempts, 1u);
      }
    }
  }
}

SCENARIO("a statement that meets only dead connections is given up") {
  GIVEN("a statement that was handed back nine times") {
    pool_under_test x{still_rules(1), 1};
    auto answer = x.execute(write("a"));
    for (uint64_t id = 1; id <= 9; ++id) {
      x.connections.hand_back(id, "dead");
      x.pass(20ms); // The longest gap between two connects after a loss.
      x.connections.succeed(id + 1);
    }
    CHECK(!answer->arrived());
    WHEN("the tenth connection is dead, too") {
      x.connections.hand_back(10, "dead");
      THEN("the caller knows that it was never sent") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::connection_lost_unsent);
        CHECK_EQ(answer->error->outcome, outcome::not_sent);
        CHECK_EQ(answer->error->attempts, 10u);
      }
    }
  }
}

SCENARIO("a statement that comes back after it was sent is in doubt until it succeeds") {
  GIVEN("a read that its connection had sent before it was given up") {
    pool_under_test x{still_rules(1), 1};
    auto answer = x.execute(read("a"));
    x.connections.hand_back_in_doubt(1);
    WHEN("no other connection comes free in time") {
      x.pass(30s);
      THEN("the caller is not told that it has not run") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::acquire_timeout);
        CHECK_EQ(answer->error->outcome, outcome::unknown);
        CHECK_NE(answer->error->text.find("an earlier attempt was sent"), std::string::npos);
      }
    }
  }
  GIVEN("the same read, and another connection") {
    pool_under_test x{still_rules(1), 1};
    auto answer = x.execute(read("a"));
    x.connections.hand_back_in_doubt(1);
    x.pass(20ms);
    x.connections.succeed(2);
    WHEN("that one carries it out") {
      auto knows = x.connections.granted(2).request.maybe_executed;
      x.connections.answer(2);
      THEN("it knew of the doubt, and the caller has the result") {
        CHECK(knows);
        CHECK(answer->value);
      }
    }
  }
}

SCENARIO("the statement of a caller that has died is not given to a second connection") {
  GIVEN("a statement on a connection whose caller has died") {
    pool_under_test x{still_rules(1), 1};
    auto dead = x.execute(write("a"));
    x.kill(dead->sender);
    x.heard();
    WHEN("the connection hands it back") {
      x.connections.hand_back(1);
      x.connections.succeed(2);
      THEN("it is dropped") {
        CHECK_EQ(x.heard(), "close 1, open 2");
        CHECK_EQ(x.status().checked_in, 1u);
      }
    }
  }
}

// Statements that are stopped on the server, and the connections that survive it.

#define CAF_SUITE chaos.cancel

#include "integration/chaos_support.hpp"
#include "support/callers.hpp"

#include <algorithm>
#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// The session that stops the others: the only one that is not the given one.
uint64_t control_session(chaos_fixture& world, uint64_t served_by) {
  auto all = world.sessions();
  std::erase(all, served_by);
  if (all.size() != 1)
    throw std::runtime_error{"there are " + std::to_string(all.size()) + " sessions besides the pool's"};
  return all[0];
}

statement too_long() {
  return write("SELECT SLEEP(60) /* too long */").within(100ms);
}

} // namespace

BEGIN_FIXTURE_SCOPE(chaos_fixture)

SCENARIO("a statement beyond its time is stopped on the server and its session goes on") {
  GIVEN("a pool of one") {
    auto pool = start_full_pool(server.settings(), rules_for(1));
    auto before = session_of(pool);
    WHEN("one statement after another takes too long") {
      for (int i = 0; i < 5; ++i) {
        auto error = fails(pool, too_long());
        REQUIRE_EQ(to_string(error.code), "statement_timeout");
        REQUIRE_EQ(to_string(error.outcome), "unknown");
        // It is served by the connection that has just been told to stop.
        REQUIRE_EQ(session_of(pool), before);
      }
      THEN("the server runs none of them, and no connection was lost") {
        await_running("%/* too long */", 0);
        auto now = await_free(pool, 1);
        CHECK_EQ(now.connects, 1u);
        CHECK_EQ(now.lost, 0u);
      }
    }
  }
}

SCENARIO("no stop hits the statement that comes next") {
  GIVEN("callers whose every second statement ends right around its deadline") {
    auto pool = start_full_pool(server.settings(), rules_for(4));
    auto next = [](uint64_t number) {
      if (number % 2 == 0)
        return read("SELECT SLEEP(0.003) /* bystander */");
      return read("SELECT SLEEP(?)", static_cast<double>(5 + number % 11) / 1000).within(10ms);
    };
    WHEN("they make twelve hundred requests") {
      callers crowd{system(), pool, 4, next, 300};
      auto records = crowd.finish();
      THEN("only those with a deadline have failed, and no connection was lost") {
        size_t late = 0;
        for (auto& x : records) {
          if (!x.error)
            continue;
          ++late;
          auto is_expected = x.error->code == errc::statement_timeout || x.error->code == errc::acquire_timeout;
          if (x.number % 2 == 0 || !is_expected)
            FAIL("request " << x.number << ": " << to_string(*x.error));
        }
        MESSAGE(late << " statements were late");
        CHECK(late > 0);
        auto now = await_free(pool, 4);
        CHECK_EQ(now.connects, 4u);
        CHECK_EQ(now.lost, 0u);
      }
    }
  }
}

SCENARIO("a write that is stopped leaves nothing behind, or all of it") {
  GIVEN("writes of many rows that take about as long as they may") {
    must(admin(), write("CREATE TABLE rows_of (request INT, n INT) ENGINE=InnoDB"));
    auto pool = start_full_pool(server.settings(), rules_for(2));
    auto next = [](uint64_t number) {
      return write("INSERT INTO rows_of SELECT ?, seq FROM seq_1_to_500 WHERE SLEEP(0.00001) = 0", number)
          .within(std::chrono::milliseconds{20 + number * 7 % 50});
    };
    WHEN("a hundred of them run") {
      callers crowd{system(), pool, 2, next, 50};
      auto records = crowd.finish();
      THEN("each was carried out wholly or not at all, and wholly if its caller was told so") {
        CHECK_EQ(count("SELECT COUNT(*) FROM (SELECT COUNT(*) AS n FROM rows_of GROUP BY request) AS x WHERE n <> 500"),
                 0u);
        CHECK(count("SELECT COUNT(DISTINCT request) FROM rows_of") >= crowd.succeeded());
        MESSAGE(crowd.succeeded() << " of " << records.size() << " succeeded");
        CHECK_EQ(await_free(pool, 2).lost, 0u);
      }
    }
  }
}

SCENARIO("what a caller runs is stopped when it vanishes") {
  GIVEN("a pool of one whose statement is running") {
    auto pool = start_full_pool(server.settings(), rules_for(1));
    auto before = session_of(pool);
    auto caller = caller_of(pool, write("SELECT SLEEP(120) /* orphan */"));
    await_running("%/* orphan */", 1);
    WHEN("its caller vanishes") {
      vanish(caller);
      THEN("the server stops it, and the same connection serves the next one") {
        await_running("%/* orphan */", 0);
        CHECK_EQ(session_of(pool), before);
        auto now = await_free(pool, 1);
        CHECK_EQ(now.connects, 1u);
        CHECK_EQ(now.lost, 0u);
      }
    }
  }
}

SCENARIO("what a caller waits for never runs when it vanishes") {
  GIVEN("a pool of one that is busy, and a caller that waits") {
    must(admin(), write("CREATE TABLE t (id INT)"));
    auto pool = start_full_pool(server.settings(), rules_for(1));
    auto busy = ask(pool, read("SELECT SLEEP(120) /* busy */"));
    await_running("%/* busy */", 1);
    auto caller = caller_of(pool, write("INSERT INTO t VALUES (1)"));
    await_status(pool, [](auto& x) { return x.waiting == 1; });
    auto behind = ask(pool, write("INSERT INTO t VALUES (2)"));
    await_status(pool, [](auto& x) { return x.waiting == 2; });
    WHEN("the caller vanishes and the connection comes free") {
      vanish(caller);
      must(admin(), write("KILL QUERY ?", session_running("%/* busy */")));
      auto of_busy = busy.get();
      auto of_next = behind.get();
      THEN("the one behind it is served instead") {
        REQUIRE(!of_busy.has_value());
        CHECK_EQ(to_string(of_busy.error().code), "interrupted");
        CHECK(of_next.has_value());
        CHECK_EQ(count("SELECT SUM(id) FROM t"), 2u);
        await_free(pool, 1);
      }
    }
  }
}

SCENARIO("a control session that was killed is opened again") {
  GIVEN("a pool of one that has stopped a statement, and an administrator who kills the session it did it with") {
    auto pool = start_full_pool(server.settings(), rules_for(1));
    auto before = session_of(pool);
    fails(pool, too_long());
    await_free(pool, 1);
    auto first = control_session(*this, before);
    end_session(first);
    WHEN("the next statement takes too long") {
      auto error = fails(pool, too_long());
      THEN("it is stopped all the same, and its connection is kept") {
        CHECK_EQ(to_string(error.code), "statement_timeout");
        await_running("%/* too long */", 0);
        CHECK_EQ(session_of(pool), before);
        CHECK_NE(control_session(*this, before), first);
        CHECK_EQ(await_free(pool, 1).lost, 0u);
      }
    }
  }
}

SCENARIO("a transaction that is stopped in the middle does not swallow the next caller's write") {
  GIVEN("a pool of one and a transaction in one statement, which its deadline interrupts") {
    must(admin(), write("CREATE TABLE t (id INT) ENGINE=InnoDB"));
    auto pool = start_full_pool(server.settings(), rules_for(1));
    auto error = fails(pool, write("BEGIN NOT ATOMIC START TRANSACTION; INSERT INTO t VALUES (1); SELECT SLEEP(60);"
                                   " COMMIT; END")
                                 .within(100ms));
    CHECK_EQ(to_string(error.code), "statement_timeout");
    WHEN("somebody else writes") {
      must(pool, write("INSERT INTO t VALUES (2)"));
      THEN("that write is there for all to see, and nothing of the transaction is") {
        CHECK_EQ(count("SELECT SUM(id) FROM t"), 2u);
      }
    }
  }
  GIVEN("the same with a transaction that fails by itself") {
    must(admin(), write("CREATE TABLE u (id INT) ENGINE=InnoDB"));
    auto pool = start_full_pool(server.settings(), rules_for(1));
    fails(pool, write("BEGIN NOT ATOMIC START TRANSACTION; INSERT INTO u VALUES (1); SIGNAL SQLSTATE '45000';"
                      " COMMIT; END"));
    WHEN("somebody else writes") {
      must(pool, write("INSERT INTO u VALUES (2)"));
      THEN("that write is there for all to see, and nothing of the transaction is") {
        CHECK_EQ(count("SELECT SUM(id) FROM u"), 2u);
      }
    }
  }
}

SCENARIO("a transaction that was begun and not ended does not outlive its statement") {
  GIVEN("a pool of one") {
    must(admin(), write("CREATE TABLE t (id INT) ENGINE=InnoDB"));
    auto pool = start_full_pool(server.settings(), rules_for(1));
    auto before = session_of(pool);
    WHEN("one caller begins a transaction, and another one writes") {
      auto error = fails(pool, write("START TRANSACTION"));
      CHECK_EQ(to_string(error.code), "transaction_ended");
      must(pool, write("INSERT INTO t VALUES (1)"));
      THEN("that write is there for all to see, on the same connection") {
        CHECK_EQ(count("SELECT COUNT(*) FROM t"), 1u);
        CHECK_EQ(session_of(pool), before);
      }
    }
  }
}

SCENARIO("the server itself stops what exceeds max_statement_time") {
  GIVEN("a pool whose sessions have that limit") {
    auto target = server.settings();
    target.max_statement_time = 100ms;
    auto pool = start_full_pool(target, rules_for(1));
    auto before = session_of(pool);
    WHEN("a statement takes too long") {
      auto error = fails(pool, write("SELECT SLEEP(60)"));
      THEN("it was interrupted, and its connection is kept") {
        CHECK_EQ(to_string(error.code), "interrupted");
        CHECK_EQ(to_string(error.outcome), "rejected");
        CHECK_EQ(error.number, 1969u);
        CHECK_EQ(session_of(pool), before);
      }
    }
  }
}

END_FIXTURE_SCOPE()

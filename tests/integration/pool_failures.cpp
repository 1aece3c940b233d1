// Statements that fail: each failure is typed, and the pool goes on.

#define CAF_SUITE pool_server.failures

#include "support/gate.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));

  fixture() {
    must(pool, write("CREATE TABLE t (id INT PRIMARY KEY, v DOUBLE) ENGINE=InnoDB"));
    must(pool, write("INSERT INTO t VALUES (1, 0), (2, 0)"));
  }

  /// Runs a statement that has to fail.
  failure fails(const pool_actor& on, statement query) {
    auto came = run(on, query);
    if (came)
      throw std::runtime_error{query.sql + " did not fail"};
    return came.error();
  }

  uint64_t session() { return must(pool, which_session())[0].get<uint64_t>(0); }
};

struct expectation {
  statement query;
  errc code;
  uint32_t number;
  const char* sqlstate;
  const char* text;
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("what the server refuses is rejected with its number, sqlstate and text") {
  GIVEN("statements that the server refuses") {
    expectation all[] = {
        {read("SELEC 1"), errc::server_error, 1064, "42000", "SQL syntax"},
        {read("SELECT 1; SELECT 2"), errc::server_error, 1064, "42000", "SQL syntax"},
        {write("INSERT INTO t VALUES (?, 0)", 1), errc::server_error, 1062, "23000", "Duplicate entry '1'"},
        {read("SELECT * FROM absent"), errc::server_error, 1146, "42S02", "absent"},
        {write("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no ''way'''"), errc::server_error, 1644, "45000",
         "no 'way'"},
        {write("KILL QUERY CONNECTION_ID()"), errc::interrupted, 1317, "70100", "interrupted"},
        {read("SET STATEMENT max_statement_time = 0.05 FOR SELECT SLEEP(10)"), errc::interrupted, 1969, "70100",
         "time"},
    };
    WHEN("they are run") {
      auto before = session();
      for (auto& x : all) {
        MESSAGE(x.query.sql);
        auto error = fails(pool, x.query);
        CHECK_EQ(to_string(error.code), to_string(x.code));
        CHECK_EQ(to_string(error.outcome), "rejected");
        CHECK_EQ(error.number, x.number);
        CHECK_EQ(error.sqlstate, x.sqlstate);
        CHECK(error.text.find(x.text) != std::string::npos);
        CHECK_EQ(error.attempts, 1u);
      }
      THEN("the connection is the same as before") {
        CHECK_EQ(session(), before);
      }
    }
  }
}

SCENARIO("statements that cannot be right are refused before they are sent") {
  GIVEN("statements with wrong parameters or text") {
    std::vector<statement> all{
        write("INSERT INTO t VALUES (?, ?)", 3),
        write("INSERT INTO t VALUES (?, ?)", 3, 4, 5),
        write("INSERT INTO t VALUES (3, 0)", 3),
        write(std::string{"INSERT INTO t VALUES (3, 0)\0", 28}),
        write(""),
        write("INSERT INTO t VALUES (3, ?)", std::string(17u << 20, 'x')),
    };
    WHEN("they are run") {
      auto before = session();
      for (auto& x : all) {
        MESSAGE(x.sql.substr(0, 40) << " with " << x.params.size());
        auto error = fails(pool, x);
        CHECK_EQ(to_string(error.code), "invalid_statement");
        CHECK_EQ(to_string(error.outcome), "rejected");
        CHECK_EQ(error.number, 0u);
        CHECK(!error.text.empty());
      }
      THEN("the server has seen none of them") {
        CHECK_EQ(must(pool, read("SELECT COUNT(*) FROM t"))[0].get<int>(0), 2);
        CHECK_EQ(session(), before);
      }
    }
  }
}

SCENARIO("a lock that another pool's statement holds too long is a rolled back lock wait") {
  GIVEN("a statement of another pool that holds the lock") {
    auto other = start_full_pool(server.settings(), rules_for(1));
    auto holder = ask(other, write("UPDATE t SET v = v + 1 + SLEEP(30) WHERE id = 1 /* holder */"));
    await_running("%/* holder */", 1);
    WHEN("a statement that waits at most one second wants it") {
      auto error = fails(pool, write("SET STATEMENT innodb_lock_wait_timeout = 1 FOR UPDATE t SET v = 5 WHERE id = 1"));
      THEN("it fails with a lock wait") {
        CHECK_EQ(to_string(error.code), "lock_wait");
        CHECK_EQ(to_string(error.outcome), "rolled_back");
        CHECK_EQ(error.number, 1205u);
        CHECK_EQ(error.sqlstate, "HY000");
        CHECK(!holder.arrived());
      }
    }
  }
}

/// A transaction in one statement that updates two rows, and meets a gate in between.
statement update_both(int first, int second, const std::string& gate) {
  return write("BEGIN NOT ATOMIC START TRANSACTION; UPDATE t SET v = v + 1 WHERE id = ?; " + gate
                   + "; UPDATE t SET v = v + 1 WHERE id = ?; COMMIT; END",
               first, second);
}

SCENARIO("of two statements in a deadlock one is rolled back and the other succeeds") {
  GIVEN("two pools that update rows in opposite order, and have each locked their first one") {
    auto other = start_full_pool(server.settings(), rules_for(1));
    gate go{*this};
    auto upwards = ask(other, update_both(1, 2, "DO GET_LOCK('gate', 60)"));
    // Not by INNODB_TRX, which is not brought up to date while it is read more often than every 100 ms.
    await_running("DO GET_LOCK%", 1);
    auto downwards = ask(pool, update_both(2, 1, "DO 0"));
    await_running("UPDATE t SET v = v + 1 WHERE id = 1%", 1);
    WHEN("the first goes on to its second row") {
      go.open();
      auto first = upwards.get();
      auto second = downwards.get();
      THEN("exactly one fails, typed, and its changes are undone") {
        REQUIRE(first.has_value() != second.has_value());
        auto& error = first ? second.error() : first.error();
        CHECK_EQ(to_string(error.code), "deadlock");
        CHECK_EQ(to_string(error.outcome), "rolled_back");
        CHECK_EQ(error.number, 1213u);
        CHECK_EQ(error.sqlstate, "40001");
        CHECK_EQ(must(pool, read("SELECT SUM(v) FROM t"))[0].get<double>(0), 2.0);
      }
    }
  }
}

SCENARIO("a result above the limit is an error and costs the connection only") {
  GIVEN("a pool that takes results up to one kilobyte") {
    auto target = server.settings();
    target.max_result_bytes = 1024;
    auto narrow = start_full_pool(target, rules_for(1));
    must(narrow, write("CREATE PROCEDURE filler() BEGIN INSERT INTO t VALUES (9, 9); SELECT REPEAT('x', 5000); END"));
    auto before = must(narrow, which_session())[0].get<uint64_t>(0);
    WHEN("a read and a write give more than that") {
      auto of_read = fails(narrow, read("SELECT REPEAT('x', 5000)"));
      auto of_write = fails(narrow, write("CALL filler()"));
      THEN("the read is rejected, and the write's outcome is unknown, as it has run") {
        CHECK_EQ(to_string(of_read.code), "result_too_large");
        CHECK_EQ(to_string(of_read.outcome), "rejected");
        CHECK_EQ(of_read.number, 0u);
        CHECK_EQ(to_string(of_write.code), "result_too_large");
        CHECK_EQ(to_string(of_write.outcome), "unknown");
        CHECK_EQ(must(pool, read("SELECT COUNT(*) FROM t WHERE id = 9"))[0].get<int>(0), 1);
      }
      AND("the pool serves small results on a new connection") {
        CHECK_EQ(must(narrow, read("SELECT REPEAT('x', 500)"))[0].text(0).size(), 500u);
        CHECK_NE(must(narrow, which_session())[0].get<uint64_t>(0), before);
      }
    }
  }
}

SCENARIO("a server that takes no writes says so") {
  GIVEN("a user without special privileges on a server that is read-only") {
    auto plain = start_full_pool(plain_user("plain", "a password"), rules_for(1));
    must(admin(), write("SET GLOBAL read_only = 1"));
    WHEN("it writes") {
      auto error = fails(plain, write("INSERT INTO t VALUES (3, 0)"));
      THEN("the failure names the reason, and reads are served") {
        CHECK_EQ(to_string(error.code), "read_only_server");
        CHECK_EQ(to_string(error.outcome), "unavailable");
        CHECK_EQ(error.number, 1290u);
        CHECK_EQ(must(plain, read("SELECT COUNT(*) FROM t"))[0].get<int>(0), 2);
      }
    }
  }
}

END_FIXTURE_SCOPE()

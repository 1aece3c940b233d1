// Locks, and transactions in one statement that wait for them.

#define CAF_SUITE chaos.locks

#include "integration/chaos_support.hpp"
#include "support/callers.hpp"
#include "support/gate.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : chaos_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));
  pool_actor other = start_full_pool(server.settings(), rules_for(1));
  std::optional<gate> closed;

  fixture() {
    must(pool, write("CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB"));
    must(pool, write("INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)"));
  }

  /// Somebody else locks a row until the gate is opened.
  awaited<result> lock_row(int id) {
    closed.emplace(*this);
    auto result = ask(other, write("BEGIN NOT ATOMIC START TRANSACTION; UPDATE t SET v = 100 WHERE id = ?;"
                                   " DO GET_LOCK('gate', 60); COMMIT; DO RELEASE_LOCK('gate'); END",
                                   id));
    // Not by INNODB_TRX, which is not brought up to date while it is read more often than every 100 ms.
    await_running("DO GET_LOCK%", 1);
    return result;
  }

  void open_gate() { closed->open(); }

  int value_of(int id) { return must(admin(), read("SELECT v FROM t WHERE id = ?", id))[0].get<int>(0); }
};

/// Both rows or none, in this order.
statement update_both(int first, int second) {
  return write(
      "BEGIN NOT ATOMIC START TRANSACTION; UPDATE t SET v = v + 1 WHERE id = ?; UPDATE t SET v = v + 1 WHERE id"
      " = ?; COMMIT; END",
      first, second);
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("every lock that is not granted in time is a rolled back lock wait") {
  GIVEN("a row that somebody has locked") {
    auto holder = lock_row(1);
    auto before = session_of(pool);
    WHEN("statements that wait for a second, or not at all, want the row or the table") {
      for (auto& sql :
           {"SET STATEMENT innodb_lock_wait_timeout = 1 FOR UPDATE t SET v = 5 WHERE id = 1",
            "SELECT v FROM t WHERE id = 1 FOR UPDATE NOWAIT", "SELECT v FROM t WHERE id = 1 FOR UPDATE WAIT 1",
            "SET STATEMENT lock_wait_timeout = 1 FOR ALTER TABLE t ADD w INT", "LOCK TABLE t WRITE NOWAIT"}) {
        auto error = fails(pool, write(sql));
        MESSAGE(sql << ": " << to_string(error));
        CHECK_EQ(to_string(error.code), "lock_wait");
        CHECK_EQ(to_string(error.outcome), "rolled_back");
        CHECK_EQ(error.number, 1205u);
      }
      THEN("the connection is the same as before, and the row is its holder's") {
        CHECK_EQ(session_of(pool), before);
        open_gate();
        CHECK(holder.get().has_value());
        CHECK_EQ(value_of(1), 100);
      }
    }
  }
}

SCENARIO("a retrier gets over a lock wait") {
  GIVEN("a row that somebody has locked, and a writer that does not wait for it") {
    auto holder = lock_row(1);
    auto retrier = spawn_retrier(system(), pool, {.max_retries = 100'000});
    auto writer =
        ask(retrier, write("SET STATEMENT innodb_lock_wait_timeout = 0 FOR UPDATE t SET v = v + 1 WHERE id = 1"));
    await_status(pool, [](auto& x) { return x.served >= 5; });
    WHEN("the lock is released") {
      open_gate();
      auto came = writer.get();
      THEN("the write succeeds, once") {
        CHECK(came.has_value());
        CHECK(holder.get().has_value());
        CHECK_EQ(value_of(1), 101);
      }
    }
  }
}

SCENARIO("a transaction whose row has changed meanwhile is a conflict, and is rolled back") {
  GIVEN("a session with snapshot isolation, in which a transaction has begun") {
    auto target = server.settings();
    target.init_command = "SET innodb_snapshot_isolation = ON";
    auto strict = start_full_pool(target, rules_for(1));
    auto transaction = write("BEGIN NOT ATOMIC START TRANSACTION WITH CONSISTENT SNAPSHOT;"
                             " UPDATE t SET v = v + 1 WHERE id = 2; DO GET_LOCK('gate', 60); DO RELEASE_LOCK('gate');"
                             " UPDATE t SET v = v + 1 WHERE id = 1; COMMIT; END");
    closed.emplace(*this);
    auto retrier = spawn_retrier(system(), strict);
    auto repeated = ask(retrier, transaction);
    await_running("DO GET_LOCK%", 1);
    WHEN("somebody changes a row that it is going to change") {
      must(admin(), write("UPDATE t SET v = 10 WHERE id = 1"));
      open_gate();
      auto came = repeated.get();
      THEN("a retrier repeats it as a whole") {
        CHECK(came.has_value());
        CHECK_EQ(status(strict).served, 2u);
        CHECK_EQ(value_of(1), 11);
        CHECK_EQ(value_of(2), 1);
      }
    }
  }
  GIVEN("the same without a retrier") {
    auto target = server.settings();
    target.init_command = "SET innodb_snapshot_isolation = ON";
    auto strict = start_full_pool(target, rules_for(1));
    closed.emplace(*this);
    auto asked = ask(strict, write("BEGIN NOT ATOMIC START TRANSACTION WITH CONSISTENT SNAPSHOT;"
                                   " DO GET_LOCK('gate', 60); UPDATE t SET v = v + 1 WHERE id = 3; COMMIT; END"));
    await_running("DO GET_LOCK%", 1);
    WHEN("the row changes") {
      must(admin(), write("UPDATE t SET v = 10 WHERE id = 3"));
      open_gate();
      auto came = asked.get();
      THEN("its caller is told") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "conflict");
        CHECK_EQ(to_string(came.error().outcome), "rolled_back");
        CHECK_EQ(came.error().number, 1020u);
        CHECK_EQ(value_of(3), 10);
      }
    }
  }
}

SCENARIO("a retrier repeats deadlocked transactions until each was carried out once") {
  GIVEN("callers that change two rows in one order, and callers that do in the other") {
    auto crowded = start_full_pool(server.settings(), rules_for(8));
    auto retrier = spawn_retrier(system(), crowded, {.max_retries = 1000});
    auto next = [](uint64_t number) { return number % 2 == 0 ? update_both(1, 2) : update_both(2, 1); };
    WHEN("they make six hundred requests, and again if they have not met on a slow machine") {
      uint64_t asked = 0;
      while (asked < 6000 && status(crowded).served == asked) {
        callers crowd{system(), retrier, 12, next, 50};
        crowd.finish();
        asked += 600;
        CHECK_EQ(crowd.succeeded(), 600u);
      }
      THEN("all have succeeded, and each change was made once") {
        CHECK_EQ(value_of(1), static_cast<int>(asked));
        CHECK_EQ(value_of(2), static_cast<int>(asked));
        auto now = status(crowded);
        MESSAGE(now.served - asked << " deadlocks");
        CHECK(now.served > asked);
        CHECK_EQ(now.lost, 0u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

// Procedures that write to a ledger, in a transaction that is over when they fail: the ledger must not hold more than
// what the failure says.

#define CAF_SUITE truth.ledger

#include "pool/error_table.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/send.hpp>

#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

constexpr uint32_t max_retries = 2;

retry_settings quick() {
  retry_settings result;
  result.max_retries = max_retries;
  result.initial_delay = 1ms;
  result.max_delay = 2ms;
  return result;
}

/// Every number that the table knows, whoever sends it and whenever, and some that it does not.
std::vector<uint32_t> every_number() {
  using namespace pool;
  std::set<uint32_t> result{1062, 1064, 1146, 1305, 1644, 9001, 65000};
  for (uint32_t number = 1; number <= 6000; ++number)
    for (auto is_mariadb : {true, false})
      for (auto when : {stage::sent, stage::connecting}) {
        observed_error ordinary{0, when, "read-only", is_mariadb};
        observed_error x{number, when, "read-only", is_mariadb};
        if (classify(x) != classify(ordinary))
          result.insert(number);
      }
  return {result.begin(), result.end()};
}

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(2));
  pool_actor retrier = spawn_retrier(system(), pool, quick());
  session_user holder{system(), pool};
  int last_key = 0;

  fixture() : pool_fixture{{"--innodb-lock-wait-timeout=1"}} {
    must(admin(), write("CREATE TABLE ledger (k INT, KEY (k))"));
    must(admin(), write("CREATE TABLE accounts (id INT PRIMARY KEY, amount INT)"));
    must(admin(), write("INSERT INTO accounts VALUES (1, 0)"));
    must(admin(), write("CREATE PROCEDURE commits(key_ INT, number INT) SQL SECURITY INVOKER BEGIN"
                        " INSERT INTO ledger VALUES (key_); COMMIT;"
                        " SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = number, MESSAGE_TEXT = 'the --read-only option';"
                        " END"));
    must(admin(), write("CREATE PROCEDURE then_updates(key_ INT) SQL SECURITY INVOKER BEGIN"
                        " INSERT INTO ledger VALUES (key_); DO GET_LOCK('gate', 60); DO RELEASE_LOCK('gate');"
                        " UPDATE accounts SET amount = amount + 1; END"));
  }

  ~fixture() { caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown); }

  int rows(int key) { return must(admin(), read("SELECT COUNT(*) FROM ledger WHERE k = ?", key))[0].get<int>(0); }

  /// The request must have failed with an outcome that fits what is in the ledger.
  void check(const char* request, uint32_t number, int key, const std::optional<failure>& error, int max_rows) {
    auto found = rows(key);
    if (!error || error->outcome != outcome::unknown || found < 1 || found > max_rows)
      CAF_ERROR(request << ", number " << number << ": " << (error ? to_string(*error) : "success") << ", but " << found
                        << " rows in the ledger");
  }

  template <class T>
  static std::optional<failure> failure_of(const answer<T>& x) {
    return x ? std::nullopt : std::optional{x.error()};
  }

  statement call(statement_kind kind, int key, uint32_t number, const char* sql = "CALL commits(?, ?)") {
    auto result = write(sql, key, number);
    result.kind = kind;
    return result;
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a procedure that commits before it fails runs once if it is a write, and nobody is told that it has not") {
  GIVEN("every number that the table of errors knows") {
    auto numbers = every_number();
    CHECK_GT(numbers.size(), 150u);
    WHEN("the procedure raises it, executed by the pool and the retrier, and in transactions") {
      for (auto number : numbers) {
        auto key = ++last_key;
        check("execute", number, key, failure_of(run(pool, call(statement_kind::write, key, number))), 1);
        key = ++last_key;
        check("retrier", number, key, failure_of(run(retrier, call(statement_kind::write, key, number))), 1);
        key = ++last_key;
        check("transact", number, key,
              failure_of(run(retrier, all_or_nothing(read("SELECT 1"), call(statement_kind::write, key, number)))), 1);
      }
      THEN("the outcome is unknown, and one row is in the ledger") {
        CHECK_GT(last_key, 450);
      }
    }
    WHEN("it is marked as idempotent, or even as a read") {
      for (size_t i = 0; i < numbers.size(); i += 4) { // Losses take their time here.
        auto number = numbers[i];
        auto key = ++last_key;
        check("idempotent", number, key, failure_of(run(retrier, call(statement_kind::idempotent_write, key, number))),
              max_retries + 1);
        key = ++last_key;
        check("read", number, key, failure_of(run(pool, call(statement_kind::read, key, number))), 1);
      }
      THEN("it may run again, but the outcome is unknown") {
        CHECK_GT(last_key, 70);
      }
    }
    WHEN("it is called in sessions, within transactions and without") {
      for (auto number : numbers) {
        auto key = ++last_key;
        auto session = holder.checkout();
        check("session", number, key, failure_of(holder.run(session, call(statement_kind::write, key, number))), 1);
        holder.checkin(session);
      }
      THEN("the outcome is unknown, and one row is in the ledger") {
        CHECK_GT(last_key, 150);
      }
    }
  }
}

SCENARIO("a procedure is recognised however it is called") {
  GIVEN("ways to run it") {
    const char* ways[] = {"/*!50000 CALL commits(?, ?) */",
                          "/* why */ (CALL commits(?, ?))",
                          "BEGIN NOT ATOMIC CALL commits(?, ?); END",
                          "a: BEGIN NOT ATOMIC CALL commits(?, ?); END",
                          "IF 1 THEN CALL commits(?, ?); END IF",
                          "EXECUTE IMMEDIATE 'CALL commits(?, ?)' USING ?, ?",
                          "SET STATEMENT max_statement_time = 60 FOR CALL commits(?, ?)"};
    WHEN("it raises a deadlock, a refusal of a Galera node, and a lost connection") {
      for (auto sql : ways)
        for (uint32_t number : {1213, 1205, 1020, 1047, 1290, 2006, 1064}) {
          auto key = ++last_key;
          auto error = failure_of(run(retrier, call(statement_kind::write, key, number, sql)));
          auto found = rows(key);
          MESSAGE(sql << " " << number << ": " << (error ? to_string(*error) : "success") << ", " << found);
          // Some of them are no SQL after all, and have not begun.
          CHECK(error);
          CHECK_LE(found, 1);
          CHECK(found == 0 || error->outcome == outcome::unknown);
        }
      THEN("it runs once") {
        CHECK_EQ(rows(last_key), 1);
      }
    }
  }
}

SCENARIO("an idempotent procedure is repeated only if what went wrong may be over") {
  GIVEN("one that raises a duplicate key, and one that raises a deadlock") {
    WHEN("they are sent through a retrier") {
      auto duplicate = run(retrier, call(statement_kind::idempotent_write, 1, 1062));
      auto deadlock = run(retrier, call(statement_kind::idempotent_write, 2, 1213));
      THEN("only the second is repeated") {
        CHECK_EQ(rows(1), 1);
        CHECK_EQ(rows(2), static_cast<int>(max_retries) + 1);
        REQUIRE(!duplicate);
        CHECK_EQ(to_string(duplicate.error().code), "server_error");
        REQUIRE(!deadlock);
        CHECK_EQ(to_string(deadlock.error().code), "deadlock");
        CHECK_EQ(deadlock.error().attempts, max_retries + 1);
      }
    }
  }
}

SCENARIO("a procedure that waits too long for a lock after it has written is not repeated") {
  GIVEN("a row that somebody has locked") {
    session_user other{system(), pool};
    auto locks = other.checkout();
    REQUIRE(other.begin(locks).has_value());
    other.must(locks, write("UPDATE accounts SET amount = 0"));
    WHEN("a retrier sends the procedure") {
      auto came = run(retrier, write("CALL then_updates(?)", 1));
      other.checkin(locks);
      THEN("its first row is there once, and the outcome is unknown") {
        REQUIRE(!came);
        CHECK_EQ(to_string(came.error().code), "lock_wait");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        CHECK_EQ(rows(1), 1);
      }
    }
  }
}

SCENARIO("a procedure that meets a server which has become read-only after it has written is not repeated") {
  GIVEN("a procedure of a user without privileges, between its two writes") {
    auto target = plain_user("poor", "poor");
    must(admin(), write("GRANT EXECUTE ON cenote.* TO poor@'%'"));
    auto poor = start_full_pool(target, rules_for(1));
    auto poor_retrier = spawn_retrier(system(), poor, quick());
    session_user other{system(), pool};
    auto gate = other.checkout();
    other.must(gate, read("SELECT GET_LOCK('gate', 0)"));
    auto asked = ask(poor_retrier, write("CALL then_updates(?)", 1));
    await_running("%GET_LOCK%", 1);
    WHEN("read_only is switched on") {
      must(admin(), write("SET GLOBAL read_only = 1"));
      other.must(gate, read("SELECT RELEASE_LOCK('gate')"));
      auto came = asked.get();
      must(admin(), write("SET GLOBAL read_only = 0"));
      other.checkin(gate);
      caf::anon_send_exit(poor_retrier, caf::exit_reason::user_shutdown);
      THEN("its first row is there once, and the outcome is unknown") {
        REQUIRE(!came);
        CHECK_EQ(to_string(came.error().code), "read_only_server");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        CHECK_EQ(rows(1), 1);
      }
    }
  }
}

END_FIXTURE_SCOPE()

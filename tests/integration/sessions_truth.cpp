// Transactions that end although nobody has asked for that.

#define CAF_SUITE sessions.truth

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(2));
  session_user user{system(), pool};

  fixture(std::vector<std::string> options = {}) : pool_fixture{std::move(options)} {
    auto& a = admin();
    must(a, write("CREATE TABLE things (id INT PRIMARY KEY)"));
    must(a, write("CREATE TABLE others (id INT PRIMARY KEY)"));
    must(a, write("CREATE TABLE loose (id INT) ENGINE=MyISAM"));
    must(a, write("CREATE PROCEDURE harmless() BEGIN INSERT INTO others VALUES (100); END"));
    must(a, write("CREATE PROCEDURE commits() BEGIN COMMIT; END"));
    must(a, write("CREATE PROCEDURE rolls_back() BEGIN ROLLBACK; END"));
    must(a, write("CREATE PROCEDURE restarts() BEGIN COMMIT; START TRANSACTION; END"));
    must(a, write("CREATE PROCEDURE chains() BEGIN COMMIT AND CHAIN; INSERT INTO others VALUES (200); END"));
    must(a, write("CREATE PROCEDURE commits_and_fails() BEGIN COMMIT; INSERT INTO things VALUES (1); END"));
    must(a, write("CREATE PROCEDURE restarts_and_fails()"
                  " BEGIN COMMIT; START TRANSACTION; INSERT INTO things VALUES (1); END"));
    must(a, write("CREATE PROCEDURE begins() BEGIN START TRANSACTION; INSERT INTO things VALUES (1); END"));
    must(a, write("CREATE PROCEDURE begins_late()"
                  " BEGIN INSERT INTO others VALUES (1); START TRANSACTION; INSERT INTO things VALUES (1); END"));
    must(a, write("CREATE PROCEDURE switches_off() BEGIN SET autocommit = 0; INSERT INTO things VALUES (1); END"));
    must(a, write("CREATE PROCEDURE looks() BEGIN START TRANSACTION; SELECT * FROM things; END"));
    must(a, write("CREATE PROCEDURE ends_it() BEGIN START TRANSACTION; INSERT INTO things VALUES (1); COMMIT; END"));
    must(a, write("CREATE PROCEDURE loosens() BEGIN START TRANSACTION; INSERT INTO loose VALUES (1); END"));
  }

  static statement insert(int id) { return write("INSERT INTO things VALUES (?)", id); }

  std::string ids() {
    auto rows = must(admin(), read("SELECT IFNULL(GROUP_CONCAT(id ORDER BY id), '') FROM things"));
    return rows[0].get<std::string>(0);
  }

  void clear() {
    must(admin(), write("DELETE FROM things"));
    must(admin(), write("DELETE FROM others"));
  }

  /// A session with a row in an open transaction.
  session_id start() {
    auto id = user.checkout();
    if (!user.begin(id))
      throw std::runtime_error{"cannot begin"};
    user.must(id, insert(1));
    return id;
  }

  template <class T>
  static std::string told(const answer<T>& x) {
    return x ? "success" : to_string(x.error().code) + ", " + to_string(x.error().outcome);
  }
};

/// Statements that end the transaction they run in, whatever comes of them.
const std::vector<std::string>& enders() {
  static const std::vector<std::string> all{
      "CREATE TABLE made (a INT)",
      "CREATE TABLE things (a INT)", // Fails, after it has committed.
      "CREATE TABLE IF NOT EXISTS things (a INT)",
      "ALTER TABLE made ADD b INT",
      "CREATE INDEX i ON made (a)",
      "DROP INDEX i ON made",
      "RENAME TABLE made TO renamed",
      "TRUNCATE TABLE renamed",
      "ANALYZE TABLE renamed",
      "CHECK TABLE renamed",
      "OPTIMIZE TABLE renamed",
      "REPAIR TABLE renamed",
      "DROP TABLE renamed",
      "DROP TABLE no_such_table",
      "CREATE VIEW v AS SELECT 1",
      "DROP VIEW v",
      "CREATE FUNCTION f() RETURNS INT RETURN 1",
      "DROP FUNCTION f",
      "CREATE PROCEDURE p() SELECT 1",
      "DROP PROCEDURE p",
      "CREATE TRIGGER t BEFORE INSERT ON others FOR EACH ROW SET @x = 1",
      "DROP TRIGGER t",
      "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO SELECT 1",
      "DROP EVENT e",
      "CREATE SEQUENCE s",
      "DROP SEQUENCE s",
      "CREATE DATABASE d",
      "DROP DATABASE d",
      "CREATE USER u",
      "GRANT SELECT ON *.* TO u",
      "REVOKE SELECT ON *.* FROM u",
      "DROP USER u",
      "SET PASSWORD FOR nobody_at_all = PASSWORD('x')",
      "LOCK TABLES others WRITE",
      "FLUSH TABLES",
      "/*! COMMIT */",
      "/*M! START TRANSACTION */",
      "CALL commits()",
      "CALL rolls_back()",
      "CALL restarts()",
      "CALL chains()",
      "CALL commits_and_fails()",
      "CALL restarts_and_fails()",
      "BEGIN NOT ATOMIC COMMIT; END",
      "BEGIN NOT ATOMIC COMMIT; START TRANSACTION; END",
      "EXECUTE IMMEDIATE 'COMMIT'",
      "EXECUTE IMMEDIATE 'START TRANSACTION'",
      "SET STATEMENT max_statement_time = 10 FOR CALL restarts()",
      "IF 1 THEN CALL restarts(); END IF",
  };
  return all;
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("nothing follows a statement that has ended its transaction, and no commit succeeds") {
  GIVEN("transactions of sessions") {
    WHEN("statements in them commit or roll back by themselves") {
      for (auto& sql : enders()) {
        MESSAGE(sql);
        auto id = start();
        auto came = user.run(id, write(sql));
        auto follows = user.run(id, insert(2));
        auto savepoint = user.savepoint(id, "a");
        auto committed = user.commit(id);
        THEN("each of these is refused, and the session goes on after a rollback") {
          CHECK_EQ(told(came), "transaction_ended, unknown");
          CHECK_EQ(told(follows), "transaction_ended, unknown");
          CHECK_EQ(told(savepoint), "transaction_ended, unknown");
          CHECK_EQ(told(committed), "transaction_ended, unknown");
          if (!came)
            CHECK_EQ(came.error().statement_index.value_or(99), 1u);
          CHECK_EQ(told(user.rollback(id)), "success");
          CHECK_EQ(told(user.begin(id)), "success");
          user.run(id, write("UNLOCK TABLES"));
          CHECK_EQ(told(user.checkin(id)), "success");
          auto left = ids();
          CHECK(left.empty() || left == "1");
          clear();
        }
      }
    }
  }
}

SCENARIO("what does not end a transaction is left alone") {
  GIVEN("a transaction of a session") {
    auto id = start();
    WHEN("it does what looks dangerous but is not") {
      for (auto sql :
           {"SET @mine = 1", "CALL harmless()", "PREPARE mine FROM 'SELECT 1'", "EXECUTE mine",
            "EXECUTE IMMEDIATE 'DELETE FROM others'", "BEGIN NOT ATOMIC DECLARE x INT; SET x = 1; END",
            "SAVEPOINT mine", "ROLLBACK TO SAVEPOINT mine", "RELEASE SAVEPOINT mine", "SHOW TABLES",
            "CREATE TEMPORARY TABLE own (a INT)", "DROP TEMPORARY TABLE own", "SET autocommit = 0",
            "SET SESSION sort_buffer_size = 100000", "EXPLAIN SELECT * FROM things", "DO 1", "CALL harmless()",
            "SET STATEMENT max_statement_time = 10 FOR SELECT 1", "HANDLER others OPEN"}) {
        MESSAGE(sql);
        CHECK_EQ(told(user.run(id, write(sql))), "success");
      }
      CHECK_EQ(told(user.run(id, insert(1))), "server_error, rejected");
      CHECK_EQ(told(user.run(id, write("CALL no_such_procedure()"))), "server_error, unknown");
      CHECK_EQ(told(user.run(id, write("nonsense"))), "server_error, rejected");
      CHECK_EQ(told(user.run(id, write("SELECT ?"))), "invalid_statement, rejected");
      CHECK_EQ(told(user.run(id, write("CALL harmless(?)"))), "invalid_statement, rejected");
      auto committed = user.commit(id);
      THEN("it is committed") {
        CHECK_EQ(told(committed), "success");
        CHECK_EQ(ids(), "1");
      }
    }
  }
}

SCENARIO("SQL that only ends the transaction is refused before it is sent") {
  GIVEN("a transaction of a session") {
    auto id = start();
    WHEN("it is committed or rolled back by SQL") {
      for (auto sql : {"COMMIT", "ROLLBACK", "BEGIN", "START TRANSACTION", "COMMIT AND CHAIN", "rollback work"}) {
        MESSAGE(sql);
        CHECK_EQ(told(user.run(id, write(sql))), "invalid_statement, rejected");
      }
      THEN("it is still open") {
        CHECK_EQ(ids(), "");
        CHECK_EQ(told(user.commit(id)), "success");
        CHECK_EQ(ids(), "1");
      }
    }
  }
}

SCENARIO("a session may use SQL alone for its transactions") {
  GIVEN("a session") {
    auto id = user.checkout();
    WHEN("it begins, commits and rolls back by SQL, and ends a transaction by DDL") {
      for (auto sql : {"START TRANSACTION", "INSERT INTO things VALUES (1)", "COMMIT", "BEGIN",
                       "INSERT INTO things VALUES (2)", "ROLLBACK", "BEGIN", "INSERT INTO things VALUES (3)",
                       "CREATE TABLE more (a INT)", "INSERT INTO things VALUES (4)", "XA START 'a'",
                       "INSERT INTO things VALUES (5)", "XA END 'a'", "XA COMMIT 'a' ONE PHASE"}) {
        MESSAGE(sql);
        CHECK_EQ(told(user.run(id, write(sql))), "success");
      }
      CHECK_EQ(told(user.run(id, write("START TRANSACTION"))), "success");
      user.must(id, insert(6));
      CHECK_EQ(told(user.commit(id)), "success");
      THEN("all is as the server does it") {
        CHECK_EQ(ids(), "1,3,4,5,6");
      }
    }
  }
}

SCENARIO("a transaction that has ended makes room for another one") {
  GIVEN("a transaction that a procedure has ended, and replaced by one of its own") {
    auto id = start();
    REQUIRE(!user.run(id, write("CALL chains()")).has_value());
    WHEN("another one is begun at once") {
      CHECK_EQ(told(user.begin(id)), "success");
      user.must(id, insert(2));
      CHECK_EQ(told(user.commit(id)), "success");
      THEN("it is committed, and what the procedure left open is not") {
        CHECK_EQ(ids(), "1,2");
        CHECK_EQ(must(admin(), read("SELECT COUNT(*) FROM others"))[0].get<int>(0), 0);
      }
    }
  }
}

SCENARIO("a statement that is stopped may have ended its transaction as well") {
  GIVEN("procedures that commit before they take long") {
    must(admin(), write("CREATE PROCEDURE commits_and_sleeps() BEGIN COMMIT; SELECT SLEEP(60); END"));
    must(admin(), write("CREATE PROCEDURE restarts_and_sleeps()"
                        " BEGIN COMMIT; START TRANSACTION; SELECT SLEEP(60); END"));
    WHEN("their time is over") {
      for (auto sql : {"CALL commits_and_sleeps()", "CALL restarts_and_sleeps()"}) {
        MESSAGE(sql);
        auto id = start();
        auto came = user.run(id, write(sql).within(300ms));
        auto follows = user.run(id, insert(2));
        auto committed = user.commit(id);
        THEN("what follows is refused") {
          CHECK_EQ(told(came), "statement_timeout, unknown");
          CHECK_EQ(told(follows), "transaction_ended, unknown");
          CHECK_EQ(told(committed), "transaction_ended, unknown");
          CHECK_EQ(told(user.rollback(id)), "success");
          CHECK_EQ(told(user.checkin(id)), "success");
          CHECK_EQ(ids(), "1");
          clear();
        }
      }
    }
  }
}

SCENARIO("a call that is stopped without having committed leaves its transaction open") {
  GIVEN("a procedure that takes long, in a transaction") {
    must(admin(), write("CREATE PROCEDURE sleeps() BEGIN SELECT SLEEP(60); END"));
    auto id = start();
    WHEN("its time is over") {
      auto came = user.run(id, write("CALL sleeps()").within(300ms));
      THEN("the transaction goes on") {
        CHECK_EQ(told(came), "statement_timeout, unknown");
        CHECK_EQ(told(user.commit(id)), "success");
        CHECK_EQ(ids(), "1");
      }
    }
  }
}

SCENARIO("a statement of its own that leaves a transaction open has not succeeded") {
  GIVEN("statements outside of a session") {
    struct row {
      statement query;
      std::string told;
    };
    const std::vector<row> table{
        {write("CALL begins()"), "transaction_ended, unknown"},
        {write("CALL begins_late()"), "transaction_ended, unknown"},
        {write("CALL switches_off()"), "transaction_ended, unknown"},
        {write("CALL loosens()"), "transaction_ended, unknown"},
        {read("CALL looks()"), "transaction_ended, unknown"},
        {write("BEGIN NOT ATOMIC START TRANSACTION; INSERT INTO things VALUES (1); END"), "transaction_ended, unknown"},
        {write("EXECUTE IMMEDIATE 'START TRANSACTION'"), "transaction_ended, unknown"},
        {write("START TRANSACTION"), "transaction_ended, rejected"},
        {write("BEGIN"), "transaction_ended, rejected"},
        {write("CALL ends_it()"), "success"},
        {write("SET autocommit = 0"), "success"},
    };
    WHEN("they are run") {
      for (auto& x : table) {
        MESSAGE(x.query.sql);
        auto came = run(pool, x.query);
        THEN("that is said, and what they left is rolled back by then") {
          CHECK_EQ(told(came), x.told);
          CHECK_EQ(ids(), came && x.query.sql == "CALL ends_it()" ? "1" : "");
          CHECK_EQ(must(pool, read("SELECT @@in_transaction"))[0].get<int>(0), 0);
          clear();
        }
      }
      CHECK_EQ(status(pool).connects, 2u);
    }
  }
}

SCENARIO("a write is not answered with success where autocommit is off") {
  GIVEN("a pool whose init_command switches it off") {
    auto target = server.settings();
    target.init_command = "SET autocommit = 0";
    auto odd = start_full_pool(target, rules_for(1));
    WHEN("a write comes alone, or shares a connection") {
      auto alone = run(odd, insert(1));
      auto shared = run(odd, idempotent_write("REPLACE INTO things VALUES (2)"));
      THEN("neither is there, and nobody was told so") {
        CHECK_EQ(told(alone), "transaction_ended, rejected");
        CHECK(!shared.has_value()); // On such a connection nothing is shared.
        CHECK(eventually([&] { return ids().empty(); }));
      }
    }
  }
}

SCENARIO("a transaction in one message notices that a procedure has begun another one") {
  GIVEN("a transaction with such a call in the middle") {
    auto request = all_or_nothing(insert(1), write("CALL restarts()"), insert(2));
    WHEN("it is run") {
      auto came = run(pool, request);
      THEN("it fails there, and what came after is not run") {
        CHECK_EQ(told(came), "transaction_ended, unknown");
        if (!came)
          CHECK_EQ(came.error().statement_index.value_or(99), 1u);
        CHECK_EQ(ids(), "1");
        CHECK_EQ(told(run(pool, all_or_nothing(insert(3), write("CALL harmless()"), insert(4)))), "success");
        CHECK_EQ(ids(), "1,3,4");
      }
    }
  }
}

END_FIXTURE_SCOPE()

namespace {

struct strict_fixture : fixture {
  strict_fixture() : fixture{{"--innodb-rollback-on-timeout=1", "--innodb-lock-wait-timeout=1"}} {
    // nop
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(strict_fixture)

SCENARIO("a lock wait that takes the transaction with it does not leave the rest to autocommit") {
  GIVEN("a server with innodb_rollback_on_timeout, and a row that somebody has locked") {
    must(admin(), write("INSERT INTO others VALUES (7)"));
    session_user other{system(), pool};
    auto lock = other.checkout();
    REQUIRE(other.begin(lock).has_value());
    other.must(lock, write("UPDATE others SET id = id WHERE id = 7"));
    auto id = start();
    WHEN("a transaction waits for it in vain and goes on") {
      auto came = user.run(id, write("UPDATE others SET id = 8 WHERE id = 7"));
      auto follows = user.run(id, insert(2));
      auto committed = user.commit(id);
      THEN("all is refused as rolled back, and nothing is there") {
        CHECK_EQ(told(came), "lock_wait, rolled_back");
        CHECK_EQ(told(follows), "lock_wait, rolled_back");
        CHECK_EQ(told(committed), "lock_wait, rolled_back");
        CHECK_EQ(ids(), "");
        CHECK_EQ(told(user.begin(id)), "success");
        user.must(id, insert(3));
        CHECK_EQ(told(user.commit(id)), "success");
        CHECK_EQ(ids(), "3");
      }
    }
  }
}

SCENARIO("the same with a transaction that SQL has begun") {
  GIVEN("a server with innodb_rollback_on_timeout, and a row that somebody has locked") {
    must(admin(), write("INSERT INTO others VALUES (7)"));
    session_user other{system(), pool};
    auto lock = other.checkout();
    REQUIRE(other.begin(lock).has_value());
    other.must(lock, write("UPDATE others SET id = id WHERE id = 7"));
    auto id = user.checkout();
    user.must(id, write("START TRANSACTION"));
    user.must(id, insert(1));
    WHEN("it waits for it in vain and goes on") {
      auto came = user.run(id, write("UPDATE others SET id = 8 WHERE id = 7"));
      auto follows = user.run(id, insert(2));
      auto committed = user.run(id, write("COMMIT"));
      THEN("all is refused as rolled back until it rolls back") {
        CHECK_EQ(told(came), "lock_wait, rolled_back");
        CHECK_EQ(told(follows), "lock_wait, rolled_back");
        CHECK_EQ(told(committed), "lock_wait, rolled_back");
        CHECK_EQ(told(user.run(id, write("ROLLBACK"))), "success");
        user.must(id, insert(3));
        CHECK_EQ(ids(), "3");
      }
    }
  }
}

END_FIXTURE_SCOPE()

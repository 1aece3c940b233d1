// What one user does to a connection, the next one does not find.

#define CAF_SUITE sessions.traces

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <functional>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

using statements = std::vector<statement>;

/// What may be left behind, and a statement that would notice it.
struct trace {
  const char* name;
  statements left;
  statement look;
};

const std::vector<trace>& traces() {
  static const std::vector<trace> all{
      {"a user variable", {write("SET @mine = 1")}, read("SELECT @mine")},
      {"a user variable set by a query", {read("SELECT 1 INTO @mine")}, read("SELECT @mine")},
      {"a temporary table", {write("CREATE TEMPORARY TABLE things (a INT)")}, read("SELECT COUNT(*) FROM things")},
      {"a lock by name", {read("SELECT GET_LOCK('mine', 0)")}, read("SELECT IS_USED_LOCK('mine')")},
      {"the SQL mode",
       {write("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")},
       read("SELECT @@sql_mode, ?", "back\\slash '")},
      {"the time zone", {write("SET SESSION time_zone = '+09:00'")}, read("SELECT @@time_zone")},
      {"the isolation level",
       {write("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")},
       read("SELECT @@tx_isolation")},
      {"the isolation level of the next transaction",
       {write("SET TRANSACTION READ ONLY")},
       write("REPLACE INTO things VALUES (1)")},
      {"another database", {write("USE mysql")}, read("SELECT DATABASE()")},
      {"the character set",
       {write("SET NAMES latin1")},
       read("SELECT @@character_set_client, @@collation_connection, HEX(?)", "\u732b '")},
      {"an unsafe character set", {write("SET NAMES gbk")}, read("SELECT @@character_set_client, HEX(?)", "\xbf\x27")},
      {"no autocommit", {write("SET autocommit = 0")}, read("SELECT @@autocommit, @@in_transaction")},
      {"an open transaction", {write("BEGIN")}, read("SELECT @@in_transaction")},
      {"locked tables", {write("LOCK TABLES things WRITE")}, read("SELECT COUNT(*) FROM others")},
      {"a read lock on all", {write("FLUSH TABLES WITH READ LOCK")}, write("INSERT INTO others VALUES (1)")},
      {"a prepared statement", {write("PREPARE mine FROM 'SELECT 1'")}, write("EXECUTE mine")},
      {"a role", {write("SET ROLE NONE")}, read("SELECT CURRENT_ROLE()")},
      {"an open handler", {write("HANDLER things OPEN")}, write("HANDLER things READ FIRST")},
      {"a last id", {write("SET LAST_INSERT_ID = 5")}, read("SELECT LAST_INSERT_ID()")},
      {"a last id set by a query", {read("SELECT LAST_INSERT_ID(7)")}, read("SELECT LAST_INSERT_ID()")},
      {"a last id set by an update",
       {write("UPDATE things SET a = LAST_INSERT_ID /* next */ (a)")},
       read("SELECT LAST_INSERT_ID()")},
      {"an SQL mode that the server only reports",
       {read("SELECT set_mode()")},
       read("SELECT @@sql_mode, ? = '', COUNT(*) FROM things WHERE a = ?", "\\' OR 1=1 -- ", "\\' OR 1=1 -- ")},
      {"a variable within a procedure", {write("CALL set_mine()")}, read("SELECT @mine")},
  };
  return all;
}

std::string text_of(const answer<result>& x) {
  if (!x)
    return to_string(x.error().code) + ' ' + std::to_string(x.error().number);
  std::string text = std::to_string(x->affected_rows());
  for (auto row : *x)
    for (size_t i = 0; i < row.size(); ++i)
      text += " | " + (row.is_null(i) ? "NULL" : std::string{row.text(i)});
  return text;
}

struct fixture : pool_fixture {
  pool_actor pool = start();
  session_user user{system(), pool};

  pool_actor start() {
    must(admin(), write("CREATE TABLE things (a INT PRIMARY KEY) AS SELECT 5 AS a"));
    must(admin(), write("CREATE TABLE others (a INT)"));
    must(admin(), write("CREATE FUNCTION set_mode() RETURNS INT NO SQL "
                        "BEGIN SET sql_mode = 'NO_BACKSLASH_ESCAPES'; RETURN 1; END"));
    must(admin(), write("CREATE PROCEDURE set_mine() BEGIN SET @mine = 1; END"));
    return start_full_pool(server.settings(), rules_for(1));
  }

  /// Whether the next user finds what a fresh connection has.
  void check_all(const std::function<void(const statements&)>& leave) {
    for (auto& x : traces()) {
      MESSAGE(x.name);
      auto before = text_of(run(pool, x.look));
      auto connects = status(pool).connects;
      leave(x.left);
      CHECK_EQ(text_of(run(pool, x.look)), before);
      CHECK_EQ(status(pool).connects, connects);
    }
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a session leaves nothing to the next user") {
  GIVEN("a pool of one connection") {
    WHEN("a session leaves something and is checked in") {
      THEN("the next user of the same connection does not find it") {
        check_all([this](const statements& all) {
          auto id = user.checkout();
          for (auto& x : all)
            user.must(id, x);
          user.checkin(id);
        });
      }
    }
  }
}

SCENARIO("plain statements leave nothing to the next user") {
  GIVEN("a pool of one connection") {
    WHEN("statements leave something") {
      THEN("the next user of the same connection does not find it") {
        check_all([this](const statements& all) {
          for (auto& x : all)
            run(pool, x); // Of a transaction that stays open, it is told that it does not.
        });
      }
    }
  }
}

SCENARIO("a holder that ends leaves nothing to the next user") {
  GIVEN("a pool of one connection") {
    WHEN("a session leaves something and its holder ends") {
      THEN("the next user of the same connection does not find it") {
        check_all([this](const statements& all) {
          session_user other{system(), pool};
          auto id = other.checkout();
          for (auto& x : all)
            other.must(id, x);
        });
      }
    }
  }
}

SCENARIO("a session without autocommit is rolled back unless it commits") {
  GIVEN("a session that has switched autocommit off") {
    auto id = user.checkout();
    user.must(id, write("SET autocommit = 0"));
    WHEN("it commits a row, adds another one and is checked in") {
      user.must(id, write("INSERT INTO things VALUES (77)"));
      CHECK(user.commit(id).has_value());
      user.must(id, write("INSERT INTO things VALUES (78)"));
      CHECK(user.checkin(id).has_value());
      auto rows = text_of(run(pool, read("SELECT @@autocommit, @@in_transaction, MAX(a) FROM things")));
      THEN("only the first one is left, and the next user has autocommit") {
        CHECK_EQ(rows, "0 | 1 | 0 | 77");
      }
    }
  }
}

SCENARIO("a transaction leaves nothing to the next user") {
  GIVEN("a pool of one connection") {
    WHEN("a transaction sets a variable and takes a lock, and one fails after it did so") {
      auto good = run(pool, all_or_nothing(read("SELECT @mine := 1"), read("SELECT GET_LOCK('mine', 0)")));
      auto after_good = text_of(run(pool, read("SELECT @mine, IS_USED_LOCK('mine')")));
      auto bad =
          run(pool, all_or_nothing(read("SELECT @mine := 1"), read("SELECT GET_LOCK('mine', 0)"), write("SELEC")));
      auto after_bad = text_of(run(pool, read("SELECT @mine, IS_USED_LOCK('mine')")));
      THEN("the next user does not find it") {
        CHECK(good.has_value());
        CHECK(!bad.has_value());
        CHECK_EQ(after_good, "0 | NULL | NULL");
        CHECK_EQ(after_bad, "0 | NULL | NULL");
        CHECK_EQ(status(pool).connects, 1u);
      }
    }
  }
}

SCENARIO("a pool without a database replaces a connection that has selected one") {
  GIVEN("a pool that is connected to no database") {
    auto target = server.settings();
    target.database.clear();
    auto bare = start_full_pool(target, rules_for(1));
    WHEN("a statement selects one") {
      must(bare, write("USE mysql"));
      auto next = must(bare, read("SELECT DATABASE()"));
      THEN("the next user finds none") {
        CHECK(next[0].is_null(0));
        CHECK_EQ(await_free(bare, 1).connects, 2u);
      }
    }
  }
}

SCENARIO("the settings of the pool hold for every user") {
  GIVEN("a pool with an SQL mode and an init command") {
    auto target = server.settings();
    target.sql_mode = "ANSI_QUOTES";
    target.init_command = "SET @ready = 1, time_zone = '+02:00'";
    auto set_up = start_full_pool(target, rules_for(1));
    auto look = read("SELECT @@sql_mode, @@time_zone, @ready, @@character_set_client, DATABASE()");
    WHEN("a user changes all of that") {
      auto before = text_of(run(set_up, look));
      session_user other{system(), set_up};
      auto id = other.checkout();
      other.must(id, write("SET @ready = NULL, time_zone = '+01:00', sql_mode = '', NAMES latin1"));
      other.must(id, write("USE mysql"));
      CHECK(other.checkin(id).has_value());
      auto after = text_of(run(set_up, look));
      THEN("the next one finds it as it was") {
        CHECK_EQ(before, "0 | ANSI_QUOTES | +02:00 | 1 | utf8mb4 | cenote");
        CHECK_EQ(after, before);
        CHECK_EQ(status(set_up).connects, 1u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

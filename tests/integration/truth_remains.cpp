// What failed statements leave behind in tables without transactions.

#define CAF_SUITE truth.remains

#include "support/both_ways.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));
  session_user holder{system(), pool};

  fixture() : pool_fixture{{"--innodb-lock-wait-timeout=1"}} {
    for (auto sql :
         {"CREATE TABLE safe (id INT PRIMARY KEY)", "CREATE TABLE other_safe (id INT PRIMARY KEY)",
          "CREATE TABLE my (id INT PRIMARY KEY) ENGINE=MyISAM", "CREATE TABLE aria (id INT PRIMARY KEY) ENGINE=Aria",
          "CREATE TABLE memory (id INT PRIMARY KEY) ENGINE=MEMORY", "CREATE TABLE watched (id INT PRIMARY KEY)",
          "CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW INSERT INTO my VALUES (NEW.id)",
          "CREATE TABLE guarded (id INT PRIMARY KEY) ENGINE=MyISAM",
          "CREATE TRIGGER guard AFTER INSERT ON guarded FOR EACH ROW"
          " SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1213",
          "CREATE FUNCTION f(x INT) RETURNS INT BEGIN INSERT INTO my VALUES (x); IF x > 2 THEN"
          " SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1213; END IF; RETURN x; END",
          "CREATE FUNCTION g(x INT) RETURNS INT BEGIN INSERT INTO safe VALUES (x); IF x > 2 THEN"
          " SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1213; END IF; RETURN x; END"})
      must(admin(), write(sql));
    must(admin(), write("INSERT INTO other_safe VALUES (1), (2), (3)"));
  }

  int rows() {
    return must(admin(),
                read("SELECT (SELECT COUNT(*) FROM safe) + (SELECT COUNT(*) FROM my) + (SELECT COUNT(*) FROM aria)"
                     " + (SELECT COUNT(*) FROM memory) + (SELECT COUNT(*) FROM watched)"
                     " + (SELECT COUNT(*) FROM guarded)"))[0]
        .get<int>(0);
  }

  void reset() {
    for (auto name : {"safe", "my", "aria", "memory", "watched", "guarded"})
      must(admin(), write("DELETE FROM "s + name));
  }
};

/// Statements that stop half-way and leave something.
const char* const leave[] = {
    "INSERT INTO my VALUES (1), (2), (1)",
    "INSERT INTO `my` (id) VALUES (1), (1)",
    "INSERT INTO cenote.my SELECT id FROM other_safe UNION ALL SELECT 1",
    "REPLACE INTO guarded VALUES (1)",
    "INSERT INTO guarded VALUES (1)",
    "INSERT INTO aria VALUES (1), (2), (1)",
    "INSERT INTO memory VALUES (1), (2), (1)",
    "INSERT INTO watched VALUES (1), (2), (1)",
    "INSERT INTO safe VALUES (f(1)), (1)",
    "DO f(1), f(3)",
    "SET @x = f(1), @y = f(3)",
    "SELECT f(1), f(3)",
    "SELECT f(id) FROM other_safe",
};

/// Others that the server undoes as a whole.
const char* const leave_nothing[] = {
    "INSERT INTO safe VALUES (1), (2), (1)",  "INSERT INTO safe SELECT g(id) FROM other_safe",
    "DELETE FROM other_safe WHERE g(id) > 0", "INSERT INTO my VALUES (",
    "INSERT INTO nowhere VALUES (1)",         "INSERT INTO my VALUES (nothing)"};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a write that has left something in a table without transactions is unknown") {
  GIVEN("writes that stop half-way") {
    WHEN("they fail, alone and in a session") {
      for (auto sql : leave) {
        for (auto in_session : {false, true}) {
          reset();
          auto session = in_session ? std::optional{holder.checkout()} : std::nullopt;
          auto came = in_session ? holder.run(*session, write(sql)) : run(pool, write(sql));
          if (session)
            holder.checkin(*session);
          MESSAGE(sql << ": " << (came ? "success" : to_string(came.error())));
          CHECK_GT(rows(), 0);
          CHECK(came || came.error().outcome == outcome::unknown);
        }
      }
      THEN("their connection was kept") {
        CHECK_EQ(await_free(pool, 1).lost, 0u);
      }
    }
  }
}

SCENARIO("a write that the server has undone keeps its outcome") {
  GIVEN("writes that fail") {
    WHEN("their tables have transactions, or they never began") {
      for (auto sql : leave_nothing) {
        reset();
        auto came = run(pool, write(sql));
        MESSAGE(sql << ": " << (came ? "success" : to_string(came.error())));
        REQUIRE(!came);
        CHECK_EQ(rows(), 0);
        CHECK_NE(came.error().outcome, outcome::unknown);
      }
      THEN("their connection was kept") {
        CHECK_EQ(await_free(pool, 1).lost, 0u);
      }
    }
  }
}

SCENARIO("a transaction whose rollback was incomplete is unknown") {
  GIVEN("transactions with a statement that stops half-way in a table without transactions") {
    WHEN("they fail, in both ways") {
      for (auto& way : both_ways)
        for (auto sql : {"INSERT INTO my VALUES (1), (2), (1)", "INSERT INTO memory VALUES (1), (1)",
                         "INSERT INTO watched VALUES (1), (2), (1)"}) {
          reset();
          auto came = run(pool, way(all_or_nothing(write("INSERT INTO safe VALUES (7)"), write(sql))));
          MESSAGE(way.name << ", " << sql << ": " << (came ? "success" : to_string(came.error())));
          REQUIRE(!came);
          CHECK_GT(rows(), 0);
          CHECK_EQ(to_string(came.error().outcome), "unknown");
          CHECK_EQ(came.error().statement_index.value_or(99), 1u);
        }
      THEN("their connection was kept") {
        CHECK_EQ(await_free(pool, 1).lost, 0u);
      }
    }
    WHEN("all their tables have transactions") {
      THEN("they are rejected") {
        for (auto& way : both_ways) {
          reset();
          auto came = run(pool, way(all_or_nothing(write("INSERT INTO safe VALUES (7)"),
                                                   write("INSERT INTO safe VALUES (1), (2), (1)"))));
          REQUIRE(!came);
          CHECK_EQ(to_string(came.error().outcome), "rejected");
          CHECK_EQ(rows(), 0);
        }
      }
    }
  }
}

SCENARIO("a statement on several objects that stops half-way is unknown") {
  GIVEN("a table that is there and one that is not") {
    must(admin(), write("CREATE TABLE there (a INT)"));
    WHEN("both are dropped") {
      auto both = run(pool, write("DROP TABLE there, not_there"));
      auto one = run(pool, write("DROP TABLE not_there"));
      auto wrong = run(pool, write("DROP TABLE there not_there, x"));
      THEN("only that is unknown: one alone, and a mistake, are rejected") {
        REQUIRE(!both);
        CHECK_EQ(to_string(both.error().outcome), "unknown");
        REQUIRE(!one);
        CHECK_EQ(to_string(one.error().outcome), "rejected");
        REQUIRE(!wrong);
        CHECK_EQ(to_string(wrong.error().outcome), "rejected");
      }
    }
  }
}

END_FIXTURE_SCOPE()

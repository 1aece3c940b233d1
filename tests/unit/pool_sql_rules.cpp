#define CAF_SUITE pool.sql_rules

#include "pool/sql_rules.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;

namespace {

using texts = std::vector<const char*>;

bool fits(const char* sql) {
  return fits_compound(all_or_nothing(write(sql)));
}

} // namespace

SCENARIO("statements that begin or end a transaction are recognised by their first word") {
  GIVEN("statements that do") {
    const texts all{"BEGIN",
                    "begin work",
                    "START TRANSACTION",
                    "COMMIT",
                    " \n\t commit",
                    "ROLLBACK TO SAVEPOINT a",
                    "SAVEPOINT a",
                    "/* why */ COMMIT",
                    "-- why\nCOMMIT",
                    "# why\nCOMMIT",
                    "/*!50000 COMMIT */",
                    "/*M! COMMIT */",
                    "\xa0"
                    "COMMIT",
                    "(\xa0"
                    "COMMIT",
                    "CREATE TABLE t (a INT)",
                    "create temporary table t (a INT)",
                    "ALTER TABLE t ADD b INT",
                    "DROP TABLE t",
                    "TRUNCATE t",
                    "RENAME TABLE t TO u",
                    "LOCK TABLES t WRITE",
                    "UNLOCK TABLES",
                    "GRANT SELECT ON t TO u",
                    "REVOKE SELECT ON t FROM u",
                    "XA START 'a'",
                    "SET autocommit = 1",
                    "FLUSH TABLES",
                    "LOAD DATA INFILE 'x' INTO TABLE t"};
    THEN("each of them is recognised, and may commit") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(touches_transaction(sql));
        CHECK(may_commit(sql));
      }
    }
  }
  GIVEN("statements that do not") {
    const texts all{"SELECT 1",
                    "(SELECT 1)",
                    "INSERT INTO t VALUES ('COMMIT')",
                    "UPDATE t SET a = 1",
                    "DELETE FROM t",
                    "REPLACE INTO t VALUES (1)",
                    "/* COMMIT */ SELECT 1",
                    "-- COMMIT\nSELECT 1",
                    "WITH x AS (SELECT 1) SELECT * FROM x",
                    "VALUES (1)",
                    "SHOW TABLES",
                    "DO SLEEP(0)"};
    THEN("none of them is taken for one") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(!touches_transaction(sql));
        CHECK(!may_commit(sql));
      }
    }
  }
  GIVEN("statements that may contain anything") {
    const texts all{"CALL p()", "EXECUTE a", "EXECUTE IMMEDIATE 'COMMIT'", "PREPARE a FROM 'COMMIT'"};
    THEN("they are let into transactions, but may commit") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(!touches_transaction(sql));
        CHECK(may_commit(sql));
      }
    }
  }
}

SCENARIO("statements that may leave something in their session are recognised") {
  GIVEN("statements that may") {
    const texts all{"SET @a = 1",
                    "SET SESSION sql_mode = ''",
                    "SET NAMES latin1",
                    "USE other",
                    "SELECT 1 INTO @a",
                    "SELECT @a := 1",
                    "INSERT INTO t VALUES (@a := 1)",
                    "SELECT GET_LOCK('a', 1)",
                    "select get_lock('a', 1)",
                    "DO GET_LOCK('a', 1)",
                    "SELECT 1 /*! INTO @a */",
                    "SELECT GET_LOCK /**/ ('a', 1)",
                    "SELECT LAST_INSERT_ID(5)",
                    "select last_insert_id ()",
                    "UPDATE t SET a = LAST_INSERT_ID/* next */(a + 1)",
                    "SELECT last_insert_id, LAST_INSERT_ID -- x\n (5)",
                    "SELECT `LAST_INSERT_ID`(5)",
                    "SELECT FOUND_ROWS()",
                    "SELECT ROW_COUNT()",
                    "SELECT LASTVAL(s)",
                    "select lasTVal(s)",
                    "select found_Rows()",
                    "select Row_count()",
                    "select sql_calc_found_rows a from t",
                    "SELECT 1 FROM t WHERE b = @",
                    "SELECT SQL_CALC_FOUND_ROWS a FROM t",
                    "/*! SET sql_mode = '' */",
                    "CREATE TEMPORARY TABLE t (a INT)",
                    "LOCK TABLES t READ",
                    "FLUSH TABLES WITH READ LOCK",
                    "PREPARE a FROM 'SELECT 1'",
                    "CALL p()",
                    "BEGIN",
                    "XA START 'a'",
                    "HANDLER t OPEN",
                    "",
                    "something unheard of"};
    THEN("each of them is recognised") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(may_leave_traces(sql));
      }
    }
  }
  GIVEN("plain statements") {
    const texts all{"SELECT 1",
                    "insert into t values (1)",
                    "UPDATE t SET a = 1",
                    "DELETE FROM t",
                    "SHOW TABLES",
                    "REPLACE INTO t VALUES (1)",
                    "DROP TABLE t",
                    "TRUNCATE t",
                    "EXPLAIN SELECT 1",
                    "SELECT row_count, found_rows, last_insert_id FROM t",
                    "SELECT row_count FROM t WHERE row_count IN (1)"};
    THEN("none of them costs a reset") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(!may_leave_traces(sql));
      }
    }
  }
}

SCENARIO("a transaction that cannot be one is refused with the statement to blame") {
  GIVEN("transactions and what is wrong with them") {
    struct row {
      transaction request;
      uint32_t index;
      std::string word;
    };
    const std::vector<row> all{
        {{}, 0, "no statements"},
        {all_or_nothing(write("COMMIT")), 0, "COMMIT"},
        {all_or_nothing(write("DELETE FROM t"), write("create table u (a INT)")), 1, "CREATE"},
        {all_or_nothing(write("DELETE FROM t"), read("SELECT 1"), write("/*! COMMIT */")), 2, "executable comment"},
    };
    THEN("the text names it") {
      for (auto& x : all) {
        uint32_t index = 99;
        auto text = problem_of(x.request, index);
        MESSAGE(text);
        CHECK_EQ(index, x.index);
        CHECK_NE(text.find(x.word), std::string::npos);
      }
    }
  }
  GIVEN("a transaction of plain statements") {
    uint32_t index = 99;
    auto text = problem_of(all_or_nothing(write("DELETE FROM t"), write("CALL p()"), read("SELECT 1")), index);
    THEN("nothing is wrong with it") {
      CHECK_EQ(text, "");
    }
  }
}

SCENARIO("only statements that cannot run into each other travel as one compound statement") {
  GIVEN("statements that stay apart") {
    const texts all{"SELECT 1",
                    "insert into t values (1)",
                    "UPDATE t SET a = 'it''s'",
                    "DELETE FROM t WHERE a = \"a \"\"b\"\"\"",
                    "SELECT `a``b` FROM t",
                    "SELECT '\"', \"'\", '`'",
                    "REPLACE INTO t VALUES ('')",
                    "INSERT INTO t SELECT 1"};
    THEN("they fit") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(fits(sql));
      }
    }
  }
  GIVEN("statements with quotes that are left open, in whatever number") {
    const texts all{"SELECT '",      "SELECT \"",     "SELECT `",    "SELECT 'it's'",
                    "SELECT '\"'\"", "SELECT \"'\"'", "SELECT '`'`", "SELECT 'a''"};
    THEN("they do not fit") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(!fits(sql));
      }
    }
  }
  GIVEN("statements that could end a statement or a quote, or look at what comes in between") {
    const texts all{"SELECT 1; COMMIT",
                    "SELECT '\\'",
                    "SELECT 1 -- x",
                    "SELECT 1 # x",
                    "SELECT 1 /* x",
                    "SELECT LAST_INSERT_ID()",
                    "SELECT row_count()",
                    "SELECT FOUND_ROWS()",
                    "SELECT @@warning_count",
                    "INSERT INTO t VALUES (1) RETURNING a",
                    "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
                    "SELECT 1 INTO @a",
                    "SELECT 1 into outfile 'x'",
                    "CALL p()",
                    "WITH x AS (SELECT 1) SELECT * FROM x",
                    "SHOW TABLES",
                    ""};
    THEN("they do not fit") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(!fits(sql));
      }
    }
  }
  GIVEN("transactions of growing size") {
    auto small = all_or_nothing(write("INSERT INTO t VALUES (?)", std::string(1000, 'x')));
    auto large = all_or_nothing(write("INSERT INTO t VALUES (?)", std::string(100'000, 'x')));
    auto many = small;
    while (many.statements.size() < 100)
      many.statements.push_back(small.statements[0]);
    THEN("only small ones fit") {
      CHECK(fits_compound(small));
      CHECK(!fits_compound(large));
      CHECK(!fits_compound(many));
    }
  }
}

SCENARIO("the size of a statement counts each use of a named parameter, and all digits") {
  auto twice = write("UPDATE t SET a = ?, b = ?", std::string(1000, 'x'), 1);
  CHECK_EQ(pool::size_of(twice), twice.sql.size() + 1000 + 32);
  auto named = twice;
  named.sql = "UPDATE t SET a = :x, b = :x, c = :x";
  named.params = {value{std::string(1000, 'x')}};
  named.names = {"x"};
  CHECK(pool::size_of(named) >= named.sql.size() + 3000);
  auto digits = write("UPDATE t SET a = ?", decimal{std::string(5000, '0') + "1"});
  CHECK(pool::size_of(digits) >= digits.sql.size() + 5001);
}

SCENARIO("what a reset does not undo is recognised") {
  GIVEN("statements that leave it behind, and others") {
    WHEN("their texts are looked at") {
      THEN("only those are recognised, and they leave traces in any case") {
        for (auto sql : texts{"SET profiling = 1", "set @@PROFILING=ON", "SET SESSION AUTHORIZATION ada@'%'"}) {
          MESSAGE(sql);
          CHECK(outlives_reset(sql));
          CHECK(may_leave_traces(sql));
        }
        for (auto sql : texts{"SET @a = 1", "SET ROLE boss", "USE mysql", "SELECT 1", "XA START 'x'"}) {
          MESSAGE(sql);
          CHECK(!outlives_reset(sql));
        }
      }
    }
  }
}

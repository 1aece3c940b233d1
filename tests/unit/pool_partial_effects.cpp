#define CAF_SUITE pool.partial_effects

#include "pool/partial_effects.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;

namespace {

using texts = std::vector<const char*>;

constexpr observed_error duplicate{1062, stage::sent, "Duplicate entry", true, "23000"};

/// The names that the server is asked for after the statement has failed, in order.
std::string asked(const statement& failed, const observed_error& error = duplicate) {
  auto todo = inquire_after(failed, error);
  if (todo.undeterminable)
    return "in vain";
  if (todo.questions.empty())
    return "nothing";
  CHECK_EQ(todo.questions.size(), 2u);
  CHECK_EQ(todo.questions[0].sql, "SHOW WARNINGS");
  std::string result;
  for (auto& x : todo.questions[1].params)
    result += (result.empty() ? "" : " ") + std::get<std::string>(x);
  return result;
}

result rows(std::vector<std::vector<std::string>> cells, size_t columns) {
  result_builder made;
  made.columns(std::vector<column>(columns));
  for (auto& row : cells)
    for (auto& cell : row)
      made.add(cell);
  return made.finish();
}

} // namespace

SCENARIO("what may last of a failed statement is told from its text, and where in doubt it is anything") {
  GIVEN("statements that the server undoes as a whole") {
    const texts all{"SELECT 1",
                    "(SELECT 1)",
                    "insert into t values (1)",
                    "UPDATE t, u SET t.a = u.a",
                    "DELETE t, u FROM t JOIN u",
                    "REPLACE INTO t SELECT f()",
                    "WITH x AS (SELECT 1) SELECT * FROM x",
                    "VALUES (1)",
                    "DO f()",
                    "SIGNAL SQLSTATE '45000'",
                    "SET @x = f()",
                    "SET sql_mode = ''",
                    "SET SESSION max_statement_time = 1",
                    "SET STATEMENT max_statement_time = 1 FOR SELECT 1",
                    "SET STATEMENT max_statement_time = 1 FOR INSERT INTO t VALUES ('x FOR y')",
                    "HANDLER t READ FIRST",
                    "LOAD DATA INFILE 'x' INTO TABLE t",
                    "SHOW TABLES",
                    "EXPLAIN SELECT 1",
                    "CREATE TABLE t (a INT, b INT)",
                    "CREATE OR REPLACE VIEW v AS SELECT 1",
                    "CREATE PROCEDURE p() SELECT 1",
                    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
                    "ALTER TABLE t ADD a INT, ADD b INT",
                    "DROP TABLE t",
                    "TRUNCATE t",
                    "RENAME TABLE t TO u",
                    "GRANT SELECT ON t TO u",
                    "/* CALL p() */ SELECT 1",
                    "-- CALL p()\nSELECT 1",
                    "SELECT 'CALL p()' /*! , 1 */"};
    THEN("nothing may last") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(partial_effect_of(sql) == partial_effect::none);
      }
    }
  }
  GIVEN("statements on several objects") {
    const texts all{"DROP TABLE a, b",
                    "drop view a,b",
                    "DROP DATABASE d",
                    "DROP SCHEMA d",
                    "RENAME TABLE a TO b, c TO d",
                    "GRANT SELECT ON t TO a, b",
                    "REVOKE r FROM a, b",
                    "CREATE USER a, b",
                    "CREATE ROLE r",
                    "DROP USER a, b",
                    "ALTER USER a, b",
                    "CREATE OR REPLACE TABLE t (a INT)",
                    "OPTIMIZE TABLE a, b",
                    "FLUSH TABLES",
                    "COMMIT",
                    "XA COMMIT 'x'",
                    "something unheard of",
                    "SELEC 1"};
    THEN("some of them may have been changed") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(partial_effect_of(sql) == partial_effect::objects);
      }
    }
  }
  GIVEN("compound statements that are one transaction of plain statements") {
    const texts all{"BEGIN NOT ATOMIC START TRANSACTION; UPDATE t SET v = 1; COMMIT; END",
                    "begin not atomic start transaction with consistent snapshot; DO GET_LOCK('a;b', 1);"
                    " INSERT INTO t VALUES ('COMMIT; CALL p()'); commit; end"};
    THEN("they commit at their end only") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(partial_effect_of(sql) == partial_effect::at_end);
      }
    }
  }
  GIVEN("statements that run others, and those of which nothing is known") {
    const texts all{"CALL p()",
                    "call`p`()",
                    "(CALL p())",
                    "/* why */ CALL p()",
                    "/* a /* b */ CALL p()",
                    "-- why\nCALL p()",
                    "# why\nCALL p()",
                    "/*!50000 CALL p() */",
                    "/*M!100000 CALL p() */",
                    "/*!CALL*/ p()",
                    "BEGIN NOT ATOMIC CALL p(); END",
                    "l: BEGIN NOT ATOMIC CALL p(); END",
                    "BEGIN NOT ATOMIC START TRANSACTION; UPDATE t SET v = 1; COMMIT; UPDATE t SET v = 2; COMMIT; END",
                    "BEGIN NOT ATOMIC START TRANSACTION; CALL p(); COMMIT; END",
                    "BEGIN NOT ATOMIC START TRANSACTION; IF 1 THEN COMMIT; END IF; COMMIT; END",
                    "BEGIN NOT ATOMIC INSERT INTO t VALUES (1); START TRANSACTION; UPDATE t SET v = 1; COMMIT; END",
                    "BEGIN NOT ATOMIC START TRANSACTION; UPDATE t SET v = 1; COMMIT; DO 1; END",
                    "BEGIN NOT ATOMIC START TRANSACTION; SELECT '\\'; COMMIT; END",
                    "BEGIN NOT ATOMIC START TRANSACTION; UPDATE t SET v = 1; /*! COMMIT; */ CALL p(); COMMIT; END",
                    "IF 1 THEN CALL p(); END IF",
                    "CASE 1 WHEN 1 THEN CALL p(); END CASE",
                    "LOOP CALL p(); END LOOP",
                    "REPEAT CALL p(); UNTIL 1 END REPEAT",
                    "WHILE 1 DO CALL p(); END WHILE",
                    "FOR i IN 1..2 DO CALL p(); END FOR",
                    "EXECUTE a",
                    "EXECUTE IMMEDIATE 'CALL p()'",
                    "SET STATEMENT max_statement_time = 1 FOR CALL p()",
                    "set /* why */ statement max_statement_time = 1 FOR CALL p()",
                    "SET /*!50000 STATEMENT */ max_statement_time = 1 FOR CALL p()",
                    "SET STATEMENT a = (SELECT 1 FOR UPDATE) FOR CALL p()",
                    "SET STATEMENT max_statement_time = 1",
                    "CREATE TABLE t SELECT f()",
                    "CREATE OR REPLACE TABLE t SELECT f()",
                    "CREATE TEMPORARY TABLE t AS SELECT f()",
                    "; CALL p()",
                    ""};
    THEN("anything may have lasted") {
      for (auto sql : all) {
        MESSAGE(sql);
        CHECK(partial_effect_of(sql) == partial_effect::any);
      }
    }
  }
}

SCENARIO("after a write that failed the server is asked for its tables") {
  GIVEN("writes, with more or less around the names") {
    struct row {
      const char* sql;
      const char* names;
    };
    const row all[] = {
        {"INSERT INTO t VALUES (1, f(2))", "INSERT INTO t"},
        {"insert t (a, b) values (1, 2)", "insert t"},
        {"INSERT INTO `my table` SET a = 1", "INSERT INTO my table"},
        {"INSERT INTO `a``b` SELECT * FROM u", "INSERT INTO a`b"},
        {"REPLACE INTO \"t\" VALUES (1)", "REPLACE INTO t"},
        {"/* no name */ INSERT /*! IGNORE */ INTO other.t VALUES (1)", "INSERT IGNORE INTO t other"},
        {"SET STATEMENT max_statement_time = 1 FOR INSERT INTO t VALUES (1)", "INSERT INTO t"},
        {"UPDATE t JOIN other . u SET t.a = u.b WHERE c = 'x y'", "UPDATE t JOIN u other"},
        {"DELETE FROM t WHERE a = 1", "DELETE FROM t"},
        {"DELETE t, u FROM t JOIN u ON t.a = u.b", "DELETE t u FROM JOIN ON a t b u"},
        {"LOAD DATA INFILE 'a b' INTO TABLE t (a, b)", "LOAD DATA INFILE INTO TABLE t"},
    };
    THEN("all that may be a table is among them, and no text") {
      for (auto& x : all) {
        MESSAGE(x.sql);
        CHECK_EQ(asked(write(x.sql)), x.names);
        CHECK_EQ(asked(idempotent_write(x.sql)), x.names);
      }
    }
  }
  GIVEN("statements that may call functions") {
    THEN("the server is asked for those, for packages, and for views that may call some") {
      CHECK_EQ(asked(write("SELECT f(a), other.g(1), 'h(1)' FROM t")), "f g other other t");
      CHECK_EQ(asked(write("DO f(1), f(2)")), "f");
      CHECK_EQ(asked(write("SET @x = f(1)")), "f");
      CHECK_EQ(asked(write("SELECT a FROM t FOR UPDATE")), "t");
    }
  }
  GIVEN("what leaves no doubt") {
    THEN("nothing is asked") {
      CHECK_EQ(asked(read("SELECT f(1)")), "nothing");
      CHECK_EQ(asked(read("INSERT INTO t VALUES (1)")), "nothing");
      CHECK_EQ(asked(write("CREATE TABLE t (a INT)")), "nothing");
      CHECK_EQ(asked(write("INSERT INTO t VALUES (1)"), {1146, stage::sent, {}, true, "42S02"}), "nothing");
      CHECK_EQ(asked(write("INSERT INTO t VALUES (1)"), {1064, stage::sent, {}, true, "42000"}), "nothing");
    }
  }
  GIVEN("ANALYZE before a statement, which MariaDB carries out") {
    THEN("the server is asked for its tables") {
      CHECK_EQ(asked(write("ANALYZE INSERT INTO t VALUES (1)")), "INSERT INTO t");
      CHECK_EQ(asked(write("analyze format=json DELETE FROM t")), "DELETE FROM t");
      CHECK_EQ(asked(write("ANALYZE TABLE t")), "nothing");
    }
  }
  GIVEN("two dashes that are no comment") {
    THEN("what comes after them counts") {
      CHECK_EQ(asked(write("SELECT 5--f()")), "f");
    }
  }
  GIVEN("an error that looks like one of syntax, but comes from a trigger's SIGNAL") {
    THEN("it is asked") {
      CHECK_EQ(asked(write("INSERT INTO t VALUES (1)"), {1064, stage::sent, {}, true, "45000"}), "INSERT INTO t");
    }
  }
  GIVEN("a statement with very many names") {
    std::string sql = "DELETE t FROM t";
    for (int i = 0; i < 50; ++i)
      sql += " JOIN t" + std::to_string(i);
    THEN("it cannot be found out") {
      CHECK_EQ(asked(write(sql)), "in vain");
    }
  }
}

SCENARIO("the answers tell whether something may have stayed") {
  GIVEN("warnings") {
    THEN("only that of an incomplete rollback says so") {
      CHECK(!has_lasting_effects(rows({{"Error", "1062", "Duplicate entry"}}, 3)));
      CHECK(has_lasting_effects(rows({{"Error", "1062", "Duplicate entry"}, {"Warning", "1196", "Some ..."}}, 3)));
      CHECK(!has_lasting_effects(rows({}, 3)));
    }
  }
  GIVEN("tables") {
    THEN("all must have transactions, and one must be there") {
      CHECK(!has_lasting_effects(rows({{"t", "YES"}}, 2)));
      CHECK(has_lasting_effects(rows({{"t", "YES"}, {"u", "NO"}}, 2)));
      CHECK(has_lasting_effects(rows({}, 2)));
    }
  }
  GIVEN("answers to something else") {
    THEN("nothing is certain") {
      CHECK(has_lasting_effects(result{}));
      CHECK(has_lasting_effects(rows({{"YES"}}, 1)));
    }
  }
}

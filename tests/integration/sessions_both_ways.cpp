// A transaction answers the same whether it travels as one compound statement or step by step.

#define CAF_SUITE sessions.both_ways

#include "support/both_ways.hpp"
#include "support/pool_fixture.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

std::string text_of(const result& x) {
  std::string text = std::to_string(x.affected_rows()) + " rows, id " + std::to_string(x.last_insert_id()) + ", "
                     + std::to_string(x.warnings()) + " warnings, " + std::to_string(x.more().size()) + " more";
  for (auto& column : x.columns())
    text += ", " + column.name + ':' + std::to_string(static_cast<int>(column.type));
  for (auto row : x) {
    text += " |";
    for (size_t i = 0; i < row.size(); ++i)
      text += ' ' + (row.is_null(i) ? "NULL" : std::string{row.text(i)});
  }
  return text;
}

/// What there is to compare of an answer.
std::string text_of(const answer<std::vector<result>>& x) {
  if (!x) {
    auto& error = x.error();
    auto index = error.statement_index ? std::to_string(*error.statement_index) : "none";
    return to_string(error.code) + ' ' + to_string(error.outcome) + ' ' + std::to_string(error.number) + ' '
           + error.sqlstate + " at " + index;
  }
  std::string text;
  for (auto& y : *x)
    text += text_of(y) + '\n';
  return text;
}

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));

  fixture() {
    must(pool, write("CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, a INT UNIQUE, b VARCHAR(100))"));
    must(pool, write("CREATE TABLE plain (a INT PRIMARY KEY, b LONGTEXT, c LONGBLOB) CHARSET utf8mb4"));
    must(pool, write("CREATE TABLE child (a INT, FOREIGN KEY (a) REFERENCES plain (a))"));
  }

  /// The tables as they are when a case begins.
  void reset() {
    for (auto sql :
         {"DELETE FROM child", "DELETE FROM plain", "TRUNCATE counted",
          "INSERT INTO counted (a, b) VALUES (1, 'one'), (2, 'two')", "INSERT INTO plain VALUES (7, 'x', '')"})
      must(pool, write(sql));
  }

  std::string tables() {
    return text_of(must(pool, read("SELECT * FROM counted ORDER BY id")))
           + text_of(must(pool, read("SELECT * FROM plain ORDER BY a")))
           + text_of(must(pool, read("SELECT * FROM child")));
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a transaction gives the same answers as one compound statement and step by step") {
  struct row {
    const char* name;
    transaction request;
  };
  GIVEN("transactions of all kinds, good and bad ones") {
    const std::string nasty{"it's \"quoted\" `x` \\ ; -- # /* */ \0 \n ? % \xe7\x8c\xab", 43};
    const std::vector<row> cases{
        {"one read", all_or_nothing(read("SELECT 1 AS one, 'x' AS two, NULL AS three"))},
        {"reads only", all_or_nothing(read("SELECT id, a FROM counted ORDER BY id"), read("SELECT 2 WHERE FALSE"))},
        {"generated ids", all_or_nothing(write("INSERT INTO counted (a) VALUES (?), (?)", 10, 11),
                                         write("INSERT INTO counted (a) VALUES (12)"))},
        {"no id after one",
         all_or_nothing(write("INSERT INTO counted (a) VALUES (10)"), write("INSERT INTO plain VALUES (1, 'a', '')"),
                        write("UPDATE counted SET b = 'new' WHERE id <= 2"))},
        {"upserts",
         all_or_nothing(write("INSERT INTO counted (a, b) VALUES (1, 'x') ON DUPLICATE KEY UPDATE b = 'y'"),
                        write("INSERT INTO counted (a, b) VALUES (9, 'x') ON DUPLICATE KEY UPDATE b = 'y'"))},
        {"replace", all_or_nothing(write("REPLACE INTO counted (a, b) VALUES (1, 'x')"),
                                   write("REPLACE INTO plain VALUES (7, 'y', '')"))},
        {"insert ignore", all_or_nothing(write("INSERT IGNORE INTO counted (a, b) VALUES (1, 'x')"),
                                         write("INSERT IGNORE INTO counted (a, b) VALUES (1, 'x'), (8, 'z')"))},
        {"insert select", all_or_nothing(write("INSERT INTO plain (a, b) SELECT a, b FROM counted"),
                                         write("INSERT INTO counted (a) SELECT a + 100 FROM plain ORDER BY a"))},
        {"updates", all_or_nothing(write("UPDATE counted SET b = 'x'"), write("UPDATE counted SET b = 'x'"),
                                   write("UPDATE counted SET b = 'y' WHERE a = 99"))},
        {"deletes", all_or_nothing(write("DELETE FROM counted WHERE a = 1"), write("DELETE FROM counted"),
                                   write("DELETE FROM counted"))},
        {"sees its own",
         all_or_nothing(write("INSERT INTO plain VALUES (1, 'a', '')"), read("SELECT a, b FROM plain ORDER BY a"))},
        {"nasty values", all_or_nothing(write("INSERT INTO plain VALUES (1, ?, ?)", nasty, bytes{nasty}),
                                        read("SELECT b, c, b = ? FROM plain WHERE a = 1", nasty))},
        {"quotes in the text", all_or_nothing(write("INSERT INTO plain VALUES (1, 'it''s', \"a \"\"b\"\"\")"),
                                              read("SELECT b, c AS `a``b` FROM plain WHERE a = 1"))},
        {"lower case and blanks",
         all_or_nothing(write("\n  insert into plain values (1, 'a', '')\n"), read("(select 1) union (select 2)"))},
        {"for update", all_or_nothing(read("SELECT a FROM counted WHERE id = 1 FOR UPDATE"),
                                      write("UPDATE counted SET a = a + 100 WHERE id = 1"))},
        {"read only", all_or_nothing(read("SELECT 1")).read_only()},
        {"read only with a write", all_or_nothing(read("SELECT 1"), write("DELETE FROM counted")).read_only()},
        {"serializable", all_or_nothing(write("DELETE FROM counted")).at(isolation::serializable)},
        {"duplicate key", all_or_nothing(write("INSERT INTO plain VALUES (1, 'a', '')"),
                                         write("INSERT INTO plain VALUES (7, 'a', '')"), read("SELECT 1"))},
        {"duplicate key first", all_or_nothing(write("INSERT INTO plain VALUES (7, 'a', '')"), read("SELECT 1"))},
        {"missing parent", all_or_nothing(write("DELETE FROM counted"), write("INSERT INTO child VALUES (99)"))},
        {"unknown table",
         all_or_nothing(write("DELETE FROM counted"), read("SELECT 1"), write("INSERT INTO absent VALUES (1)"))},
        {"unknown column", all_or_nothing(write("DELETE FROM counted"), read("SELECT absent FROM plain"))},
        {"syntax error", all_or_nothing(write("DELETE FROM counted"), write("DELETE FROM plain"),
                                        write("INSERT INTO plain VALUES (1"))},
        {"syntax error of a word", all_or_nothing(write("DELETE FROM counted"), read("SELECT FROM WHERE"))},
        {"too few columns", all_or_nothing(write("DELETE FROM counted"), write("INSERT INTO plain VALUES (1)"))},
        {"error among rows",
         all_or_nothing(write("DELETE FROM plain"), read("SELECT a, (SELECT 1 UNION SELECT a) FROM counted"))},
        {"value too long",
         all_or_nothing(write("DELETE FROM plain"), write("UPDATE counted SET b = ?", std::string(200, 'x')))},
        {"too few parameters", all_or_nothing(write("DELETE FROM counted"), write("DELETE FROM plain WHERE a = ?"))},
        {"an unclosed quote", all_or_nothing(write("DELETE FROM counted"), read("SELECT 'x"))},
        {"quotes that close each other's", all_or_nothing(read("SELECT '\"'\""), read("SELECT \"'\"'"))},
        {"a semicolon", all_or_nothing(write("DELETE FROM counted; COMMIT"), read("SELECT 1"))},
        {"an end", all_or_nothing(write("DELETE FROM counted"), read("SELECT 1 END"))},
        {"found rows",
         all_or_nothing(read("SELECT a FROM counted"), write("DELETE FROM plain"), read("SELECT FOUND_ROWS()"))},
        {"system variables", all_or_nothing(read("SELECT 1"), read("SELECT @@in_transaction, @@autocommit"))},
        {"warnings", all_or_nothing(write("INSERT IGNORE INTO plain VALUES (7, 'a', '')"), read("SELECT 1 / 0"))},
        {"warnings, and none without a table",
         all_or_nothing(read("SELECT 1 / 0, 2 / 0"), read("SELECT 1"), write("UPDATE counted SET b = 'x'"))},
        {"warnings, and none with a table",
         all_or_nothing(read("SELECT 1 / 0"), read("SELECT a FROM counted"), read("SELECT 2"))},
        {"warnings of each row", all_or_nothing(read("SELECT CAST(b AS INT), NULL, '' FROM counted"),
                                                write("INSERT IGNORE INTO counted (a, b) VALUES (1, 'x'), (2, 'y')"),
                                                read("SELECT 3"), read("SELECT CAST('z' AS INT)"))},
        {"warnings before a write without any",
         all_or_nothing(read("SELECT 1 / 0"), write("DELETE FROM counted WHERE a = 99"),
                        write("INSERT INTO counted (a) VALUES (50)"), write("UPDATE counted SET a = 51 WHERE a = 50"))},
        {"more warnings than are kept", all_or_nothing(write("INSERT IGNORE INTO counted (a) SELECT 1 FROM "
                                                             "information_schema.COLUMNS LIMIT 100"),
                                                       read("SELECT CAST('x' AS INT) FROM information_schema.COLUMNS "
                                                            "LIMIT 90"))},
        {"notes", all_or_nothing(read("SELECT CAST('1x' AS DECIMAL(5,2)), COALESCE(NULL, 2)"), read("SELECT 1"))},
        {"warnings and then an error",
         all_or_nothing(read("SELECT 1 / 0"), write("INSERT INTO plain VALUES (7, '', '')"))},
        {"no rows and warnings", all_or_nothing(read("SELECT 1 / 0 FROM counted WHERE a / 0 = 1"), read("SELECT 1"))},
        {"a replace that deletes", all_or_nothing(write("REPLACE INTO counted (a, b) VALUES (1, 'x'), (2, 'y')"))},
        {"update ignore", all_or_nothing(write("UPDATE IGNORE counted SET a = 1 WHERE a = 2"))},
        {"updates of two tables", all_or_nothing(write("UPDATE counted, plain SET counted.b = 'm', plain.b = 'n'"))},
        {"deletes of two tables", all_or_nothing(write("DELETE counted, plain FROM counted JOIN plain"))},
        {"insert set", all_or_nothing(write("INSERT INTO counted SET a = 30"), write("REPLACE counted SET a = 30"))},
        {"an insert of nothing", all_or_nothing(write("INSERT INTO counted (a) SELECT 1 FROM plain WHERE FALSE"))},
        {"returning", all_or_nothing(write("INSERT INTO counted (a) VALUES (60) RETURNING a"))},
        {"last insert id", all_or_nothing(write("INSERT INTO counted (a) VALUES (70)"),
                                          write("UPDATE counted SET b = LAST_INSERT_ID() WHERE a = 1"),
                                          read("SELECT b FROM counted WHERE a = 1"))},
        {"row count", all_or_nothing(write("DELETE FROM counted"), read("SELECT ROW_COUNT()"))},
        {"variables", all_or_nothing(read("SELECT @v := 5"), read("SELECT @v + 1"))},
        {"values of all types",
         all_or_nothing(read("SELECT ?, ?, ?, ?, ?, ?, ?, ?", -1, 1u, 0.5, "t\\", bytes{"b"}, decimal{"1.50"},
                             date{2024, 2, 29}, cenote::time{true, 1, 2, 3, 4}))},
    };
    WHEN("each is run in both ways on the same tables") {
      for (auto& x : cases) {
        MESSAGE(x.name);
        reset();
        auto before = tables();
        const auto& [whole_way, apart_way] = both_ways;
        auto whole = run(pool, whole_way(x.request));
        auto after_whole = tables();
        reset();
        auto apart = run(pool, apart_way(x.request));
        auto after_apart = tables();
        CHECK_EQ(text_of(whole), text_of(apart));
        CHECK_EQ(after_whole, after_apart);
        if (whole)
          CHECK_EQ(whole->size(), x.request.statements.size());
        else
          CHECK_EQ(after_whole, before);
        CHECK_EQ(must(pool, read("SELECT @@in_transaction"))[0].get<int>(0), 0);
      }
      THEN("all was done on one connection") {
        CHECK_EQ(status(pool).connects, 1u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

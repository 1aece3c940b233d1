// `cenote sql`: results, parameters, errors.

#define CAF_SUITE app.sql

#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <csignal>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

environment here() {
  return {{"DATABASE_URI", shared_server().uri()}};
}

ended sql(std::vector<std::string> words, std::string_view input = "") {
  words.insert(words.begin(), {"cenote", "sql"});
  return run(words, here(), input);
}

/// The rows of a statement that must succeed.
nlohmann::json rows(std::vector<std::string> words) {
  words.insert(words.begin(), "--json");
  auto x = sql(std::move(words));
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.err, "");
  return nlohmann::json::parse(x.out)["rows"];
}

std::string text(const nlohmann::json& x) {
  return x.dump();
}

} // namespace

SCENARIO("sql prints a table") {
  auto x = sql({"SELECT 7 AS id, '薬屋' AS title, NULL AS link UNION ALL SELECT 30002, 'a\\nb', 'NULL'"});
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.err, "");
  CHECK_EQ(x.out, "    id | title | link\n"
                  "-------+-------+--------\n"
                  "     7 | 薬屋  | NULL\n"
                  " 30002 | a\\nb  | 'NULL'\n"
                  "(2 rows)\n");
}

SCENARIO("sql --json prints one object with every type") {
  auto x = sql({"--json", "SELECT -5 AS i, 18446744073709551615 AS u, 0.1e0 AS d, 12.340 AS n, 'é' AS t, x'00ff' AS b,"
                          " DATE'2024-01-31' AS da, TIMESTAMP'2024-01-31 01:02:03.5' AS ts, TIME'-01:02:03' AS ti,"
                          " NULL AS nothing"});
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, R"({"columns":["i","u","d","n","t","b","da","ts","ti","nothing"],)"
                  R"("rows":[[-5,18446744073709551615,0.1,"12.340","é",{"base64":"AP8="},"2024-01-31",)"
                  R"("2024-01-31 01:02:03.500000","-01:02:03",null]],"affected_rows":0,"last_insert_id":0})"
                  "\n");
}

SCENARIO("sql tells the effects of a write") {
  CHECK_EQ(sql({"CREATE OR REPLACE TABLE app_effects (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(9))"}).out,
           "OK, 0 rows affected\n");
  CHECK_EQ(sql({"INSERT INTO app_effects (t) VALUES ('a'), ('b')"}).out, "OK, 2 rows affected, last insert id 1\n");
  auto x = sql({"--json", "INSERT INTO app_effects (t) VALUES (?)", "c"});
  CHECK_EQ(x.out, R"({"columns":[],"rows":[],"affected_rows":1,"last_insert_id":3})"
                  "\n");
  CHECK_EQ(text(rows({"SELECT t FROM app_effects ORDER BY id"})), R"([["a"],["b"],["c"]])");
}

SCENARIO("parameters arrive as they were typed") {
  CHECK_EQ(text(rows({"SELECT ?, ?, ?, ?, ?", "41", "-5", "-1.50", "NULL", "it's \"quoted\" \\ 日本"})),
           R"([[41,-5,"-1.50",null,"it's \"quoted\" \\ 日本"]])");
  CHECK_EQ(text(rows({"SELECT ?, ?, ?", "[1,2]", "++", "007"})), R"([["[1,2]","++","007"]])");
  CHECK_EQ(text(rows({"SELECT ?, ?", "serve", "check"})), R"([["serve","check"]])");
  CHECK_EQ(text(rows({"SELECT ?, ?", "--", "--json", "--"})), R"([["--json","--"]])");
  CHECK_EQ(text(rows({"--text", "SELECT ?, ?", "41", "NULL"})), R"([["41","NULL"]])");
  CHECK_EQ(text(rows({"SELECT seq FROM seq_1_to_9 LIMIT ?", "--pool-size", "2", "1"})), "[[1]]");
}

SCENARIO("every byte but NUL arrives in statements and parameters") {
  std::string all;
  for (int c = 1; c < 256; ++c)
    all += static_cast<char>(c);
  std::string hex;
  for (int c = 1; c < 256; ++c) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02X", c);
    hex += digits;
  }
  // Not all is UTF-8, which the server would refuse for a text of that character set.
  CHECK_EQ(text(rows({"SELECT HEX(CAST(? AS BINARY))", all.substr(0, 127)})), "[[\"" + hex.substr(0, 254) + "\"]]");
  CHECK_EQ(text(rows({"SELECT HEX('a\x1f\x1f"
                      "b'), HEX(?), HEX(?)",
                      "\x1f",
                      "\x1f"
                      "5\x1f"})),
           R"([["611F1F62","1F","1F351F"]])");
  CHECK_EQ(text(rows({"SELECT HEX(?), HEX(?)", "--", "\x1f", "-\x1f"})), R"([["1F","2D1F"]])");
  for (auto c : {'\x01', '\x02', '\x1e', '\x1f', '\x7f', '[', '{', '%', '"', '\'', '`', '\\', '=', ',', '\n', '\t'})
    CHECK_EQ(
        text(rows({"SELECT HEX(?), HEX(?)", std::string(1, c), std::string(3, c)})),
        text(rows({"SELECT ?, ?", hex.substr((static_cast<size_t>(c) - 1) * 2, 2),
                   hex.substr((static_cast<size_t>(c) - 1) * 2, 2) + hex.substr((static_cast<size_t>(c) - 1) * 2, 2)
                       + hex.substr((static_cast<size_t>(c) - 1) * 2, 2),
                   "--text"})));
  auto x = sql({"SELECT HEX('a\x1f"
                "b')",
                "--pool-name",
                "a\x1f"
                "b"});
  CHECK_EQ(x.code, 2); // A name without control characters is asked for, and this one has not lost its own.
}

SCENARIO("the texts of warnings are told") {
  auto x = sql({"SELECT 1/0 AS x, CAST('a\nb' AS INT) AS y"});
  CHECK_EQ(x.code, 0);
  CHECK(contains(x.out, "(1 row, 2 warnings)\nWarning 1365: Division by 0\nWarning 1292: "));
  CHECK(contains(x.out, "INTEGER value: 'a\\nb'\n"));
  CHECK_EQ(count(x.out, "\n"), 6u);
  CHECK_EQ(sql({"DROP TABLE IF EXISTS app_nowhere"}).out,
           "OK, 0 rows affected, 1 warning\nNote 1051: Unknown table 'cenote.app_nowhere'\n");
  auto json = nlohmann::json::parse(sql({"--json", "SELECT 1/0"}).out);
  CHECK_EQ(json["warnings"].dump(), R"([{"code":1365,"level":"Warning","message":"Division by 0"}])");
  CHECK(!nlohmann::json::parse(sql({"--json", "SELECT 1"}).out).contains("warnings"));
  // A statement that may leave traces is followed by a reset, which takes the texts along.
  CHECK_EQ(sql({"SET @x = 1/0"}).code, 0);
}

SCENARIO("a wrong number of parameters is an error") {
  auto x = sql({"SELECT ?", "1", "2"});
  CHECK_EQ(x.code, 1);
  CHECK_EQ(x.out, "");
  CHECK_EQ(count(x.err, " ERROR "), 1u);
}

SCENARIO("a statement can come from standard input") {
  auto x = sql({"-", "5"}, "-- a comment\nSELECT\n  ? AS five;\n");
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.out, " five\n------\n    5\n(1 row)\n");
  CHECK_EQ(sql({"-"}, "\n").code, 2);
  CHECK_EQ(sql({""}).code, 2);
}

SCENARIO("options may stand anywhere") {
  CHECK_EQ(run({"cenote", "--pool-size", "2", "sql", "--log-level=error", "SELECT ?", "--json", "1"}, here()).out,
           R"({"columns":["1"],"rows":[[1]],"affected_rows":0,"last_insert_id":0})"
           "\n");
}

SCENARIO("it needs one connection, however many the settings keep open") {
  auto x = sql({"--pool-min-size=5", "SELECT 1"});
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.err, "");
}

SCENARIO("a statement that fails is told with number, sqlstate and text") {
  auto x = sql({"SELECT * FROM app_missing"});
  CHECK_EQ(x.code, 1);
  CHECK_EQ(x.out, "");
  CHECK_EQ(count(x.err, "\n"), 1u);
  CHECK(contains(x.err, " ERROR 1146 (42S02): "));
  CHECK(contains(x.err, "app_missing"));
  CHECK(contains(sql({"SELEKT"}).err, " ERROR 1064 (42000): "));
}

SCENARIO("the error of a strange name stays on one line") {
  auto x = sql({"SELECT * FROM `a\nb\x1b[2J\u202e`"});
  CHECK_EQ(x.code, 1);
  CHECK_EQ(count(x.err, "\n"), 1u);
  // The server itself writes \001B for an escape character; the line break and what reorders text arrive as they are.
  CHECK(contains(x.err, "a\\nb\\001B[2J\\u{202e}"));
}

SCENARIO("sql does not wait for a server that is down") {
  auto x = run({"cenote", "sql", "SELECT 1"}, {{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}});
  CHECK_EQ(x.code, 1);
  CHECK_EQ(count(x.err, "\n"), 1u);
  CHECK(contains(x.err, " CRITICAL the server is down"));
  CHECK_LT(x.seconds, 5.0);
}

SCENARIO("sql without a usable URI is a wrong use") {
  CHECK_EQ(run({"cenote", "sql", "SELECT 1"}).code, 2);
  CHECK_EQ(run({"cenote", "sql", "SELECT 1"}, {{"DATABASE_URI", "nonsense"}}).code, 2);
}

SCENARIO("a full disk is an error") {
  program x{{"cenote", "sql", "SELECT 1"}, here(), "", "/dev/full"};
  auto end = x.wait();
  CHECK_EQ(end.code, 1);
  CHECK(contains(end.err, "No space left"));
}

SCENARIO("a closed standard output does not catch what is meant for the server") {
  program x{{"cenote", "sql", "SELECT 1"}, here(), "", "-"};
  auto end = x.wait();
  CHECK_EQ(end.code, 1);
  CHECK_EQ(count(end.err, "\n"), 1u);
  CHECK(contains(end.err, "cannot write to standard output"));
}

SCENARIO("a reader that goes away ends the program quietly") {
  int ends[2];
  // The program must not inherit the reading end: as its own reader it would wait for itself.
  REQUIRE_EQ(pipe2(ends, O_CLOEXEC), 0);
  program x{{"cenote", "sql", "SELECT SLEEP(0.5), REPEAT('x', 1000000)"},
            here(),
            "",
            "/proc/self/fd/" + std::to_string(ends[1])};
  close(ends[0]);
  close(ends[1]);
  auto end = x.wait();
  CHECK_EQ(end.code, 1);
  CHECK_EQ(end.err, "");
}

SCENARIO("Ctrl-C ends a statement that runs") {
  program x{{"cenote", "sql", "--log-level", "debug", "SELECT SLEEP(50)"}, here()};
  REQUIRE(x.logs("opened connection"));
  x.signal(SIGINT);
  auto end = x.wait();
  CHECK_EQ(end.code, 130);
  CHECK_EQ(end.out, "");
  CHECK_LT(end.seconds, 20.0);
}

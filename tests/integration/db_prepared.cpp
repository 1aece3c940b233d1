// Statements that are sent often, and so are prepared, do what they do as text.

#define CAF_SUITE db.prepared

#include "db/prepared_set.hpp"
#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

using outcomes = std::vector<tl::expected<result, db::driver_error>>;

/// After so many runs a text is prepared.
constexpr auto enough = static_cast<int>(db::prepared_set::first_uses) + 1;

db::connection open_prepared(size_t max = 100, const server_settings& target = shared_server().settings()) {
  auto result = open(target);
  result.keep_prepared(max);
  run(result, "SET time_zone = '+05:30'");
  return result;
}

/// Runs a statement once among those that may be prepared.
tl::expected<result, db::driver_error> send_once(db::connection& x, const statement& query) {
  return std::move(pipeline(x, {query}).front());
}

/// What comes of it when it is sent for the n-th time.
tl::expected<result, db::driver_error> send_often(db::connection& x, const statement& query, int times = enough + 1) {
  for (; times > 1; --times)
    send_once(x, query);
  return send_once(x, query);
}

/// Whether the session waits until others no longer use a table that it wants to change.
bool waits_for_table(db::connection& control, uint64_t id) {
  auto found = attempt(control, read("SELECT 1 FROM information_schema.processlist WHERE id = ? AND state LIKE "
                                     "'%metadata lock%'",
                                     id));
  return found.has_value() && !found->empty();
}

std::string text_of(const result& rows) {
  std::string text;
  for (auto& each : rows.columns())
    text += each.name + " " + std::string{to_string(each.type)} + ", ";
  for (auto row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      text += " | " + (row.is_null(i) ? "NULL"s : std::string{row.text(i)});
  return text + " (" + std::to_string(rows.affected_rows()) + ", " + std::to_string(rows.last_insert_id()) + ", "
         + std::to_string(rows.warnings()) + ")";
}

std::string text_of(const tl::expected<result, db::driver_error>& outcome) {
  if (outcome)
    return text_of(*outcome);
  return "error " + std::to_string(outcome.error().number) + " " + outcome.error().sqlstate + " "
         + outcome.error().text;
}

/// Compares what comes of a statement as text, and prepared.
/// @param prepared whether it is one that is prepared for this; nothing: perhaps.
void check_same(db::connection& x, const statement& query, std::optional<bool> prepared = true) {
  auto before = x.prepared().made;
  auto as_text = text_of(attempt(x, query));
  auto often = text_of(send_often(x, query));
  if (often != as_text || (prepared && (x.prepared().made > before) != *prepared))
    CAF_ERROR(query.sql << "\n  as text: " << as_text.substr(0, 1000) << "\n  prepared (" << x.prepared().made - before
                        << "): " << often.substr(0, 1000));
  else
    CHECK_EQ(often, as_text);
}

/// A column type and literals of its values.
struct sample {
  std::string declaration;
  std::vector<std::string> values;
};

/// Stores the values and a NULL, and reads them both ways: the column itself, and expressions of it.
void check_column(db::connection& x, const sample& one, bool expressions = true) {
  run(x, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, c " + one.declaration + " NULL)");
  run(x, "INSERT INTO t (c) VALUES (NULL)");
  for (auto& value : one.values)
    run(x, "INSERT INTO t (c) VALUES (" + value + ")");
  auto what = " /* " + one.declaration + " */";
  check_same(x, read("SELECT c, id, c AS again FROM t WHERE id > ? ORDER BY id" + what, 0));
  if (!expressions)
    return;
  check_same(x, read("SELECT MIN(c) AS a, MAX(c) AS b, COUNT(c) AS n FROM t WHERE id > ?" + what, 0));
  check_same(x, read("SELECT IFNULL(c, c) AS a, COALESCE(c, NULL) AS b, IF(id > 1, c, NULL) AS d FROM t WHERE id > ? "
                     "ORDER BY id"
                         + what,
                     0));
  check_same(x, read("SELECT s.c FROM (SELECT DISTINCT c, id FROM t) s WHERE s.id > ? ORDER BY s.id" + what, 0));
  check_same(x, read("(SELECT c FROM t WHERE id > ?) UNION ALL (SELECT c FROM t)" + what, 0));
}

uint64_t status_of_server(db::connection& x, const std::string& name) {
  return std::stoull(run(x, "SHOW GLOBAL STATUS LIKE '" + name + "'")[0].get<std::string>(1));
}

/// How many prepared statements the server holds, of all sessions.
uint64_t held_by_server(db::connection& x) {
  return status_of_server(x, "Prepared_stmt_count");
}

std::string quoted(const std::string& text) {
  return "'" + text + "'";
}

} // namespace

SCENARIO("integers are the same, at their limits and with leading zeros") {
  auto x = open_prepared();
  for (auto& each : std::vector<sample>{{"TINYINT", {"-128", "-1", "0", "127"}},
                                        {"BOOLEAN", {"0", "1"}},
                                        {"SMALLINT", {"-32768", "-1", "0", "32767"}},
                                        {"MEDIUMINT", {"-8388608", "-1", "0", "8388607"}},
                                        {"INT", {"-2147483648", "-1", "0", "2147483647"}},
                                        {"BIGINT", {"-9223372036854775808", "-1", "0", "9223372036854775807"}},
                                        {"TINYINT UNSIGNED", {"0", "128", "255"}},
                                        {"SMALLINT UNSIGNED", {"0", "32768", "65535"}},
                                        {"MEDIUMINT UNSIGNED", {"0", "8388608", "16777215"}},
                                        {"INT UNSIGNED", {"0", "2147483648", "4294967295"}},
                                        {"BIGINT UNSIGNED", {"0", "9223372036854775808", "18446744073709551615"}},
                                        {"TINYINT ZEROFILL", {"0", "7", "255"}},
                                        {"SMALLINT(3) ZEROFILL", {"0", "7", "65535"}},
                                        {"MEDIUMINT ZEROFILL", {"0", "7", "16777215"}},
                                        {"INT(5) ZEROFILL", {"0", "7", "4294967295"}},
                                        {"INT ZEROFILL", {"0", "7"}},
                                        {"BIGINT(20) ZEROFILL", {"0", "7", "18446744073709551615"}},
                                        {"YEAR", {"1901", "2155", "2024"}},
                                        {"BIT(1)", {"b'0'", "b'1'"}},
                                        {"BIT(12)", {"b'0'", "b'111111111111'"}},
                                        {"BIT(64)", {"0", "18446744073709551615"}}})
    check_column(x, each);
}

SCENARIO("floating-point numbers are the same, but for the digits of a FLOAT") {
  auto x = open_prepared();
  std::vector<std::string> doubles{"0e0",
                                   "-0e0",
                                   "1e0",
                                   "0.1e0",
                                   "-1.5e0",
                                   "1e0 / 3",
                                   "1e14",
                                   "1e15",
                                   "123456789012345e0",
                                   "1234567890123456e0",
                                   "999999999999999.9e0",
                                   "1e16",
                                   "1.5e100",
                                   "1e-5",
                                   "1.25e-14",
                                   "1e-15",
                                   "1.5e-15",
                                   "1e-16",
                                   "1e-17",
                                   "1e23",
                                   "9007199254740993e0",
                                   "1.7976931348623157e308",
                                   "-1.7976931348623157e308",
                                   "2.2250738585072014e-308",
                                   "4.9406564584124654e-324",
                                   "2.2204460492503131e-16",
                                   "123.456e0",
                                   "100e0"};
  check_column(x, {"DOUBLE", doubles});
  check_column(x, {"DOUBLE(10, 2)", {"0", "1.5", "-1.005", "99999999.99", "0.001"}});
  check_column(x, {"DOUBLE(20, 10)", {"1e0 / 3", "-1e0 / 3", "1234567890.0123456789"}});
  check_column(x, {"DOUBLE ZEROFILL", {"0", "1.5"}});
  check_column(x, {"DOUBLE(10, 2) ZEROFILL", {"0", "1.5"}});
  // Where 6 digits are enough, there is no difference.
  check_column(x, {"FLOAT", {"0", "0.1", "-1.5", "1e10", "123456", "1e-5", "1.5e20", "1e-20", "100"}}, false);
  check_column(x, {"FLOAT(7, 3)", {"0", "1.5", "-1234.567", "0.001"}}, false);
  check_same(
      x, read("SELECT id / 3e0 AS a, ROUND(id / 3e0, 2) AS b, SQRT(id) AS c, PI() AS d, EXP(id * 50) AS e, RAND(id) "
              "AS f FROM t WHERE id > ?",
              0));
}

SCENARIO("a FLOAT that needs more than 6 digits has all of them when its statement is prepared") {
  auto x = open_prepared();
  run(x, "CREATE OR REPLACE TABLE t (f FLOAT)");
  run(x, "INSERT INTO t VALUES (16777217), (0.1), (3.4028234663852886e38), (1.17549435e-38), (1.4e-45), (-123456.79)");
  const auto query = read("SELECT f FROM t");
  auto as_text = run(x, query);
  CHECK_EQ(as_text[0].get<double>(0), 16777200.0);
  auto rows = send_often(x, query).value();
  CHECK_EQ(x.prepared().made, 1u);
  CHECK_EQ(rows[0].get<double>(0), 16777216.0);
  CHECK_EQ(rows[1].get<double>(0), 0.1); // The fewest digits that read back as the same FLOAT.
  CHECK_EQ(rows[1].get<float>(0), 0.1f);
  CHECK_EQ(rows[2].get<float>(0), std::numeric_limits<float>::max());
  CHECK_EQ(rows[3].get<float>(0), std::numeric_limits<float>::min());
  CHECK_EQ(rows[4].get<float>(0), std::numeric_limits<float>::denorm_min());
  CHECK_EQ(rows[5].get<float>(0), -123456.79f);
}

SCENARIO("decimals are the same") {
  auto x = open_prepared();
  for (auto& each : std::vector<sample>{{"DECIMAL(65, 0)", {std::string(65, '9'), "-" + std::string(65, '9'), "0"}},
                                        {"DECIMAL(65, 38)", {std::string(27, '9') + "." + std::string(38, '9'), "0"}},
                                        {"DECIMAL(10, 3)", {"-12.340", "0", "0.001"}},
                                        {"DECIMAL(10, 3) ZEROFILL", {"12.340", "0"}},
                                        {"DECIMAL(10, 3) UNSIGNED", {"12.340", "0"}}})
    check_column(x, each);
}

SCENARIO("dates and times are the same, zero and with every number of digits") {
  auto x = open_prepared();
  run(x, "SET sql_mode = ''");
  for (auto& each : std::vector<sample>{
           {"DATE", {"'0000-00-00'", "'2024-00-00'", "'2024-02-00'", "'0001-01-01'", "'2024-02-29'", "'9999-12-31'"}},
           {"TIMESTAMP", {"'1970-01-02 00:00:01'", "'0000-00-00'", "'2038-01-01 03:14:07'"}},
           {"TIMESTAMP(6)", {"'2024-02-29 01:02:03.000004'", "'0000-00-00'", "'2024-02-29 01:02:03'"}}})
    check_column(x, each);
  for (auto digits = 0; digits <= 6; ++digits) {
    auto n = "(" + std::to_string(digits) + ")";
    check_column(x, {"DATETIME" + n,
                     {"'0000-00-00'", "'2024-00-00 00:00:01'", "'2024-02-29 23:59:59'", "'2024-02-29 00:00:00.123456'",
                      "'2024-02-29 00:00:00'", "'9999-12-31 23:59:59'", "'2024-02-29 01:02:03.000004'"}});
    check_column(x, {"TIME" + n,
                     {"'00:00:00'", "'-00:00:01'", "'838:59:59'", "'-838:59:59'", "'09:00:00'", "'-01:02:03.4'",
                      "'100:00:00'", "'00:00:00.000001'", "'23:59:59.999'"}});
  }
  check_same(x,
             read("SELECT DATE '2024-01-31' AS a, TIMESTAMP '2024-01-31 01:02:03.5' AS b, SEC_TO_TIME(-3661) AS c, "
                  "SEC_TO_TIME(id + 0.5) AS d, FROM_UNIXTIME(id) AS e, FROM_UNIXTIME(id + 0.25) AS f, "
                  "ADDTIME('01:00:00', '00:00:00.5') AS g, STR_TO_DATE('2024', '%Y') AS h, MAKETIME(id, 2, 3.25) AS i "
                  "FROM t WHERE id > ?",
                  0));
}

SCENARIO("texts and bytes are the same, of every length and character set") {
  auto x = open_prepared();
  std::vector<std::string> texts{"''", "'a'", "'it''s'", "'\\\\'", "'a\\0b'", "'\xF0\x9F\x8D\x9C'", "'\xC3\xA4'"};
  for (auto type : {"CHAR(20)", "VARCHAR(20)", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT",
                    "VARCHAR(20) CHARACTER SET utf16", "VARCHAR(20) COLLATE utf8mb4_bin"})
    check_column(x, {type, texts});
  check_column(x, {"VARCHAR(20) CHARACTER SET latin1", {"''", "'\xC3\xA4'"}});
  check_column(x, {"VARCHAR(20) CHARACTER SET gbk", {"''", "'\xE6\xBC\xAB'"}});
  for (auto type : {"VARBINARY(60000)", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"})
    check_column(x, {type, {"''", "X'00'", "X'FFFE00'"}});
  check_column(x, {"BINARY(3)", {"''", "X'FF'"}});
  check_column(x, {"ENUM('a', 'it''s', '\xF0\x9F\x8D\x9C')", {"'a'", "'it''s'", "'\xF0\x9F\x8D\x9C'"}});
  check_column(x, {"SET('a', 'b', 'c')", {"''", "'a,c'", "'a,b,c'"}});
  check_column(x, {"UUID", {"'123e4567-e89b-12d3-a456-426655440000'"}});
  check_column(x, {"INET6", {"'2001:db8::ff00:42:8329'", "'::'"}});
  check_column(x, {"INET4", {"'192.0.2.1'"}});
  check_column(x, {"JSON", {quoted(R"({"a": "it''s"})"), "'[]'", "'null'"}});
  check_column(x, {"GEOMETRY", {"ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('LINESTRING(0 0, 1 1)')"}}, false);
  // At the limits of the lengths before texts: one byte, two, three, and more than one packet.
  std::vector<std::string> lengths;
  for (auto length : {"250", "251", "252", "65535", "65536", "16777215", "16777216"})
    lengths.push_back("REPEAT('x', " + std::string{length} + ")");
  run(x, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, c LONGBLOB)");
  auto control = open(shared_server().settings());
  run(control, "SET GLOBAL max_allowed_packet = 67108864");
  auto y = open_prepared();
  for (auto& each : lengths)
    run(y, "INSERT INTO t (c) VALUES (" + each + ")");
  check_same(y, read("SELECT c, id FROM t WHERE id > ? ORDER BY id", 0));
  run(control, "SET GLOBAL max_allowed_packet = 16777216");
}

SCENARIO("rows of very many columns, with NULL in each place, are the same") {
  auto x = open_prepared();
  for (auto columns : {1, 2, 5, 6, 7, 8, 13, 14, 15, 22, 100}) {
    std::string sql = "SELECT ";
    for (auto i = 0; i < columns; ++i)
      sql += std::string(i == 0 ? "" : ", ") + "IF(seq = " + std::to_string(i) + ", NULL, " + std::to_string(i)
             + ") AS c" + std::to_string(i);
    check_same(x, read(sql + " FROM seq_0_to_" + std::to_string(columns)));
  }
  check_same(x, read("SELECT seq FROM seq_1_to_5 WHERE seq > ?", 10));
}

SCENARIO("parameters of every type mean the same") {
  auto x = open_prepared();
  run(x, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, i BIGINT, u BIGINT UNSIGNED, d DOUBLE, n DECIMAL(20, 5), s "
         "VARCHAR(50), l VARCHAR(50) CHARACTER SET latin1, b BLOB, day DATE, dt DATETIME(6), t TIME(6), e ENUM('a', "
         "'1'))");
  run(x, "INSERT INTO t VALUES (1, -5, 5, 1.5, 12.34, 'it''s', 'a', 'x', '2024-02-29', '2024-02-29 01:02:03.4', "
         "'-100:00:00.5', 'a'), (2, 9223372036854775807, 18446744073709551615, 1e300, -1, '5', '\xC3\xA4', '5', "
         "'9999-12-31', '1000-01-01', '838:59:59', '1')");
  const std::vector<value> values{null{},
                                  int64_t{0},
                                  int64_t{-5},
                                  int64_t{5},
                                  std::numeric_limits<int64_t>::min(),
                                  std::numeric_limits<int64_t>::max(),
                                  uint64_t{5},
                                  std::numeric_limits<uint64_t>::max(),
                                  1.5,
                                  -0.0,
                                  1e300,
                                  0.1,
                                  std::numeric_limits<double>::denorm_min(),
                                  std::string{},
                                  std::string{"it's"},
                                  std::string{"5"},
                                  std::string{"a\\b"},
                                  std::string{"a\0b", 3},
                                  std::string{"\xC3\xA4"},
                                  std::string{"\xF0\x9F\x8D\x9C"},
                                  std::string(300, 'x'),
                                  std::string(70'000, 'y'),
                                  decimal{"12.340"},
                                  decimal{"-0.5"},
                                  decimal{"5"},
                                  decimal{"-5"},
                                  decimal{"007"},
                                  decimal{"18446744073709551615"},
                                  decimal{"18446744073709551616"},
                                  decimal{std::string(65, '9')},
                                  date{2024, 2, 29},
                                  date{9999, 12, 31},
                                  datetime{2024, 2, 29, 1, 2, 3, 400'000},
                                  datetime{1000, 1, 1, 0, 0, 0, 0},
                                  cenote::time{true, 100, 0, 0, 500'000},
                                  cenote::time{false, 838, 59, 59, 0},
                                  cenote::time{}};
  run(x, "CREATE OR REPLACE TABLE real_numbers (id INT PRIMARY KEY, a DOUBLE, b DOUBLE(30, 20), c BIGINT)");
  run(x, "INSERT INTO real_numbers VALUES (1, 1000000000000001.5, 3333333333.3333333, 1), (2, 2426238415368926.5, "
         "0.1, 7903992120411921)");
  check_same(x, read("SELECT id, a, b, a / 3, ROUND(b, 7) AS r, c FROM real_numbers WHERE id > ?", 0), std::nullopt);
  check_same(x, read("SELECT STD(c) AS s, AVG(a) AS m FROM real_numbers WHERE id > ?", 0), std::nullopt);
  const auto expressions = read(
      "SELECT ? AS v, ? + 0 AS plus, CONCAT(?, '') AS text, LENGTH(?) AS n, COALESCE(?, 1) AS c, ? IS NULL AS nil, "
      "JSON_OBJECT('a', ?) AS j, HEX(?) AS h, ? * 1.5 AS times, ROUND(?, 1) AS r, CHARSET(?) AS cs, COLLATION(?) AS "
      "co, COERCIBILITY(?) AS ce");
  for (auto& one : values) {
    auto query = expressions;
    query.params.assign(13, one);
    MESSAGE("value " << one.index());
    check_same(x, query, std::nullopt); // It is prepared for one of them, and used for all others.
    auto found =
        read("SELECT id, i = ? AS a, u = ? AS b, d = ? AS c, n = ? AS d, s = ? AS e, l < ? AS f, b = ? AS g, day = "
             "? AS h, dt < ? AS i, t = ? AS j, e = ? AS k FROM t WHERE id > 0 OR ? IS NULL");
    found.params.assign(12, one);
    check_same(x, found, std::nullopt);
  }
  CHECK(x.prepared().made >= 2u);
  // Bytes go as text: as `X'05'` they are a number where one is wanted.
  check_same(x, read("SELECT s + ? AS a FROM t", bytes{"\x05"}), false);
}

SCENARIO("where a statement has a number of its text, as in ORDER BY and LIMIT, it is the same as a parameter") {
  auto x = open_prepared();
  run(x, "CREATE OR REPLACE TABLE t (a INT, b INT)");
  run(x, "INSERT INTO t VALUES (1, 3), (2, 2), (3, 1)");
  check_same(x, read("SELECT a, b FROM t ORDER BY ?", 2));
  check_same(x, read("SELECT a, b FROM t ORDER BY a LIMIT ?, ?", 1, 2));
  check_same(x, read("SELECT a DIV ? AS x, COUNT(*) AS n FROM t GROUP BY a DIV ?", 2, 2));
  check_same(x, read("SELECT a FROM t WHERE a IN (?, ?) ORDER BY a", 1, 3));
  check_same(x, read("SELECT a FROM t WHERE a BETWEEN ? AND ? ORDER BY a", 1, "2"));
  check_same(x, read("SELECT INTERVAL(?, 1, 2) AS i, DATE_ADD('2024-01-01', INTERVAL ? DAY) AS d", 1, 2));
  check_same(x, read("SELECT CAST(? AS CHAR(3)) AS c, CAST(? AS DECIMAL(10, 2)) AS d", "abcdef", 1.005));
}

SCENARIO("parameters with names have their values wherever they stand") {
  auto x = open_prepared();
  auto query = read("SELECT :b AS b, :a AS a, :b AS again, ':c' AS c");
  query.params = {int64_t{1}, std::string{"two"}};
  query.names = {"a", "b"};
  check_same(x, query);
  query.params = {std::string{"two"}, int64_t{1}};
  query.names = {"b", "a"};
  check_same(x, query, false);
  query.names = {"b", "c"};
  auto wrong = x.send(query);
  REQUIRE(wrong.has_value());
  CHECK(contains(wrong->text, ":a"));
}

SCENARIO("writes, their effects and their errors are the same") {
  auto x = open_prepared();
  auto y = open_prepared();
  run(x, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, c TINYINT UNIQUE, s VARCHAR(5))");
  run(x, "CREATE OR REPLACE TABLE u LIKE t");
  for (auto i = 0; i < 20; ++i) {
    auto on = [&](const char* table) {
      std::vector<statement> all{
          write(std::string{"INSERT INTO "} + table + " (c, s) VALUES (?, ?)", i % 7, "x"),
          write(std::string{"REPLACE INTO "} + table + " (c, s) VALUES (?, ?)", i % 5, std::optional<int>{}),
          write(std::string{"UPDATE "} + table + " SET c = c + 1, s = ? WHERE c >= ? ORDER BY c DESC", "y", i),
          write(std::string{"UPDATE IGNORE "} + table + " SET s = ? WHERE id > ?", "too long", i),
          write(std::string{"INSERT IGNORE INTO "} + table + " (c) VALUES (?), (?)", 1000, 1),
          write(std::string{"INSERT INTO "} + table + " (c) VALUES (?) ON DUPLICATE KEY UPDATE s = ?", 3, i),
          write(std::string{"DELETE FROM "} + table + " WHERE c = ?", i % 3),
          write(std::string{"INSERT INTO "} + table + " (c) VALUES (?) RETURNING id, c, s", 100 + i),
          write(std::string{"INSERT INTO "} + table + " (no_such_column) VALUES (?)", i),
          read(std::string{"SELECT id, c, s, c / 0 AS w FROM "} + table + " WHERE id > ? ORDER BY id", 0)};
      return all;
    };
    auto as_text = on("t");
    auto often = on("u");
    for (size_t j = 0; j < as_text.size(); ++j) {
      auto one = text_of(attempt(x, as_text[j]));
      auto other = text_of(send_once(y, often[j]));
      for (auto at = other.find(".`u`"); at != std::string::npos; at = other.find(".`u`"))
        other.replace(at, 4, ".`t`");
      CHECK_EQ(other, one);
    }
  }
  CHECK(y.prepared().made >= 9u);
}

SCENARIO("answers come in order while texts are prepared, with errors and large results among them") {
  auto local = shared_server().settings();
  std::getline(std::ifstream{shared_server().folder() + "/socket"}, local.unix_socket);
  auto compressed = shared_server().settings();
  compressed.compress = true;
  for (auto& target : {shared_server().settings(), local, compressed}) {
    auto x = open_prepared(5, target);
    std::vector<statement> queries;
    std::vector<std::string> expected;
    for (auto i = 0; i < 400; ++i) {
      auto kind = i % 9;
      if (kind == 8) {
        queries.push_back(read("SELECT no_such_column, ? AS a", i));
        expected.push_back("error 1054");
        continue;
      }
      auto size = kind == 5 ? 100'000 : kind == 2 ? 3'000 : 10;
      auto text = std::to_string(i) + std::string(static_cast<size_t>(size), 'x');
      queries.push_back(read("SELECT CONCAT(?, '') AS k" + std::to_string(kind), text));
      expected.push_back(text);
    }
    auto all = pipeline(x, queries);
    size_t wrong = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      auto text = all[i] ? (*all[i])[0].get<std::string>(0) : "error " + std::to_string(all[i].error().number);
      wrong += text != expected[i];
    }
    CHECK_EQ(wrong, 0u);
    CHECK_EQ(x.prepared().made, 5u); // There is room for five, and all are used equally.
    CHECK(x.usable());
    CHECK(x.alive());
  }
}

SCENARIO("texts that are used give way to no others, and those that are not are closed on the server") {
  auto x = open_prepared(2);
  await([&] { return held_by_server(x) == 0; }); // The connections before it have ended.
  for (auto i = 0; i < 20; ++i)
    for (auto text : {"SELECT ? AS a", "SELECT ? AS b", "SELECT ? AS c"})
      CHECK(send_once(x, read(text, 1)).has_value());
  CHECK_EQ(x.prepared().made, 2u);
  CHECK_EQ(held_by_server(x), 2u);
  for (auto i = 0; i < 20; ++i)
    for (auto text : {"SELECT ? AS c", "SELECT ? AS d"})
      CHECK(send_once(x, read(text, 1)).has_value());
  CHECK_EQ(x.prepared().made, 4u);
  CHECK_EQ(held_by_server(x), 2u);
}

SCENARIO("a text that is seen once, one that cannot be prepared, and all if that is off, go as text") {
  auto x = open_prepared();
  for (auto i = 0; i < 100; ++i)
    CHECK(send_once(x, read("SELECT " + std::to_string(i) + " AS a")).has_value());
  check_same(x, read("SELECT ? + 1", 1), false); // Its name would be another.
  check_same(x, read("SHOW TABLES LIKE ?", "no_such_table"), false);
  check_same(x, read("SELECT 'a\\'?' AS a"), false);
  check_same(x, read("SELECT a FROM no_such_table WHERE b = ?", 1), false);
  check_same(x, read("SELEC ?", 1), false);
  check_same(x, read("SELECT DATE ? AS d", "2024-02-29"), false);
  CHECK_EQ(x.prepared().made, 0u);
  auto off = open_prepared(0);
  check_same(off, read("SELECT ? AS a", 1), false);
}

SCENARIO("when tables change, so do the results of prepared statements") {
  auto x = open_prepared();
  auto control = open(shared_server().settings());
  run(control, "CREATE OR REPLACE TABLE t (a INT, b INT)");
  run(control, "INSERT INTO t VALUES (1, 2)");
  const auto query = read("SELECT * FROM t WHERE a > ?", 0);
  check_same(x, query);
  for (auto change : {"ALTER TABLE t ADD c VARCHAR(10) DEFAULT 'x'", "ALTER TABLE t MODIFY b VARCHAR(20)",
                      "ALTER TABLE t DROP b", "ALTER TABLE t RENAME COLUMN c TO d", "ALTER TABLE t MODIFY a DOUBLE",
                      "ALTER TABLE t MODIFY a INT(9) ZEROFILL", "DROP TABLE t", "CREATE TABLE t (a BIGINT)",
                      "INSERT INTO t VALUES (7)", "TRUNCATE t", "CREATE OR REPLACE VIEW w AS SELECT 1"}) {
    run(control, change);
    std::vector<statement> many(5, query);
    for (auto& outcome : pipeline(x, many))
      CHECK_EQ(text_of(outcome), text_of(attempt(control, query)));
  }
  CHECK_EQ(x.prepared().made, 1u);
}

SCENARIO("a reset forgets prepared statements, and they are prepared again when that pays") {
  auto x = open_prepared();
  const auto query = read("SELECT ? AS a", 1);
  check_same(x, query);
  for (auto i = 0; i < 3; ++i) {
    REQUIRE(finish(x, x.start_reset()).has_value());
    CHECK_EQ(text_of(send_once(x, query)), text_of(attempt(x, query)));
  }
  CHECK_EQ(x.prepared().made, 1u);
  send_often(x, query, 40);
  CHECK_EQ(x.prepared().made, 2u);
}

SCENARIO("when the server has no room, statements go as text, and the server is not asked again soon") {
  private_server server{{"--max-prepared-stmt-count=300", "--max-connections=3"}};
  auto x = open_prepared(100, server.settings());
  auto control = open(server.settings());
  run(control, "SET GLOBAL max_prepared_stmt_count = 3");
  auto all = [&] {
    for (auto i = 0; i < 10; ++i)
      for (auto j = 0; j < 6; ++j)
        CHECK(send_once(x, read("SELECT ? AS c" + std::to_string(j), 1)).has_value());
  };
  all();
  CHECK_EQ(x.prepared().made, 3u);
  CHECK(x.prepared().server_was_full);
  run(control, "SET GLOBAL max_prepared_stmt_count = 100");
  all();
  CHECK_EQ(x.prepared().made, 3u);
  CHECK_EQ(held_by_server(control), 3u);
}

SCENARIO("a connection takes no more than its share of what the server permits to all") {
  private_server server{{"--max-prepared-stmt-count=30", "--max-connections=10"}};
  auto x = open_prepared(100, server.settings());
  for (auto i = 0; i < 10; ++i)
    for (auto j = 0; j < 6; ++j)
      CHECK(send_once(x, read("SELECT ? AS c" + std::to_string(j), 1)).has_value());
  CHECK_EQ(x.prepared().made, 3u);
  CHECK(!x.prepared().server_was_full);
}

SCENARIO("a KILL QUERY stops a prepared statement, and its preparation, and the connection goes on") {
  auto x = open_prepared();
  auto control = open(shared_server().settings());
  const auto slow = read("SELECT SLEEP(?) AS s", 20);
  auto stop = [&] {
    await([&] { return sessions(control, x.server_id(), "SLEEP") > 0; });
    run(control, "KILL QUERY " + std::to_string(x.server_id()));
  };
  send_often(x, read("SELECT SLEEP(?) AS s", 0));
  REQUIRE_EQ(x.prepared().made, 1u);
  REQUIRE(!x.send(slow));
  REQUIRE(!x.send(read("SELECT ? AS a", 7)));
  x.flush();
  stop();
  auto stopped = finish(x, x.next());
  // SLEEP reports that it was stopped in its value, or as an error.
  CHECK(stopped ? (*stopped)[0].get<int>(0) == 1 : stopped.error().number == 1317);
  CHECK_EQ(finish(x, x.next()).value()[0].get<int>(0), 7);
  // A preparation waits for a table that is about to change.
  run(control, "CREATE OR REPLACE TABLE t (a INT)");
  const auto query = read("SELECT a AS locked FROM t WHERE a > ?", 0);
  for (auto i = 1; i < enough; ++i)
    send_once(x, query);
  auto holder = open(shared_server().settings());
  run(holder, "START TRANSACTION");
  run(holder, "SELECT a FROM t");
  auto changer = open(shared_server().settings());
  auto changing = changer.start_execute(write("ALTER TABLE t ADD b INT"));
  await([&] { return waits_for_table(control, changer.server_id()); });
  REQUIRE(!x.send(query));
  x.flush();
  await([&] { return sessions(control, x.server_id(), "AS locked") > 0; });
  run(control, "KILL QUERY " + std::to_string(x.server_id()));
  auto outcome = finish(x, x.next());
  REQUIRE(!outcome.has_value());
  CHECK_EQ(outcome.error().number, 1317u);
  CHECK_EQ(x.prepared().made, 1u);
  run(holder, "COMMIT");
  CHECK(finish(changer, changing).has_value());
  CHECK(x.usable());
  CHECK(send_once(x, query).has_value());
  // A reset parts what was left of the preparation from its connection.
  CHECK(finish(x, x.start_reset()).has_value());
  send_often(x, query, 50);
  CHECK(x.usable());
  CHECK_EQ(x.prepared().made, 2u);
}

SCENARIO("a count that is wrong as text is wrong in a prepared statement, too") {
  auto x = open_prepared();
  run(x, "CREATE OR REPLACE TABLE t (a INT)");
  run(x, "INSERT INTO t VALUES (1), (2), (3)");
  const auto select = "SELECT a FROM t WHERE a > ? ORDER BY a LIMIT ?";
  const auto remove = "DELETE FROM t WHERE a > ? LIMIT ?";
  send_often(x, read(select, 0, 2), 20);
  send_often(x, idempotent_write(remove, 5, 2), 20);
  CHECK_EQ(x.prepared().made, 2u);
  CHECK_EQ(send_once(x, read(select, 0, 2)).value().size(), 2u);
  auto refused = [&x](statement query) {
    auto answered = send_once(x, query);
    return !answered.has_value() && answered.error().number == 1064;
  };
  CHECK(refused(read(select, 0, -1)));
  CHECK(refused(read(select, 0, "2")));
  CHECK(refused(read(select, 0, 1.5)));
  CHECK(refused(read(select, 0, null{})));
  CHECK(refused(idempotent_write(remove, 0, -1)));
  CHECK_EQ(send_once(x, read("SELECT COUNT(*) FROM t")).value()[0].get<int>(0), 3);
}

SCENARIO("when the connection is lost, what was not sent because its text was being prepared is known") {
  auto x = open_prepared();
  auto control = open(shared_server().settings());
  const auto query = read("SELECT ? AS a", 1);
  for (auto i = 1; i < enough; ++i)
    send_once(x, query);
  REQUIRE(!x.send(read("SELECT SLEEP(20)")));
  REQUIRE(!x.send(query)); // Waits for the answer of the one before it.
  CHECK(!x.can_send());
  x.flush();
  CHECK_EQ(x.unsent(), 1u);
  await([&] { return sessions(control, x.server_id(), "SLEEP") > 0; });
  run(control, "KILL " + std::to_string(x.server_id()));
  auto outcome = finish(x, x.next());
  REQUIRE(!outcome.has_value());
  CHECK_EQ(outcome.error().number, 2013u);
  CHECK(!x.usable());
  CHECK_EQ(x.unsent(), 1u);
}

SCENARIO("a result above the limit is refused, however it is sent") {
  auto target = shared_server().settings();
  target.max_result_bytes = 100'000;
  auto x = open_prepared(10, target);
  send_often(x, read("SELECT seq, 'abcdefgh' AS c FROM seq_1_to_100000 WHERE seq < ?", 3));
  REQUIRE_EQ(x.prepared().made, 1u);
  auto outcome = send_once(x, read("SELECT seq, 'abcdefgh' AS c FROM seq_1_to_100000 WHERE seq < ?", 90'000));
  REQUIRE(!outcome.has_value());
  CHECK(outcome.error().source == db::error_source::result_too_large);
  CHECK(!x.usable());
}

SCENARIO("an error in the middle of the rows ends a prepared statement") {
  auto x = open_prepared();
  const auto query = read("SELECT seq, IF(seq > ?, (SELECT 1 UNION SELECT 2), 0) AS c FROM seq_1_to_2000", 1000);
  check_same(x, query);
  CHECK(x.usable());
}

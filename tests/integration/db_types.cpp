#define CAF_SUITE db.types

#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

constexpr auto int64_min = std::numeric_limits<int64_t>::min();
constexpr auto int64_max = std::numeric_limits<int64_t>::max();
constexpr auto uint64_max = std::numeric_limits<uint64_t>::max();

/// A column type and values that must come back as they were sent.
struct round_trip {
  std::string declaration;
  column_type type;
  std::vector<value> values;
};

/// Stores the values and a NULL in a column of that type, reads them back, and finds them by their values.
void check(db::connection& x, const round_trip& sample) {
  MESSAGE(sample.declaration);
  run(x, "CREATE OR REPLACE TEMPORARY TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, c " + sample.declaration + " NULL)");
  for (const auto& v : sample.values)
    run(x, write("INSERT INTO t (c) VALUES (?)", v));
  run(x, write("INSERT INTO t (c) VALUES (?)", nullptr));
  auto rows = run(x, read("SELECT c FROM t ORDER BY id"));
  REQUIRE_EQ(rows.size(), sample.values.size() + 1);
  CHECK_EQ(to_string(rows.columns()[0].type), to_string(sample.type));
  for (size_t i = 0; i < sample.values.size(); ++i)
    CHECK(rows[i].value_at(0) == sample.values[i]);
  CHECK(rows[sample.values.size()].is_null(0));
  CHECK(rows[sample.values.size()].value_at(0) == value{null{}});
  if (sample.type == column_type::bit)
    return; // The server compares BIT as a number: it is found by an integer, not by bytes.
  for (size_t i = 0; i < sample.values.size(); ++i) {
    auto found = run(x, read("SELECT id FROM t WHERE c = ?", sample.values[i]));
    CHECK(!found.empty());
  }
}

void check_all(db::connection& x, const std::vector<round_trip>& all) {
  for (const auto& sample : all)
    check(x, sample);
}

db::connection connect() {
  auto result = open(shared_server().settings());
  run(result, "SET time_zone = '+00:00'");
  return result;
}

/// A result of one cell.
value single(db::connection& x, const std::string& expression) {
  return run(x, "SELECT " + expression)[0].value_at(0);
}

column_type type_of(db::connection& x, const std::string& expression) {
  return run(x, "SELECT " + expression).columns()[0].type;
}

std::string all_bytes() {
  std::string result;
  for (int i = 0; i < 256; ++i)
    result += static_cast<char>(i);
  return result;
}

} // namespace

SCENARIO("integers of every width come back at their extremes") {
  auto x = connect();
  check_all(x, {{"TINYINT", column_type::integer, {int64_t{-128}, int64_t{0}, int64_t{127}}},
                {"BOOLEAN", column_type::integer, {int64_t{0}, int64_t{1}}},
                {"SMALLINT", column_type::integer, {int64_t{-32'768}, int64_t{32'767}}},
                {"MEDIUMINT", column_type::integer, {int64_t{-8'388'608}, int64_t{8'388'607}}},
                {"INT", column_type::integer, {int64_t{-2'147'483'648}, int64_t{2'147'483'647}}},
                {"BIGINT", column_type::integer, {int64_min, int64_t{-1}, int64_t{0}, int64_max}},
                {"TINYINT UNSIGNED", column_type::unsigned_integer, {uint64_t{0}, uint64_t{255}}},
                {"SMALLINT UNSIGNED", column_type::unsigned_integer, {uint64_t{65'535}}},
                {"MEDIUMINT UNSIGNED", column_type::unsigned_integer, {uint64_t{16'777'215}}},
                {"INT UNSIGNED", column_type::unsigned_integer, {uint64_t{4'294'967'295}}},
                {"BIGINT UNSIGNED", column_type::unsigned_integer, {uint64_t{0}, uint64_max}},
                {"INT ZEROFILL", column_type::unsigned_integer, {uint64_t{7}}},
                {"YEAR", column_type::integer, {int64_t{1901}, int64_t{2155}, int64_t{0}}}});
}

SCENARIO("floating-point numbers come back bit by bit") {
  auto x = connect();
  check_all(x, {{"DOUBLE",
                 column_type::real,
                 {0.0, 0.1, -1.5, 1.0 / 3, 1e23, 9007199254740993.0, std::numeric_limits<double>::max(),
                  std::numeric_limits<double>::lowest(), std::numeric_limits<double>::min(),
                  std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::epsilon()}},
                {"FLOAT", column_type::real, {0.5, -1.5, 1e10}}});
  // A double is a DOUBLE for the server, too, and not a DECIMAL.
  CHECK(run(x, read("SELECT ?", 1.0)).columns()[0].type == column_type::real);
  CHECK_EQ(run(x, read("SELECT ? / 3", 1.0))[0].get<double>(0), 1.0 / 3);
}

SCENARIO("decimals come back digit by digit") {
  auto x = connect();
  check_all(x,
            {{"DECIMAL(65, 0)",
              column_type::decimal,
              {decimal{std::string(65, '9')}, decimal{"-" + std::string(65, '9')}, decimal{"0"}}},
             {"DECIMAL(65, 38)",
              column_type::decimal,
              {decimal{std::string(27, '9') + "." + std::string(38, '9')}, decimal{"0." + std::string(37, '0') + "1"}}},
             {"DECIMAL(10, 3)", column_type::decimal, {decimal{"-12.340"}, decimal{"0.000"}}}});
}

SCENARIO("dates and times come back with everything that is special about them") {
  auto x = connect();
  check_all(
      x,
      {{"DATE", column_type::date, {date{}, date{2024, 0, 0}, date{2024, 2, 29}, date{1000, 1, 1}, date{9999, 12, 31}}},
       {"DATETIME", column_type::datetime, {datetime{}, datetime{2024, 2, 29, 23, 59, 59, 0}}},
       {"DATETIME(6)",
        column_type::datetime,
        {datetime{2024, 2, 29, 1, 2, 3, 4}, datetime{9999, 12, 31, 23, 59, 59, 999'999}, datetime{}}},
       {"DATETIME(3)", column_type::datetime, {datetime{2024, 2, 29, 1, 2, 3, 40'000}}},
       {"TIMESTAMP", column_type::datetime, {datetime{1970, 1, 1, 0, 0, 1, 0}, datetime{}}},
       {"TIMESTAMP(6)",
        column_type::datetime,
        {datetime{2038, 1, 19, 3, 14, 7, 999'999}, datetime{2024, 2, 29, 1, 2, 3, 4}}},
       {"TIME",
        column_type::time,
        {cenote::time{}, cenote::time{false, 838, 59, 59, 0}, cenote::time{true, 838, 59, 59, 0},
         cenote::time{true, 0, 0, 1, 0}}},
       {"TIME(6)",
        column_type::time,
        {cenote::time{true, 838, 59, 59, 999'999}, cenote::time{true, 0, 0, 0, 1}, cenote::time{false, 1, 2, 3, 4}}}});
}

SCENARIO("text comes back with every character that UTF-8 has") {
  const std::vector<value> texts{std::string{}, std::string{"'\"`\\%_"}, std::string{"a\0b", 3},
                                 std::string{"\xF0\x9F\x8D\x9C"}, std::string{"\xE6\xBC\xAB\xE7\x94\xBB \xC3\xA4"}};
  for (auto mode : {"", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"}) {
    MESSAGE("sql_mode = '" << mode << "'");
    auto x = connect();
    run(x, write("SET sql_mode = ?", mode));
    check_all(x, {{"CHAR(20)", column_type::text, texts},
                  {"VARCHAR(20)", column_type::text, texts},
                  {"TINYTEXT", column_type::text, texts},
                  {"TEXT", column_type::text, texts},
                  {"MEDIUMTEXT", column_type::text, texts},
                  {"LONGTEXT", column_type::text, texts},
                  {"VARCHAR(20) CHARACTER SET latin1", column_type::text, {std::string{"\xC3\xA4'\\"}}},
                  {"VARCHAR(20) CHARACTER SET utf16", column_type::text, {std::string{"\xF0\x9F\x8D\x9C'\\"}}},
                  {"ENUM('a', 'it''s', '\xF0\x9F\x8D\x9C')",
                   column_type::text,
                   {std::string{"it's"}, std::string{"\xF0\x9F\x8D\x9C"}}},
                  {"SET('a', 'b', 'c')", column_type::text, {std::string{"a,c"}, std::string{}}},
                  {"UUID", column_type::text, {std::string{"123e4567-e89b-12d3-a456-426655440000"}}},
                  {"INET6", column_type::text, {std::string{"2001:db8::ff00:42:8329"}, std::string{"::"}}}});
  }
}

SCENARIO("bytes come back one by one, whatever they are") {
  std::string zeros(3, '\0');
  for (auto mode : {"", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"}) {
    MESSAGE("sql_mode = '" << mode << "'");
    auto x = connect();
    run(x, write("SET sql_mode = ?", mode));
    const std::vector<value> values{bytes{}, bytes{all_bytes()}, bytes{zeros}, bytes{"'\"`\\"}};
    check_all(x,
              {{"VARBINARY(256)", column_type::bytes, values},
               {"BINARY(3)", column_type::bytes, {bytes{zeros}, bytes{"'\\\""}}},
               {"TINYBLOB", column_type::bytes, {bytes{}, bytes{all_bytes().substr(1)}}},
               {"BLOB", column_type::bytes, values},
               {"MEDIUMBLOB", column_type::bytes, values},
               {"LONGBLOB", column_type::bytes, values},
               {"BIT(1)", column_type::bit, {bytes{std::string(1, '\0')}, bytes{"\x01"}}},
               {"BIT(12)", column_type::bit, {bytes{"\x0F\xFF"}}},
               {"BIT(64)", column_type::bit, {bytes{std::string(8, '\xFF')}, bytes{std::string(7, '\0') + "\x01"}}}});
  }
}

SCENARIO("bits are stored as bytes and found by their number") {
  auto x = connect();
  run(x, "CREATE TEMPORARY TABLE b (c BIT(64))");
  run(x, write("INSERT INTO b VALUES (?), (?)", bytes{std::string(8, '\xFF')}, bytes{"\x01\x02"}));
  CHECK(run(x, read("SELECT c FROM b WHERE c = ?", uint64_max))[0].get<bytes>(0) == bytes{std::string(8, '\xFF')});
  CHECK(run(x, read("SELECT c FROM b WHERE c = ?", 0x0102))[0].get<bytes>(0)
        == bytes{std::string(6, '\0') + "\x01\x02"});
}

SCENARIO("JSON is told from other text") {
  auto x = connect();
  check(x, {"JSON",
            column_type::json,
            {std::string{R"({"a": "it's \"\\u00e4\" \\ ? "})"}, std::string{"[]"}, std::string{"null"}}});
  CHECK(type_of(x, "JSON_OBJECT('a', 1)") == column_type::json);
}

SCENARIO("a geometry comes as the server stores it: SRID and WKB") {
  auto x = connect();
  run(x, "CREATE OR REPLACE TEMPORARY TABLE t (c GEOMETRY NULL, p POINT NULL)");
  run(x, write("INSERT INTO t VALUES (ST_GeomFromText(?), NULL)", "POINT(1 2)"));
  auto rows = run(x, read("SELECT c, p, ST_AsText(c) FROM t"));
  CHECK(rows.columns()[0].type == column_type::bytes);
  CHECK(rows.columns()[1].type == column_type::bytes);
  auto stored = rows[0].get<bytes>(0);
  CHECK_EQ(stored.data.size(), 25u);
  CHECK(rows[0].is_null(1));
  CHECK_EQ(rows[0].get<std::string>(2), "POINT(1 2)");
  run(x, write("UPDATE t SET p = ?", stored));
  CHECK(run(x, read("SELECT p FROM t"))[0].get<bytes>(0) == stored);
}

SCENARIO("every kind of parameter can be NULL, and NULL of no type has a type of its own") {
  auto x = connect();
  auto rows = run(x, read("SELECT ?, ? IS NULL", nullptr, std::optional<int>{}));
  CHECK(rows.columns()[0].type == column_type::null);
  CHECK(rows[0].is_null(0));
  CHECK_EQ(rows[0].get<int>(1), 1);
}

SCENARIO("expressions have the type that the server gives them") {
  auto x = connect();
  CHECK(single(x, "1 + 1") == value{int64_t{2}});
  CHECK(single(x, "COUNT(*)") == value{int64_t{1}});
  CHECK(single(x, "CAST(1 AS UNSIGNED)") == value{uint64_t{1}});
  CHECK(single(x, "-9223372036854775808") == value{int64_min});
  CHECK(single(x, "1.50") == value{decimal{"1.50"}});
  CHECK(single(x, "SUM(1)") == value{decimal{"1"}});
  CHECK(single(x, "1e0 / 3") == value{1.0 / 3});
  CHECK(single(x, "CONCAT('a', 1)") == value{std::string{"a1"}});
  CHECK(single(x, "CAST('a' AS BINARY)") == value{bytes{"a"}});
  CHECK(single(x, "TRUE") == value{int64_t{1}});
  CHECK(single(x, "DATE '2024-01-31'") == (value{date{2024, 1, 31}}));
  CHECK(single(x, "TIMESTAMP '2024-01-31 01:02:03'") == (value{datetime{2024, 1, 31, 1, 2, 3, 0}}));
  CHECK(single(x, "SEC_TO_TIME(-3661)") == (value{cenote::time{true, 1, 1, 1, 0}}));
  CHECK(type_of(x, "NOW(6)") == column_type::datetime);
  CHECK(type_of(x, "CURTIME()") == column_type::time);
  CHECK(type_of(x, "CURDATE()") == column_type::date);
  CHECK(type_of(x, "USER()") == column_type::text);
}

SCENARIO("columns are named in UTF-8, and names need not differ") {
  auto x = connect();
  auto rows = run(x, "SELECT 1 AS `\xE6\xBC\xAB\xE7\x94\xBB`, 2 AS a, 3 AS a, 4 AS ``");
  CHECK_EQ(rows.columns()[0].name, "\xE6\xBC\xAB\xE7\x94\xBB");
  CHECK_EQ(rows.columns()[1].name, "a");
  CHECK_EQ(rows.columns()[2].name, "a");
  CHECK_EQ(rows.columns()[3].name, "");
  CHECK_EQ(rows[0].get<int>("a"), 2);
}

SCENARIO("dates and times are compared as what they are, and every value that a column takes is stored") {
  const std::vector<cenote::time> times{{true, 838, 59, 59, 999'999},
                                        {true, 100, 0, 0, 0},
                                        {true, 9, 0, 0, 0},
                                        {true, 0, 0, 0, 1},
                                        {},
                                        {false, 0, 0, 0, 1},
                                        {false, 9, 0, 0, 0},
                                        {false, 9, 0, 0, 500'000},
                                        {false, 10, 0, 0, 0},
                                        {false, 100, 0, 0, 0},
                                        {false, 838, 59, 59, 0},
                                        {false, 838, 59, 59, 999'999}};
  for (const auto* mode : {"", "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"}) {
    MESSAGE("sql_mode = '" << mode << "'");
    auto x = connect();
    run(x, write("SET sql_mode = ?", mode));
    run(x, "CREATE OR REPLACE TEMPORARY TABLE t (t TIME(6) NULL, d DATE NULL, dt DATETIME(6) NULL)");
    for (size_t a = 0; a < times.size(); ++a) {
      for (size_t b = 0; b < times.size(); ++b) {
        auto row = run(x, read("SELECT ? < ?, ? = ?, LEAST(?, ?) = ?", times[a], times[b], times[a], times[b], times[a],
                               times[b], times[std::min(a, b)]));
        CHECK_EQ(row[0].get<bool>(0), a < b);
        CHECK_EQ(row[0].get<bool>(1), a == b);
        CHECK_EQ(row[0].get<bool>(2), true);
      }
      run(x, "DELETE FROM t");
      run(x, write("INSERT INTO t (t) VALUES (?)", times[a]));
      CHECK(run(x, read("SELECT t FROM t WHERE t = ?", times[a]))[0].value_at(0) == value{times[a]});
    }
    CHECK(run(x, read("SELECT ? = ? AND ? < ?", date{2024, 1, 31}, datetime{2024, 1, 31, 0, 0, 0, 0}, date{2024, 1, 31},
                      datetime{2024, 1, 31, 0, 0, 0, 1}))[0]
              .get<bool>(0));
    CHECK(run(x, read("SELECT ?", cenote::time{false, 9, 0, 0, 0})).columns()[0].type == column_type::time);
    CHECK(run(x, read("SELECT ?", times[1]))[0].value_at(0) == value{times[1]});
    const datetime last{9999, 12, 31, 23, 59, 59, 999'999};
    CHECK(run(x, read("SELECT ?", last))[0].value_at(0) == value{last});
    CHECK(run(x, read("SELECT ?", date{2024, 2, 29}))[0].value_at(0) == (value{date{2024, 2, 29}}));
    // Behind the name of a type they are the text that belongs there.
    CHECK(run(x, read("SELECT DATE ?, timestamp\n?, (TIME?)", date{2024, 2, 29}, last, times[1]))[0].value_at(0)
          == (value{date{2024, 2, 29}}));
    CHECK_EQ(run(x, read("SELECT CONCAT(?, ' ', ?, ' ', ?)", date{2024, 2, 29}, times[7],
                         datetime{2024, 1, 2, 3, 4, 5, 0}))[0]
                 .get<std::string>(0),
             "2024-02-29 09:00:00.500000 2024-01-02 03:04:05");
    CHECK_EQ(run(x, read("SELECT JSON_OBJECT('d', ?, 't', ?, 'dt', ?)", date{2024, 2, 29}, times[1],
                         datetime{2024, 1, 2, 3, 4, 5, 0}))[0]
                 .get<std::string>(0),
             R"({"d": "2024-02-29", "t": "-100:00:00", "dt": "2024-01-02 03:04:05"})");
    if (std::string_view{mode}.starts_with("STRICT")) {
      CHECK_EQ(fail(x, write("INSERT INTO t (d) VALUES (?)", date{})).number, 1292u);
      continue;
    }
    for (auto odd : {date{}, date{2024, 0, 0}, date{2024, 2, 0}, date{0, 1, 1}, date{1, 1, 1}, date{9999, 12, 31}}) {
      run(x, "DELETE FROM t");
      run(x, write("INSERT INTO t (d, dt) VALUES (?, ?)", odd, datetime{odd.year, odd.month, odd.day, 0, 0, 0, 0}));
      CHECK(run(x, read("SELECT d FROM t WHERE d = ?", odd))[0].value_at(0) == value{odd});
    }
    run(x, "SET sql_mode = 'ALLOW_INVALID_DATES'");
    run(x, write("INSERT INTO t (d) VALUES (?)", date{2024, 2, 31}));
    CHECK_EQ(run(x, read("SELECT d FROM t WHERE d = ?", date{2024, 2, 31})).size(), 1u);
  }
}

SCENARIO("a char is sent as text, and a null pointer as NULL") {
  auto x = connect();
  const char* none = nullptr;
  auto row = run(x, read("SELECT ?, ?, ?, ? IS NULL", 'A', int8_t{65}, '\'', none));
  CHECK_EQ(row[0].get<char>(0), 'A');
  CHECK_EQ(row[0].get<int8_t>(1), 65);
  CHECK_EQ(row[0].get<std::string>(2), "'");
  CHECK(row[0].get<bool>(3));
}

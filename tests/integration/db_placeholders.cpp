#define CAF_SUITE db.placeholders

#include "db/placeholders.hpp"

#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <limits>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

/// Replaces each placeholder by a digit: its number.
std::string numbered(std::string sql, db::quoting mode = {}) {
  db::placeholder_finder finder{sql, mode};
  auto result = sql;
  auto number = '1';
  for (auto pos = finder.next(); pos != db::placeholder_finder::npos; pos = finder.next())
    result[pos] = number++;
  return result;
}

std::string all_bytes() {
  std::string result;
  for (int i = 0; i < 256; ++i)
    result += static_cast<char>(i);
  return result;
}

} // namespace

SCENARIO("a question mark outside of quotes and comments is a placeholder") {
  CHECK_EQ(numbered("?"), "1");
  CHECK_EQ(numbered("SELECT ?, ?"), "SELECT 1, 2");
  CHECK_EQ(numbered("a=?AND b=?"), "a=1AND b=2");
  CHECK_EQ(numbered("SELECT 1"), "SELECT 1");
  CHECK_EQ(numbered(""), "");
  CHECK_EQ(numbered("??"), "12");
  CHECK_EQ(numbered("5-?"), "5-1");
  CHECK_EQ(numbered("5/?"), "5/1");
  CHECK_EQ(numbered("? :a ?"), "1 :a 2");
}

SCENARIO("a question mark in quotes is text") {
  CHECK_EQ(numbered("'?', ?"), "'?', 1");
  CHECK_EQ(numbered("\"?\", ?"), "\"?\", 1");
  CHECK_EQ(numbered("`?`, ?"), "`?`, 1");
  CHECK_EQ(numbered("'it''s ?', ?"), "'it''s ?', 1");
  CHECK_EQ(numbered("'\"?', ?"), "'\"?', 1");
  CHECK_EQ(numbered("`a``?`, ?"), "`a``?`, 1");
  CHECK_EQ(numbered("'?"), "'?");
  CHECK_EQ(numbered("x'?', ?"), "x'?', 1");
}

SCENARIO("a backslash escapes a quote unless the SQL mode says otherwise") {
  CHECK_EQ(numbered(R"('\'?', ?)"), R"('\'?', 1)");
  CHECK_EQ(numbered(R"('\\', ?)"), R"('\\', 1)");
  CHECK_EQ(numbered(R"("\"?", ?)"), R"("\"?", 1)");
  CHECK_EQ(numbered(R"(`\`, ?)"), R"(`\`, 1)");
  CHECK_EQ(numbered(R"('\)"), R"('\)");
  db::quoting plain{false, false};
  CHECK_EQ(numbered(R"('\', ?)", plain), R"('\', 1)");
  CHECK_EQ(numbered(R"("\", ?)", plain), R"("\", 1)");
  db::quoting ansi{true, true};
  CHECK_EQ(numbered(R"("\", ?)", ansi), R"("\", 1)");
  CHECK_EQ(numbered(R"('\'?', ?)", ansi), R"('\'?', 1)");
}

SCENARIO("a question mark in a comment is text") {
  CHECK_EQ(numbered("-- ?\n?"), "-- ?\n1");
  CHECK_EQ(numbered("--\t?\n?"), "--\t?\n1");
  CHECK_EQ(numbered("--\n?"), "--\n1");
  CHECK_EQ(numbered("# ?\n?"), "# ?\n1");
  CHECK_EQ(numbered("/* ? */ ?"), "/* ? */ 1");
  CHECK_EQ(numbered("/*+ ? */ ?"), "/*+ ? */ 1");
  CHECK_EQ(numbered("/**/?"), "/**/1");
  CHECK_EQ(numbered("/* ' */ ?"), "/* ' */ 1");
  CHECK_EQ(numbered("/* /* ? */ ?"), "/* /* ? */ 1");
  CHECK_EQ(numbered("/* ?"), "/* ?");
  CHECK_EQ(numbered("-- ' \n?"), "-- ' \n1");
  CHECK_EQ(numbered("?--"), "1--");
  CHECK_EQ(numbered("?-- ?"), "1-- ?");
}

SCENARIO("what only looks like a comment is none") {
  CHECK_EQ(numbered("1--?"), "1--1");
  CHECK_EQ(numbered("1--'?'--?"), "1--'?'--1");
  CHECK_EQ(numbered("1 - - ?"), "1 - - 1");
  CHECK_EQ(numbered("'-- ' ?"), "'-- ' 1");
  CHECK_EQ(numbered("'/*' ?"), "'/*' 1");
  CHECK_EQ(numbered("4 / ? * 2"), "4 / 1 * 2");
}

SCENARIO("the search for placeholders ends at an executable comment") {
  std::string sql = "SELECT ? /*!50000 , ? */, ?";
  db::placeholder_finder finder{sql, {}};
  CHECK_EQ(finder.next(), 7u);
  CHECK_EQ(finder.next(), db::placeholder_finder::npos);
  CHECK(finder.met() == db::uncertainty::executable_comment);
  CHECK_EQ(numbered("/*M! ? */"), "/*M! ? */");
}

SCENARIO("strings reach the server byte for byte in every SQL mode") {
  const std::vector<std::string> texts{"",
                                       "plain",
                                       "'",
                                       "''",
                                       "\"",
                                       "`",
                                       "\\",
                                       "\\'",
                                       "'\\",
                                       "a\\",
                                       "%_",
                                       "'; DROP TABLE t; -- ",
                                       std::string{"a\0b", 3},
                                       std::string{"\0", 1},
                                       "\n\r\t\b\x1a",
                                       "\xF0\x9F\x8D\x9C \xE6\xBC\xAB\xE7\x94\xBB",
                                       "\xE6\xBC\xAB'\\\"",
                                       "?",
                                       std::string(100'000, '\'')};
  for (const auto& mode : all_sql_modes) {
    MESSAGE("sql_mode = '" << mode << "'");
    auto x = open_with_mode(mode);
    for (const auto& text : texts) {
      auto rows = run(x, read("SELECT ?, HEX(?), LENGTH(?)", text, text, text));
      CHECK_EQ(rows[0].get<std::string>(0), text);
      CHECK_EQ(rows[0].get<size_t>(2), text.size());
    }
    auto binary = run(x, read("SELECT ?, LENGTH(?)", bytes{all_bytes()}, bytes{all_bytes()}));
    CHECK(binary[0].get<bytes>(0) == bytes{all_bytes()});
    CHECK_EQ(binary[0].get<size_t>(1), 256u);
    CHECK(run(x, read("SELECT ?", bytes{}))[0].get<bytes>(0) == bytes{});
  }
}

SCENARIO("the server reads quotes as the search for placeholders does") {
  for (const auto& mode : all_sql_modes) {
    MESSAGE("sql_mode = '" << mode << "'");
    auto x = open_with_mode(mode);
    auto rows = run(x, read(R"(SELECT '\n?\x', ?)", "' or 1"));
    CHECK_EQ(rows[0].get<std::string>(0), contains(mode, "NO_BACKSLASH") ? "\\n?\\x" : "\n?x");
    CHECK_EQ(rows[0].get<std::string>(1), "' or 1");
    if (contains(mode, "ANSI")) {
      auto named = run(x, read(R"(SELECT 1 AS "?\x", ? AS `\?`)", "' or 1"));
      CHECK_EQ(named.columns()[0].name, "?\\x");
      CHECK_EQ(named.columns()[1].name, "\\?");
      CHECK_EQ(named[0].get<std::string>(1), "' or 1");
    } else {
      auto quoted = run(x, read(R"(SELECT "a""?", ?)", "' or 1"));
      CHECK_EQ(quoted[0].get<std::string>(0), "a\"?");
      CHECK_EQ(quoted[0].get<std::string>(1), "' or 1");
    }
    CHECK_EQ(run(x, read("SELECT /* ? ' */ ? -- ? '\n + ? # ?", 1, 2))[0].get<int>(0), 3);
  }
}

SCENARIO("where the SQL mode decides which quotes end, parameters are refused") {
  auto x = open(shared_server().settings());
  for (auto sql : {R"(SELECT '\'?', ?)", R"(SELECT '\', ?)", R"(SELECT "\"", ?)", R"(SELECT "\", ?)",
                   R"(SELECT ? "\" , ?)", R"(SELECT '\\\', ?, ' ')"}) {
    MESSAGE(sql);
    auto error = fail(x, read(sql, 1));
    CHECK(error.source == db::error_source::invalid_statement);
    CHECK(contains(error.text, "write a quote in a text twice"));
  }
  // The positions are the same in every mode.
  CHECK_EQ(run(x, read(R"(SELECT '\\', ?)", 1))[0].get<int>(1), 1);
  CHECK_EQ(run(x, read(R"(SELECT '\%', ?, `\`, '\_' FROM (SELECT 1 AS `\`) t)", 1))[0].get<int>(1), 1);
  // Without parameters, it is the server's business.
  CHECK_EQ(run(x, R"(SELECT 'it\'s ?')")[0].get<std::string>(0), "it's ?");
}

SCENARIO("where the server or its character set decides what is a comment or a quote, parameters are refused") {
  auto x = open(shared_server().settings());
  struct row {
    const char* sql;
    const char* advice;
  };
  for (auto [sql, advice] :
       {row{"SELECT 1 --\xa0?\n+ ?", "space behind the --"}, row{"SELECT 1 --\xc3\xa9, ?", "space behind the --"},
        row{"SELECT /*+ QB_NAME(`*/`) */ ?", "hint"}, row{"SELECT $$ ' $$, ?", "$$"}, row{"SELECT $a$ ' $a$, ?", "$$"},
        row{"SELECT /*!50000 ? */ + ?", "executable comment"}}) {
    MESSAGE(sql);
    auto error = fail(x, read(sql, 1));
    CHECK(error.source == db::error_source::invalid_statement);
    CHECK(contains(error.text, advice));
  }
  run(x, "SET NAMES latin1");
  CHECK_EQ(run(x, "SELECT 1 --\xa0 + ? '\n + 1")[0].get<int>(0), 2);
  CHECK(contains(fail(x, read("SELECT 1 --\xa0' ?\n + 1 -- '", "OR")).text, "--"));
}

SCENARIO("a literal never melts into what is beside it") {
  auto x = open(shared_server().settings());
  run(x, "CREATE TEMPORARY TABLE melt (a INT, b INT)");
  run(x, "INSERT INTO melt VALUES (1, 2), (3, 4)");
  CHECK_EQ(run(x, read("SELECT a FROM melt WHERE a=?AND b=?ORDER BY 1 LIMIT?", 1, 2, 5)).size(), 1u);
  CHECK_EQ(run(x, read("SELECT 5-?", -1))[0].get<int>(0), 6);
  CHECK_EQ(run(x, read("SELECT 5--?", -1))[0].get<int>(0), 4);
  CHECK_EQ(run(x, read("SELECT 5--?", 1))[0].get<int>(0), 6);
  CHECK_EQ(run(x, read("SELECT -?", std::numeric_limits<int64_t>::max()))[0].get<int64_t>(0),
           -std::numeric_limits<int64_t>::max());
  CHECK_EQ(run(x, read("SELECT CONCAT(?,?)", "a", "b"))[0].get<std::string>(0), "ab");
  CHECK_EQ(fail(x, read("SELECT 'a'FROM?", "b")).number, 1064u);
  CHECK_EQ(run(x, read("SELECT? AS a", 7))[0].get<int>("a"), 7);
  CHECK_EQ(run(x, read("SELECT ?AS a", 7))[0].get<int>("a"), 7);
  CHECK_EQ(fail(x, read("SELECT X?", "41")).number, 1054u); // Column X, not the literal X'41'.
  CHECK_EQ(fail(x, read("SELECT @?", "a")).number, 1064u);  // Not the variable @'a'.
}

SCENARIO("a statement with a wrong number of parameters is refused before anything is sent") {
  auto x = open(shared_server().settings());
  auto before = run(x, read("SHOW SESSION STATUS LIKE 'Questions'"))[0].get<std::string>(1);
  auto none = fail(x, read("SELECT ?"));
  CHECK(none.source == db::error_source::invalid_statement);
  CHECK(none.phase == db::phase::preparing);
  CHECK_EQ(none.number, 0u);
  CHECK_EQ(none.text,
           "the statement has 1 placeholder (?) but no parameters: give a value for each, or put a ? that is "
           "meant as text in quotes");
  CHECK_EQ(fail(x, read("SELECT ?, ?, ?", 1, 2)).text,
           "the statement has 3 placeholders (?) but 2 parameters: give one value for each ?");
  CHECK_EQ(fail(x, read("SELECT ?", 1, 2)).text,
           "the statement has 1 placeholder (?) but 2 parameters: give one value for each ?");
  CHECK_EQ(fail(x, read("SELECT '?'", 1)).text,
           "the statement has 0 placeholders (?) but 1 parameter: give one value for each ?");
  CHECK(x.usable());
  CHECK(x.alive());
  auto after = run(x, read("SHOW SESSION STATUS LIKE 'Questions'"))[0].get<std::string>(1);
  CHECK_EQ(std::stoi(after), std::stoi(before) + 1);
}

SCENARIO("a statement without parameters is sent as it is") {
  auto x = open(shared_server().settings());
  auto rows = run(x, R"(SELECT '?', "?" /* ? */ -- ?)");
  CHECK_EQ(rows[0].get<std::string>(0), "?");
  CHECK_EQ(run(x, "SELECT 1 /*!50000 + 1 */ /*M! + 1 */")[0].get<int>(0), 3);
  CHECK_EQ(run(x, "SELECT /*!99999 don't */ 2")[0].get<int>(0), 2);
  CHECK_EQ(fail(x, "SELECT ? /*! + 1 */").number, 1064u);
}

SCENARIO("parameters beside an executable comment are refused") {
  auto x = open(shared_server().settings());
  auto error = fail(x, read("SELECT /*!99999 ' */ ? /* ' */", " */ OR 1"));
  CHECK(error.source == db::error_source::invalid_statement);
  CHECK(contains(error.text, "executable comment"));
}

SCENARIO("values that SQL cannot hold are refused with the number of the parameter") {
  auto x = open(shared_server().settings());
  auto refused = [&x](auto bad) {
    auto error = fail(x, read("SELECT ?, ?", 1, bad));
    CHECK(error.source == db::error_source::invalid_statement);
    CHECK(error.phase == db::phase::preparing);
    CHECK(error.text.starts_with("parameter 2 "));
    return error.text;
  };
  CHECK_EQ(refused(std::numeric_limits<double>::quiet_NaN()),
           "parameter 2 is not a finite number: SQL has no NaN and no infinity, use NULL");
  refused(std::numeric_limits<double>::infinity());
  refused(-std::numeric_limits<double>::infinity());
  for (auto digits :
       {"", "-", ".", "1.", ".5", "1e5", "1,5", " 1", "1 ", "+1", "--1", "1.2.3", "0x10", "1); DROP TABLE t", "NULL"})
    CHECK_EQ(refused(decimal{digits}),
             "parameter 2 is not a decimal number: write it as -12.340, with at most 65 digits");
  refused(decimal{std::string(66, '9')});
  refused(decimal{std::string(60, '9') + "." + std::string(6, '9')});
  CHECK_EQ(refused(date{10'000, 1, 1}), "parameter 2 is out of the range of a date: the last is 9999-12-31");
  refused(date{2024, 13, 1});
  refused(datetime{2024, 1, 1, 24, 0, 0, 0});
  refused(datetime{2024, 1, 1, 0, 0, 0, 1'000'000});
  refused(cenote::time{false, 839, 0, 0, 0});
  CHECK(x.usable());
}

SCENARIO("a NUL in the SQL text is refused, in a parameter it is data") {
  auto x = open(shared_server().settings());
  auto error = fail(x, read(std::string{"SELECT 'a\0b'", 12}));
  CHECK(error.source == db::error_source::invalid_statement);
  CHECK_EQ(error.text, "the SQL text has a NUL at byte 9: pass such text as a parameter");
  CHECK_EQ(run(x, read("SELECT LENGTH(?)", std::string(3, '\0')))[0].get<int>(0), 3);
}

SCENARIO("a session in another character set takes everything without parameters, and parameters beside ASCII") {
  for (auto name : {"gbk", "big5", "sjis", "latin1", "swe7", "koi8r", "cp932", "euckr", "gb2312"}) {
    MESSAGE(name);
    auto x = open(shared_server().settings());
    run(x, "BEGIN");
    run(x, "SET NAMES " + std::string{name});
    run(x, "SELECT '?\xe9'");
    CHECK_EQ(run(x, read("SELECT ? = ? AND LENGTH(?) = 4", "a'\"\\", "a'\"\\", "\\'? "))[0].get<int>(0), 1);
    CHECK_EQ(run(x, read("SELECT LENGTH(?)", "\\' OR 1 -- "))[0].get<int>(0), 11);
    if (std::string_view{name} == "gbk" || std::string_view{name} == "big5") {
      // The backslash is the second half of a character.
      CHECK_EQ(run(x, read("SELECT LENGTH(?)", "\xb5\\\xb5\\"))[0].get<int>(0), 4);
      // Half a character cannot take the quote behind it away.
      auto error = fail(x, read("SELECT ?", "\xbf' OR 1 -- "));
      CHECK_EQ(error.number, 1300u);
      auto beside = fail(x, read("SELECT '\xb5\\', ?", 1));
      CHECK(beside.source == db::error_source::invalid_statement);
      CHECK(contains(beside.text, name));
    }
    run(x, "COMMIT");
    run(x, "SET NAMES utf8mb4");
    CHECK_EQ(run(x, read("SELECT ?", "\xc3\xa9\\"))[0].get<std::string>(0), "\xc3\xa9\\");
  }
}

SCENARIO("a statement as large as the server permits is sent, and one byte more is not") {
  auto x = open(shared_server().settings());
  auto limit = run(x, read("SELECT @@max_allowed_packet"))[0].get<size_t>(0);
  std::string frame = "SELECT LENGTH('')";
  auto largest = run(x, "SELECT LENGTH('" + std::string(limit - 2 - frame.size(), 'x') + "')");
  CHECK_EQ(largest[0].get<size_t>(0), limit - 2 - frame.size());
  auto error = fail(x, "SELECT LENGTH('" + std::string(limit - 1 - frame.size(), 'x') + "')");
  CHECK(error.source == db::error_source::invalid_statement);
  CHECK(error.phase == db::phase::preparing);
  CHECK(contains(error.text, "max_allowed_packet"));
  CHECK(contains(error.text, std::to_string(limit - 2)));
  CHECK(contains(fail(x, read("SELECT LENGTH(?)", bytes{std::string(limit / 2, 'x')})).text, "max_allowed_packet"));
  CHECK_EQ(run(x, "SELECT 1")[0].get<int>(0), 1);
}

SCENARIO("the setting max_allowed_packet lowers the limit") {
  auto target = shared_server().settings();
  target.max_allowed_packet = 100;
  auto x = open(target);
  CHECK_EQ(run(x, "SELECT '" + std::string(91, 'x') + "'").size(), 1u);
  CHECK(contains(fail(x, "SELECT '" + std::string(92, 'x') + "'").text, "permits 100"));
}

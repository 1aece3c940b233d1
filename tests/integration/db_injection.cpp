// A parameter means what its caller wrote, whatever SQL mode the session has, whatever the server says about it, and
// whatever stands beside the placeholder.

#define CAF_SUITE db.injection

#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <array>
#include <random>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

/// Something that makes the server report another SQL mode than the session has, or may.
struct liar {
  const char* name;
  std::vector<std::string> sql; ///< Some of them may fail.
};

/// Creates stored programs that set the SQL mode, once for all.
void create_programs() {
  static const auto done = [] {
    auto x = open(shared_server().settings());
    const std::string set = " BEGIN SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'; ";
    const std::string clear = " BEGIN SET sql_mode = ''; ";
    for (auto& [name, body] : {std::pair{"set", set}, std::pair{"clear", clear}}) {
      auto n = std::string{name};
      run(x, "CREATE OR REPLACE FUNCTION f_" + n + "() RETURNS INT NO SQL" + body + "RETURN 1; END");
      run(x, "CREATE OR REPLACE FUNCTION bad_" + n + "() RETURNS INT NO SQL" + body
                 + "SIGNAL SQLSTATE '45000'; RETURN 1; END");
      run(x, "CREATE OR REPLACE PROCEDURE p_" + n + "()" + body + "SELECT 1; END");
      run(x, "CREATE OR REPLACE PROCEDURE bad_p_" + n + "()" + body + "SELECT 1; SIGNAL SQLSTATE '45000'; END");
      run(x, "CREATE OR REPLACE TABLE t_" + n + " (a INT)");
      run(x, "CREATE OR REPLACE TRIGGER tr_" + n + " BEFORE INSERT ON t_" + n + " FOR EACH ROW" + body + "END");
    }
    run(x, "CREATE OR REPLACE FUNCTION f_ansi() RETURNS INT NO SQL BEGIN SET sql_mode = 'ANSI_QUOTES'; RETURN 1; END");
    run(x, "CREATE OR REPLACE FUNCTION f_gbk() RETURNS INT NO SQL BEGIN SET character_set_client = gbk; RETURN 1; END");
    run(x, "CREATE OR REPLACE FUNCTION f_utf8() RETURNS INT NO SQL BEGIN SET character_set_client = utf8mb4; RETURN 1; "
           "END");
    run(x, "CREATE OR REPLACE TABLE secret (v VARCHAR(200)) CHARSET utf8mb4");
    run(x, "INSERT INTO secret VALUES ('one'), ('two'), ('three')");
    return true;
  }();
  (void)done;
}

const std::vector<liar> liars{
    {"nobody", {}},
    {"a function that sets", {"SELECT f_set()"}},
    {"a function that clears", {"SELECT f_clear()"}},
    {"a function that sets ANSI_QUOTES", {"SELECT f_ansi()"}},
    {"a function that fails", {"SELECT bad_set()", "SELECT bad_clear()"}},
    {"a procedure", {"CALL p_set()"}},
    {"a procedure that clears", {"CALL p_clear()"}},
    {"a procedure that fails", {"CALL bad_p_set()"}},
    {"a trigger", {"INSERT INTO t_set VALUES (1)"}},
    {"a trigger that clears", {"INSERT INTO t_clear VALUES (1)"}},
    {"SET STATEMENT", {"SET STATEMENT sql_mode = 'NO_BACKSLASH_ESCAPES' FOR SELECT 1"}},
    {"SET STATEMENT that clears", {"SET STATEMENT sql_mode = '' FOR SELECT f_set()"}},
    {"SET STATEMENT that fails", {"SET STATEMENT sql_mode = 'NO_BACKSLASH_ESCAPES' FOR SELECT absent"}},
    {"a compound statement", {"BEGIN NOT ATOMIC DO f_set(); SELECT 1; END"}},
    {"a compound statement that fails", {"BEGIN NOT ATOMIC SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT absent; END"}},
    {"a compound statement that clears", {"BEGIN NOT ATOMIC SET sql_mode = ''; SELECT f_set(); END"}},
    {"a character set that is not the session's", {"SELECT f_gbk()"}},
    {"a character set that is not reported", {"SELECT f_gbk()", "SELECT f_utf8()"}},
};

db::connection poisoned(const std::string& mode, const liar& attacker) {
  create_programs();
  auto x = open_with_mode(mode);
  for (auto& sql : attacker.sql)
    (void)attempt(x, write(sql));
  return x;
}

/// How many of the texts come back changed.
size_t changed(db::connection& x, const std::vector<std::string>& texts) {
  constexpr size_t at_once = 64;
  size_t result = 0;
  for (size_t begin = 0; begin < texts.size(); begin += at_once) {
    auto end = std::min(texts.size(), begin + at_once);
    auto all = read("SELECT ?");
    all.params = {texts[begin]};
    for (size_t i = begin + 1; i < end; ++i) {
      all.sql += i % 2 == 0 ? ",?" : ", ?";
      all.params.emplace_back(texts[i]);
    }
    auto rows = run(x, all);
    for (size_t i = begin; i < end; ++i)
      result += rows[0].text(i - begin) != texts[i];
  }
  return result;
}

std::vector<std::string> all_characters() {
  std::vector<std::string> result;
  for (int i = 0; i < 256; ++i) {
    result.emplace_back(1, static_cast<char>(i));
    result.push_back(std::string{static_cast<char>(i)} + "\\");
    result.push_back("\\" + std::string{static_cast<char>(i)});
  }
  return result;
}

std::string random_text(std::mt19937& rng, size_t max_length) {
  static constexpr std::array<std::string_view, 26> pieces{
      "\\",       "'",      "\"",    "`",      "?",   ";",    "--", " ", "#", "/*",           "*/",
      "\n",       "%",      "_",     "OR 1=1", "\\'", "\\\"", "''", "a", "0", "\xe6\xbc\xab", "\xf0\x9f\x8d\x9c",
      "\xbf\x27", "\xbf\\", ":name", "-3"};
  std::string result;
  while (result.size() < max_length && rng() % 8 != 0) {
    if (rng() % 6 == 0)
      result += static_cast<char>(rng());
    else
      result += pieces[rng() % pieces.size()];
  }
  return result;
}

/// A piece of a statement with its parameters, and the value that it must have.
struct piece {
  std::string sql;
  std::vector<value> params;
  std::string wanted;
};

std::string number(int64_t x) {
  return std::to_string(x);
}

/// One expression with parameters. Its value is computed here, not by the server.
piece random_piece(std::mt19937& rng, bool ansi) {
  static constexpr std::array<int64_t, 7> numbers{-3, 0, 1, -1, 7, -1000, 2'000'000};
  auto a = numbers[rng() % numbers.size()];
  auto b = numbers[rng() % numbers.size()];
  auto text = random_text(rng, 20);
  auto other = random_text(rng, 20);
  switch (rng() % 24) {
  case 0:
    return {"?", {text}, text};
  case 1:
    return {"5-?", {a}, number(5 - a)};
  case 2:
    return {"5--?", {a}, number(5 + a)};
  case 3:
    return {"?-?", {a, b}, number(a - b)};
  case 4:
    return {"-?", {a}, number(-a)};
  case 5:
    return {"?*?", {a, b}, number(a * b)};
  case 6:
    return {"?+-?", {a, b}, number(a - b)};
  case 7:
    return {"?--?", {a, b}, number(a + b)};
  case 8:
    return {"CONCAT(?,?)", {text, other}, text + other};
  case 9:
    return {"CONCAT(?,'?''',?)", {text, other}, text + "?'" + other};
  case 10:
    return {"(?=?)", {text, text}, "1"};
  case 11:
    return {"'it''s ? -- /* # '", {}, "it's ? -- /* # "};
  case 12:
    return {ansi ? "'\"?'" : "\"'?\"\"\"", {}, ansi ? "\"?" : "'?\""};
  case 13:
    return {"?/* ? ' \" ` -- */", {text}, text};
  case 14:
    return {"/*'*/?/*'*/", {text}, text};
  case 15:
    return {"-- ? '\n?", {text}, text};
  case 16:
    return {"?# ? \"\n", {text}, text};
  case 17:
    return {"'\\\\'=?", {text}, ""}; // Its value depends on the mode: only what is beside it counts.
  case 18:
    return {"HEX(?)", {bytes{"\\'"}}, "5C27"};
  case 19:
    return {"IF(?<?,?,?)", {cenote::time{false, 9, 0, 0, 0}, cenote::time{false, 100, 0, 0, 0}, text, other}, text};
  case 20:
    return {"IF(?IS NULL,?,0)", {null{}, text}, text};
  case 21:
    return {"COALESCE(?,?)", {null{}, decimal{"-12.340"}}, "-12.340"};
  case 22:
    return {"4/**/-?", {a}, number(4 - a)};
  default:
    return {"(SELECT`a?`FROM(SELECT?AS`a?`)x)", {a}, number(a)};
  }
}

} // namespace

SCENARIO("every character and many texts come back as they were sent, whatever the server says of its mode") {
  std::mt19937 rng{12};
  for (const auto& mode : all_sql_modes) {
    for (const auto& attacker : liars) {
      MESSAGE("sql_mode = '" << mode << "' and " << attacker.name);
      auto x = poisoned(mode, attacker);
      if (contains(attacker.name, "not the session's")) {
        // The answers are in the session's own character set, the texts in the one that was reported.
        CHECK_EQ(changed(x, {"\\", "'", "\\'", "'; -- ", "\"\\"}), 0u);
        continue;
      }
      std::vector<std::string> texts;
      for (int i = 0; i < 300; ++i)
        texts.push_back(random_text(rng, 60));
      CHECK_EQ(changed(x, all_characters()), 0u);
      CHECK_EQ(changed(x, texts), 0u);
    }
  }
}

SCENARIO("a text finds what it says and nothing else") {
  for (const auto& mode : all_sql_modes) {
    for (const auto& attacker : liars) {
      MESSAGE("sql_mode = '" << mode << "' and " << attacker.name);
      auto x = poisoned(mode, attacker);
      for (auto text :
           {"\\' OR 1=1 -- ", "' OR 1=1 -- ", "\\", "\\\\' OR 1=1 -- ", "\" OR 1=1 -- ", "\\\" OR 1=1 -- "}) {
        CHECK(run(x, read("SELECT v FROM secret WHERE v = ?", text)).empty());
        CHECK(run(x, read("SELECT v FROM secret WHERE v = ? OR v = ?", "\\", text)).empty());
      }
      CHECK_EQ(run(x, read("SELECT v FROM secret WHERE v = ?", "two")).size(), 1u);
    }
  }
}

SCENARIO("statements made of hostile parameters beside quotes, comments and operators mean what was meant") {
  std::mt19937 rng{34};
  for (const auto& mode : all_sql_modes) {
    for (const auto& attacker : {liars[0], liars[1], liars[2], liars[6]}) {
      MESSAGE("sql_mode = '" << mode << "' and " << attacker.name);
      auto x = poisoned(mode, attacker);
      for (int i = 0; i < 300; ++i) {
        auto all = read("SELECT ");
        std::vector<std::string> wanted;
        for (auto pieces = 1 + rng() % 5; pieces > 0; --pieces) {
          auto one = random_piece(rng, contains(mode, "ANSI"));
          all.sql += (wanted.empty() ? "" : ",") + one.sql;
          all.params.insert(all.params.end(), one.params.begin(), one.params.end());
          wanted.push_back(one.wanted);
        }
        auto rows = attempt(x, all);
        if (!rows) {
          CHECK_EQ(all.sql, rows.error().text);
          continue;
        }
        size_t different = rows->columns().size() == wanted.size() && rows->size() == 1 ? 0 : 1;
        for (size_t c = 0; different == 0 && c < wanted.size(); ++c)
          different += !wanted[c].empty() && (*rows)[0].text(c) != wanted[c];
        if (different != 0)
          CHECK_EQ(all.sql, "what was meant");
      }
    }
  }
}

SCENARIO("a character set that was changed behind our back cannot take quotes away") {
  create_programs();
  auto x = open(shared_server().settings());
  run(x, "SET NAMES gbk");
  run(x, "SELECT f_utf8()");
  // The session reads gbk, and says utf8mb4: a character's last byte takes the backtick or the backslash behind it.
  const std::string letter = "\xe8\xa1\xa8";
  for (auto& sql : {"SELECT v AS `" + letter + "`, ? FROM secret", "SELECT '" + letter + "\\\\', ? FROM secret",
                    "SELECT v AS `" + letter + "`, ?, `v`, ? FROM secret"}) {
    auto query = read(sql, "`, (SELECT 'broken') -- ");
    if (contains(sql, ", ?, "))
      query.params.emplace_back("' OR `v` = '");
    auto rows = attempt(x, query);
    if (!rows) {
      MESSAGE(rows.error().text);
      CHECK(rows.error().source == db::error_source::invalid_statement || rows.error().sqlstate == "42000"
            || rows.error().sqlstate == "42S22" || rows.error().number == 1300);
      continue;
    }
    for (auto& column : rows->columns())
      CHECK(!contains(column.name, "broken"));
    for (auto row : *rows)
      for (size_t c = 0; c < row.size(); ++c)
        CHECK_NE(row.text(c), "broken");
  }
}

SCENARIO("a text with a backslash compares, sorts and joins like one without") {
  auto x = open(shared_server().settings());
  run(x, "CREATE TEMPORARY TABLE c (u VARCHAR(50) COLLATE utf8mb4_unicode_ci, b VARCHAR(50) COLLATE utf8mb4_bin, "
         "l VARCHAR(50) CHARSET latin1, j JSON)");
  run(x, write("INSERT INTO c VALUES (?, ?, ?, JSON_OBJECT('k', ?))", "A\\b", "A\\b", "A\\b", "A\\b"));
  CHECK_EQ(run(x, read("SELECT 1 FROM c WHERE u = ? AND b = ? AND l = ?", "a\\B", "A\\b", "a\\B")).size(), 1u);
  CHECK(run(x, read("SELECT 1 FROM c WHERE b = ?", "a\\b")).empty());
  CHECK_EQ(run(x, read("SELECT 1 FROM c WHERE u IN (?, ?) AND l BETWEEN ? AND ?", "x", "a\\B", "a", "b")).size(), 1u);
  CHECK_EQ(run(x, read("SELECT ? = 'A' OR ? = 'a\\\\B', ? < ?", "\\", "a\\b", "a\\", "b"))[0].get<int>(1), 1);
  CHECK_EQ(run(x, read("SELECT u LIKE ? ESCAPE '|', ? LIKE '%|%' ESCAPE '|' FROM c", "a\\_", "a\\%"))[0].get<int>(0),
           1);
  CHECK_EQ(run(x, read("SELECT JSON_VALUE(j, '$.k'), JSON_EXTRACT(j, ?) FROM c", "$.k"))[0].get<std::string>(0),
           "A\\b");
  CHECK_EQ(run(x, read("SELECT JSON_VALUE(?, '$.a')", R"({"a":"\n\\x"})"))[0].get<std::string>(0), "\n\\x");
  CHECK_EQ(run(x, read("SELECT ? AS t UNION SELECT ? UNION SELECT 'c' ORDER BY t", "b\\", "a"))[1].get<std::string>(0),
           "b\\");
  CHECK_EQ(run(x, read("SELECT CONCAT(?, u, ?, 'x', ?) FROM c", "\\", "y", "\xc3\xa9\\"))[0].get<std::string>(0),
           "\\A\\byx\xc3\xa9\\");
  CHECK_EQ(run(x, read("SELECT COLLATION(?), COERCIBILITY(?), COLLATION(?), COERCIBILITY(?)", "a", "a", "\\", "\\"))[0]
               .get<std::string>(0),
           "utf8mb4_general_ci");
  CHECK_EQ(
      run(x, read("SELECT COLLATION(?) = COLLATION(?) AND COERCIBILITY(?) = COERCIBILITY(?)", "a", "\\", "a", "\\"))[0]
          .get<int>(0),
      1);
  CHECK(run(x, read("SELECT ?", "\\")).columns()[0].type == column_type::text);
  CHECK_EQ(
      run(x, read("SELECT COUNT(*) FROM (SELECT ? AS g UNION ALL SELECT ?) x GROUP BY g", "A\\", "a\\"))[0].get<int>(0),
      2);
}

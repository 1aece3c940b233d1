#include "pool/partial_effects.hpp"

#include "pool/tokens.hpp"
#include "types/first_word.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

namespace cenote::pool {

namespace {

constexpr auto npos = std::string_view::npos;

/// "Some non-transactional changed tables couldn't be rolled back". The server warns so unless none of the statement's
/// tables has transactions.
constexpr std::string_view incomplete_rollback = "1196";

/// Statements with more names than this are not asked about.
constexpr size_t max_names = 40;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

/// The statement that `SET STATEMENT ... FOR` runs; nothing if it cannot be told, and the whole if it is another one.
std::optional<std::string_view> what_runs(std::string_view sql) {
  if (first_words(sql, 2) != std::vector<std::string>{"SET", "STATEMENT"})
    return sql;
  std::optional<std::string_view> result;
  tokens all{sql};
  for (auto x = all.next(); x; x = all.next())
    if (x->kind == token::token_kind::word && upper(x->text) == "FOR") {
      if (result) // One of them belongs to a locking read.
        return std::nullopt;
      result = all.rest();
    }
  return result;
}

/// Whether a compound statement is one transaction of plain statements, with its only COMMIT at the end.
bool is_one_transaction(std::string_view sql) {
  if (sql.find('\\') != npos) // Whether it ends a text depends on the SQL mode.
    return false;
  std::vector<std::vector<std::string>> parts(1);
  tokens all{sql};
  for (auto x = all.next(); x; x = all.next()) {
    if (x->kind == token::token_kind::sign && x->text == ";")
      parts.emplace_back();
    else
      parts.back().push_back(x->kind == token::token_kind::word ? upper(x->text) : "");
  }
  auto n = parts.size();
  const std::vector<std::string> begin{"BEGIN", "NOT", "ATOMIC", "START", "TRANSACTION"};
  if (n < 3 || parts[0].size() < begin.size() || !std::equal(begin.begin(), begin.end(), parts[0].begin())
      || parts[n - 2] != std::vector<std::string>{"COMMIT"} || parts[n - 1] != std::vector<std::string>{"END"})
    return false;
  return std::all_of(parts.begin() + 1, parts.end() - 2, [](auto& part) {
    return !part.empty() && is_one_of(part[0], {"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "DO"});
  });
}

/// Of a statement that creates something.
partial_effect effect_of_create(std::string_view sql) {
  auto words = first_words(sql, 4);
  words.resize(4);
  auto replaces = words[1] == "OR" && words[2] == "REPLACE";
  auto& what = words[replaces ? 3 : 1];
  if (is_one_of(what, {"TABLE", "TEMPORARY"})) {
    // It may fill the table by way of functions; and what it replaces is gone before.
    auto selects = upper(sql).find("SELECT") != npos;
    return selects ? partial_effect::any : replaces ? partial_effect::objects : partial_effect::none;
  }
  return is_one_of(what, {"USER", "ROLE"}) ? partial_effect::objects : partial_effect::none;
}

partial_effect effect_of_definition(std::string_view sql, std::string_view word) {
  if (word == "CREATE")
    return effect_of_create(sql);
  auto words = first_words(sql, 2);
  words.resize(2);
  // A list may have been done up to some point, and a database consists of many files.
  auto several = sql.find(',') != npos || is_one_of(words[1], {"DATABASE", "SCHEMA"});
  if (word == "ALTER")
    several = words[1] == "USER" && several;
  return several ? partial_effect::objects : partial_effect::none;
}

struct name {
  std::string schema; ///< Empty: that of the session.
  std::string text;
  bool operator==(const name&) const = default;
};

/// The names in a statement: those of tables, or of what may be one; and those that are called like a function.
struct names {
  std::vector<name> tables;    ///< That the statement may change.
  std::vector<name> sources;   ///< That it reads.
  std::vector<name> functions; ///< That it calls.
};

void add(std::vector<name>& to, name x) {
  if (std::ranges::find(to, x) == to.end())
    to.push_back(std::move(x));
}

/// The words with which the tables that a statement changes have all been named.
bool ends_tables(std::string_view statement_word, const token& x) {
  if (statement_word == "BEGIN") // Any name may be that of a table.
    return false;
  if (x.kind == token::token_kind::sign)
    return x.text == "(" && is_one_of(statement_word, {"INSERT", "REPLACE", "LOAD"});
  if (x.kind != token::token_kind::word)
    return false;
  auto word = upper(x.text);
  if (is_one_of(statement_word, {"INSERT", "REPLACE"}))
    return is_one_of(word, {"VALUES", "VALUE", "SELECT", "SET", "WITH"});
  return statement_word == "UPDATE" ? word == "SET" : is_one_of(word, {"WHERE", "LIMIT", "RETURNING"});
}

/// Whether names of tables that are read begin or end with this word; nothing if neither.
std::optional<bool> is_from_clause(const token& x) {
  if (x.kind != token::token_kind::word)
    return std::nullopt;
  auto word = upper(x.text);
  if (is_one_of(word, {"FROM", "JOIN", "STRAIGHT_JOIN", "TABLE"}))
    return true;
  if (is_one_of(word,
                {"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "FOR", "ON", "USING", "SELECT", "WINDOW", "UNION"}))
    return false;
  return std::nullopt;
}

names names_in(std::string_view sql, std::string_view statement_word) {
  names result;
  tokens all{sql};
  std::optional<name> last;
  auto in_tables = true;
  auto in_from = false;
  auto last_is_keyword = false;
  auto after_dot = false;
  auto keep = [&] {
    if (last && in_from && !last_is_keyword)
      add(result.sources, *last);
    if (last && in_tables)
      add(result.tables, std::move(*last));
    last.reset();
  };
  for (auto x = all.next(); x; x = all.next()) {
    if (x->kind == token::token_kind::sign) {
      if (x->text == "(" && last)
        add(result.functions, *last);
      after_dot = x->text == "." && last;
      if (!after_dot)
        keep();
    } else if (std::exchange(after_dot, false)) {
      last = name{std::move(last->text), std::move(x->text)};
    } else {
      keep();
      auto from = is_from_clause(*x);
      in_from = from.value_or(in_from);
      last_is_keyword = from.has_value();
      if (!ends_tables(statement_word, *x))
        last = name{{}, x->text};
    }
    in_tables &= !ends_tables(statement_word, *x);
  }
  keep();
  return result;
}

/// One row for each of the tables: its name, and whether it has transactions. A view says no, as its tables may not.
void ask_for_tables(statement& out, const std::vector<name>& xs) {
  for (auto& x : xs) {
    out.sql += out.sql.empty() ? "" : " UNION ALL ";
    out.sql += "SELECT t.TABLE_NAME, COALESCE(e.TRANSACTIONS, 'NO') FROM information_schema.TABLES t LEFT JOIN "
               "information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE t.TABLE_NAME = ? AND t.TABLE_SCHEMA = ";
    out.sql += x.schema.empty() ? "DATABASE()" : "?";
    out.params.emplace_back(x.text);
    if (!x.schema.empty())
      out.params.emplace_back(x.schema);
  }
}

/// Adds a name to a condition, and the schema that it is looked for in.
void add_name(statement& out, const name& x, std::string_view schema_column) {
  out.sql += " = ? AND ";
  out.sql += schema_column;
  out.sql += x.schema.empty() ? " = DATABASE()" : " = ?";
  out.params.emplace_back(x.text);
  if (!x.schema.empty())
    out.params.emplace_back(x.schema);
}

/// One row for each of them that is a stored function, or in a package, or a view, which may call one: they may write
/// to anything; and one row besides.
void ask_for_functions(statement& out, const names& xs) {
  out.sql = "SELECT '', 'YES'";
  for (auto& x : xs.functions) {
    out.sql += " UNION ALL SELECT ROUTINE_NAME, 'NO' FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'FUNCTION' "
               "AND ROUTINE_NAME";
    add_name(out, x, "ROUTINE_SCHEMA");
    if (x.schema.empty())
      continue;
    out.sql += " UNION ALL SELECT ROUTINE_NAME, 'NO' FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'PACKAGE' "
               "AND ROUTINE_NAME";
    add_name(out, {{}, x.schema}, "ROUTINE_SCHEMA");
  }
  for (auto& x : xs.sources) {
    out.sql += " UNION ALL SELECT TABLE_NAME, 'NO' FROM information_schema.TABLES WHERE TABLE_TYPE = 'VIEW' "
               "AND TABLE_NAME";
    add_name(out, x, "TABLE_SCHEMA");
  }
}

/// MariaDB's `ANALYZE [FORMAT=JSON]` before a statement carries it out; `ANALYZE TABLE` is another statement.
std::string_view without_analyze(std::string_view sql) {
  tokens all{sql};
  auto x = all.next();
  if (!x || x->kind != token::token_kind::word || upper(x->text) != "ANALYZE")
    return sql;
  auto rest = all.rest();
  x = all.next();
  if (!x || x->kind != token::token_kind::word || is_one_of(upper(x->text), {"TABLE", "LOCAL", "NO_WRITE_TO_BINLOG"}))
    return sql;
  if (upper(x->text) != "FORMAT")
    return rest;
  all.next(); // The sign.
  all.next(); // The format.
  return all.rest();
}

/// Whether it runs statements of its own, with errors that look like its own: a routine, dynamic SQL, or a compound
/// statement, perhaps behind a label.
bool runs_statements(std::string_view word, std::string_view sql) {
  return word.empty() || sql.find(':') != npos || sql.find("<<") != npos
         || is_one_of(word, {"CALL", "EXECUTE", "BEGIN", "IF", "CASE", "LOOP", "REPEAT", "WHILE", "FOR", "DECLARE"});
}

} // namespace

partial_effect partial_effect_of(std::string_view sql) {
  auto word = detail::first_word(sql);
  if (is_one_of(word, {"SELECT",   "INSERT",   "UPDATE",  "DELETE", "REPLACE",    "WITH",      "VALUES",   "TABLE",
                       "DO",       "SHOW",     "EXPLAIN", "USE",    "DESCRIBE",   "DESC",      "ANALYZE",  "HELP",
                       "HANDLER",  "LOAD",     "KILL",    "START",  "ROLLBACK",   "SAVEPOINT", "RELEASE",  "PREPARE",
                       "TRUNCATE", "CHECKSUM", "LOCK",    "UNLOCK", "DEALLOCATE", "SIGNAL",    "RESIGNAL", "GET"}))
    return partial_effect::none;
  auto hides_something = sql.find("/*!") != npos || sql.find("/*M!") != npos;
  if (hides_something)
    return partial_effect::any;
  if (word == "SET") {
    auto inner = what_runs(sql);
    if (!inner)
      return partial_effect::any;
    return inner->size() == sql.size() ? partial_effect::none : partial_effect_of(*inner);
  }
  if (is_one_of(word, {"CREATE", "ALTER", "DROP", "RENAME", "GRANT", "REVOKE"}))
    return effect_of_definition(sql, word);
  if (is_one_of(word, {"COMMIT", "XA", "FLUSH", "OPTIMIZE", "REPAIR", "CHECK", "CACHE", "INSTALL", "UNINSTALL", "PURGE",
                       "RESET", "BACKUP"}))
    return partial_effect::objects;
  if (word == "BEGIN" && is_one_transaction(sql))
    return partial_effect::at_end;
  // What begins with an unknown word may be anything, but for the errors that show that the server does not know it.
  return runs_statements(word, sql) ? partial_effect::any : partial_effect::objects;
}

inquiry inquire_after(const statement& failed, const observed_error& why) {
  if (failed.kind == statement_kind::read || never_began(why))
    return {};
  auto sql = without_analyze(what_runs(failed.sql).value_or(""));
  auto word = detail::first_word(sql);
  auto changes = is_one_of(word, {"INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD", "BEGIN"});
  if (!changes && !is_one_of(word, {"SELECT", "DO", "SET", "VALUES", "WITH", "TABLE", "HANDLER"}))
    return {};
  auto found = names_in(sql, word);
  statement tables;
  if (changes)
    ask_for_tables(tables, found.tables);
  else
    ask_for_functions(tables, found);
  if (tables.params.size() > max_names || tables.sql.empty())
    return {true, {}};
  return {false, {read("SHOW WARNINGS"), std::move(tables)}};
}

bool something_stayed(const result& answer) {
  if (answer.columns().size() < 2) // No answer to any of the questions.
    return true;
  if (answer.columns().size() == 3) // The warnings: level, number, text.
    return std::any_of(answer.begin(), answer.end(), [](auto x) { return x.text(1) == incomplete_rollback; });
  // Names, and whether all is well with them. None found is none of which that is known.
  return answer.empty() || std::any_of(answer.begin(), answer.end(), [](auto x) { return x.text(1) != "YES"; });
}

} // namespace cenote::pool

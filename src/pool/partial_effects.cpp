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

/// The statement that `SET STATEMENT ... FOR` runs; nothing if it cannot be determined. Of another statement, the
/// whole.
std::optional<std::string_view> inner_statement(std::string_view sql) {
  if (first_words(sql, 2) != std::vector<std::string>{"SET", "STATEMENT"})
    return sql;
  std::optional<std::string_view> result;
  tokens scanner{sql};
  for (auto current = scanner.next(); current; current = scanner.next())
    if (current->kind == token::token_kind::word && upper(current->text) == "FOR") {
      if (result) // One of them belongs to a locking read.
        return std::nullopt;
      result = scanner.rest();
    }
  return result;
}

/// Whether a compound statement is one transaction of plain statements, with its only COMMIT at the end.
bool is_one_transaction(std::string_view sql) {
  if (sql.find('\\') != npos) // Whether a backslash escapes a quote depends on the SQL mode.
    return false;
  std::vector<std::vector<std::string>> parts(1);
  tokens scanner{sql};
  for (auto current = scanner.next(); current; current = scanner.next()) {
    if (current->kind == token::token_kind::sign && current->text == ";")
      parts.emplace_back();
    else
      parts.back().push_back(current->kind == token::token_kind::word ? upper(current->text) : "");
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
  auto& object = words[replaces ? 3 : 1];
  if (is_one_of(object, {"TABLE", "TEMPORARY"})) {
    // It may fill the table through functions; and the table that it replaces is dropped first.
    auto selects = upper(sql).find("SELECT") != npos;
    return selects ? partial_effect::any : replaces ? partial_effect::objects : partial_effect::none;
  }
  return is_one_of(object, {"USER", "ROLE"}) ? partial_effect::objects : partial_effect::none;
}

partial_effect effect_of_definition(std::string_view sql, std::string_view word) {
  if (word == "CREATE")
    return effect_of_create(sql);
  auto words = first_words(sql, 2);
  words.resize(2);
  // A list may have been processed in part, and a database consists of many files.
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

/// The names in a statement: those of tables, or possible tables; and those that are called like a function.
struct names {
  std::vector<name> tables;    ///< Tables that the statement may change.
  std::vector<name> sources;   ///< Tables that it reads.
  std::vector<name> functions; ///< Functions that it calls.
};

void add(std::vector<name>& to, name candidate) {
  if (std::ranges::find(to, candidate) == to.end())
    to.push_back(std::move(candidate));
}

/// The words with which the tables that a statement changes have all been named.
bool ends_tables(std::string_view statement_word, const token& current) {
  if (statement_word == "BEGIN") // Any name may be that of a table.
    return false;
  if (current.kind == token::token_kind::sign)
    return current.text == "(" && is_one_of(statement_word, {"INSERT", "REPLACE", "LOAD"});
  if (current.kind != token::token_kind::word)
    return false;
  auto word = upper(current.text);
  if (is_one_of(statement_word, {"INSERT", "REPLACE"}))
    return is_one_of(word, {"VALUES", "VALUE", "SELECT", "SET", "WITH"});
  return statement_word == "UPDATE" ? word == "SET" : is_one_of(word, {"WHERE", "LIMIT", "RETURNING"});
}

/// Whether names of tables that are read begin or end with this word; nothing if neither.
std::optional<bool> is_from_clause(const token& current) {
  if (current.kind != token::token_kind::word)
    return std::nullopt;
  auto word = upper(current.text);
  if (is_one_of(word, {"FROM", "JOIN", "STRAIGHT_JOIN", "TABLE"}))
    return true;
  if (is_one_of(word,
                {"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "FOR", "ON", "USING", "SELECT", "WINDOW", "UNION"}))
    return false;
  return std::nullopt;
}

names names_in(std::string_view sql, std::string_view statement_word) {
  names result;
  tokens scanner{sql};
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
  for (auto current = scanner.next(); current; current = scanner.next()) {
    if (current->kind == token::token_kind::sign) {
      if (current->text == "(" && last)
        add(result.functions, *last);
      after_dot = current->text == "." && last;
      if (!after_dot)
        keep();
    } else if (std::exchange(after_dot, false)) {
      last = name{std::move(last->text), std::move(current->text)};
    } else {
      keep();
      auto from = is_from_clause(*current);
      in_from = from.value_or(in_from);
      last_is_keyword = from.has_value();
      if (!ends_tables(statement_word, *current))
        last = name{{}, current->text};
    }
    in_tables &= !ends_tables(statement_word, *current);
  }
  keep();
  return result;
}

/// Asks for one row for each of the tables: its name, and whether it has transactions. The answer for a view is no, as
/// its tables may have none.
void ask_for_tables(statement& out, const std::vector<name>& tables) {
  for (auto& table : tables) {
    out.sql += out.sql.empty() ? "" : " UNION ALL ";
    out.sql += "SELECT t.TABLE_NAME, COALESCE(e.TRANSACTIONS, 'NO') FROM information_schema.TABLES t LEFT JOIN "
               "information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE t.TABLE_NAME = ? AND t.TABLE_SCHEMA = ";
    out.sql += table.schema.empty() ? "DATABASE()" : "?";
    out.params.emplace_back(table.text);
    if (!table.schema.empty())
      out.params.emplace_back(table.schema);
  }
}

/// Adds a name to a condition, and the schema to look for it in.
void add_name(statement& out, const name& object, std::string_view schema_column) {
  out.sql += " = ? AND ";
  out.sql += schema_column;
  out.sql += object.schema.empty() ? " = DATABASE()" : " = ?";
  out.params.emplace_back(object.text);
  if (!object.schema.empty())
    out.params.emplace_back(object.schema);
}

/// Asks for one row for each name of a stored function, or in a package, or of a view, which may call one: they may
/// write to anything; and for one row in addition.
void ask_for_functions(statement& out, const names& found) {
  out.sql = "SELECT '', 'YES'";
  for (auto& function : found.functions) {
    out.sql += " UNION ALL SELECT ROUTINE_NAME, 'NO' FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'FUNCTION' "
               "AND ROUTINE_NAME";
    add_name(out, function, "ROUTINE_SCHEMA");
    if (function.schema.empty())
      continue;
    out.sql += " UNION ALL SELECT ROUTINE_NAME, 'NO' FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'PACKAGE' "
               "AND ROUTINE_NAME";
    add_name(out, {{}, function.schema}, "ROUTINE_SCHEMA");
  }
  for (auto& source : found.sources) {
    out.sql += " UNION ALL SELECT TABLE_NAME, 'NO' FROM information_schema.TABLES WHERE TABLE_TYPE = 'VIEW' "
               "AND TABLE_NAME";
    add_name(out, source, "TABLE_SCHEMA");
  }
}

/// MariaDB's `ANALYZE [FORMAT=JSON]` in front of a statement runs it; `ANALYZE TABLE` is another statement.
std::string_view without_analyze(std::string_view sql) {
  tokens scanner{sql};
  auto current = scanner.next();
  if (!current || current->kind != token::token_kind::word || upper(current->text) != "ANALYZE")
    return sql;
  auto rest = scanner.rest();
  current = scanner.next();
  if (!current || current->kind != token::token_kind::word
      || is_one_of(upper(current->text), {"TABLE", "LOCAL", "NO_WRITE_TO_BINLOG"}))
    return sql;
  if (upper(current->text) != "FORMAT")
    return rest;
  scanner.next(); // The sign.
  scanner.next(); // The format.
  return scanner.rest();
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
  auto has_executable_comment = sql.find("/*!") != npos || sql.find("/*M!") != npos;
  if (has_executable_comment)
    return partial_effect::any;
  if (word == "SET") {
    auto inner = inner_statement(sql);
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
  // A statement that begins with an unknown word may be anything, unless its error shows that the server does not know
  // it.
  return runs_statements(word, sql) ? partial_effect::any : partial_effect::objects;
}

inquiry inquire_after(const statement& failed, const observed_error& error) {
  if (failed.kind == statement_kind::read || never_began(error))
    return {};
  auto sql = without_analyze(inner_statement(failed.sql).value_or(""));
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

bool has_lasting_effects(const result& answer) {
  if (answer.columns().size() < 2) // Not an answer to any of the questions.
    return true;
  if (answer.columns().size() == 3) // The warnings: level, number, text.
    return std::any_of(answer.begin(), answer.end(), [](auto row) { return row.text(1) == incomplete_rollback; });
  // Names, and whether each is harmless. If none is found, that is unknown.
  return answer.empty() || std::any_of(answer.begin(), answer.end(), [](auto row) { return row.text(1) != "YES"; });
}

} // namespace cenote::pool

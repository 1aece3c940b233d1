#include "pool/sql_rules.hpp"

#include "pool/tokens.hpp"
#include "types/first_word.hpp"

#include <algorithm>
#include <array>

namespace cenote::pool {

namespace {

using detail::first_word;

constexpr auto npos = std::string_view::npos;

bool is_same(char letter, char capital) {
  return upper(letter) == capital;
}

/// Whether the word, in any case, is one of these, which are given in upper case.
template <size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::any_of(words, [word](auto other) { return std::ranges::equal(word, other, is_same); });
}

/// Whether the text contains these letters, which are given in upper case, in any case.
bool contains(std::string_view text, std::string_view letters) {
  return std::search(text.begin(), text.end(), letters.begin(), letters.end(), is_same) != text.end();
}

/// Words before or around secrets.
constexpr std::array<std::string_view, 5> words_of_secrets{"PASSWORD", "IDENTIFIED", "ENCRYPT", "DECRYPT", "SECRET"};

/// Whether the text may call this function, whose name is given in upper case.
bool may_call(std::string_view sql, std::string_view name) {
  for (auto pos = sql.begin();; ++pos) {
    pos = std::search(pos, sql.end(), name.begin(), name.end(), is_same);
    if (pos == sql.end())
      return false;
    auto rest = std::string_view{pos, sql.end()}.substr(name.size());
    auto next = rest.find_first_not_of(" \t\r\n\f\v`");
    // A comment may stand before the parenthesis.
    if (next != npos && std::string_view{"(/-#"}.find(rest[next]) != npos)
      return true;
  }
}

/// Functions that depend on the statement before, or set what the others return.
constexpr std::array<std::string_view, 4> functions_of_session{"LAST_INSERT_ID", "FOUND_ROWS", "ROW_COUNT", "LASTVAL"};

/// Whether a closer look is needed: everything by which a plain statement leaves traces has an `@`, or one of the pairs
/// `_L`, `_F`, `_I`, `_R`, `_C` and `TV`. Every statement is asked for this, so only rare characters are searched for.
bool has_trace_of_session(std::string_view sql) {
  auto has_pair = [sql](char sought, auto completes) {
    for (auto pos = sql.find(sought); pos != npos; pos = sql.find(sought, pos + 1))
      if (completes(pos))
        return true;
    return false;
  };
  auto begins_word = [sql](size_t pos) {
    return pos + 1 < sql.size() && std::string_view{"LFIRC"}.find(upper(sql[pos + 1])) != npos;
  };
  auto is_behind_t = [sql](size_t pos) { return pos > 0 && upper(sql[pos - 1]) == 'T'; };
  return sql.find('@') != npos || has_pair('_', begins_word) || has_pair('V', is_behind_t)
         || has_pair('v', is_behind_t);
}

constexpr std::array<std::string_view, 5> plain_words{"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE"};

constexpr std::array<std::string_view, 14> harmless_words{"SHOW",  "EXPLAIN",  "DESCRIBE", "DESC",  "ANALYZE",
                                                          "CHECK", "KILL",     "ALTER",    "DROP",  "TRUNCATE",
                                                          "GRANT", "OPTIMIZE", "REVOKE",   "RENAME"};

/// Statements that cannot commit, nor can anything that they call.
constexpr std::array<std::string_view, 7> open_words{"WITH", "VALUES", "SHOW", "DO", "EXPLAIN", "DESCRIBE", "DESC"};

constexpr std::array<std::string_view, 22> transaction_words{
    "BEGIN", "START",  "COMMIT", "ROLLBACK", "CREATE",   "ALTER", "DROP",   "TRUNCATE", "RENAME", "LOCK", "UNLOCK",
    "GRANT", "REVOKE", "XA",     "ANALYZE",  "OPTIMIZE", "CHECK", "REPAIR", "SET",      "FLUSH",  "LOAD", "SAVEPOINT"};

/// Whether the first character that is not a blank is not in ASCII: some character sets have more blanks.
bool begins_beyond_ascii(std::string_view sql) {
  auto pos = sql.find_first_not_of(" \t\r\n\f\v(");
  return pos != npos && static_cast<unsigned char>(sql[pos]) >= 0x80;
}

/// Whether every quote is closed. Only for text without backslashes and comments: then all SQL modes agree on it.
bool is_closed(std::string_view sql) {
  for (auto pos = sql.find_first_of("'\"`"); pos != npos; pos = sql.find_first_of("'\"`", pos + 1)) {
    // A doubled quote ends one text and begins the next.
    pos = sql.find(sql[pos], pos + 1);
    if (pos == npos)
      return false;
  }
  return true;
}

bool fits_compound(const statement& statement) {
  std::string_view sql = statement.sql;
  auto word = first_word(sql);
  if (!is_one_of(word, plain_words) || sql.find_first_of(";\\#") != npos || sql.find("/*") != npos
      || sql.find("--") != npos || !is_closed(sql))
    return false;
  // Such statements give no result, or one more, or depend on what the compound statement does in between.
  if (contains(sql, "RETURNING") || contains(sql, "LAST_INSERT_ID") || contains(sql, "ROW_COUNT")
      || contains(sql, "FOUND_ROWS") || contains(sql, "@@") || (word == "SELECT" && contains(sql, "INTO")))
    return false;
  // Only the client learns the id of a row that existed already.
  return !contains(sql, "DUPLICATE");
}

/// Above this, a further round trip does not matter, but the server's limits do.
constexpr size_t max_compound_bytes = 32u << 10;

} // namespace

bool touches_transaction(std::string_view sql) {
  auto word = first_word(sql);
  // An executable comment may contain any of them, and so may the text after a space of another character set.
  return is_one_of(word, transaction_words) || (word.empty() && (contains(sql, "/*") || begins_beyond_ascii(sql)));
}

bool may_commit(std::string_view sql) {
  auto word = first_word(sql);
  return !is_one_of(word, plain_words) && !is_one_of(word, open_words);
}

bool may_leave_traces(std::string_view sql) {
  auto word = detail::first_word_as_written(sql);
  if (!is_one_of(word, plain_words) && !is_one_of(word, harmless_words))
    return true;
  if (!has_trace_of_session(sql))
    return false;
  auto called = [sql](std::string_view name) { return may_call(sql, name); };
  return sql.find('@') != npos || contains(sql, "GET_LOCK") || contains(sql, "SQL_CALC_FOUND_ROWS")
         || std::ranges::any_of(functions_of_session, called);
}

bool outlives_reset(std::string_view sql) {
  // The texts of profiled statements remain, and `SET SESSION AUTHORIZATION` changes the user of the session.
  return contains(sql, "PROFILING") || contains(sql, "AUTHORIZATION");
}

namespace {

/// How many bytes a parameter has in the statement, approximately.
size_t size_of(const value& parameter) {
  if (auto text = std::get_if<std::string>(&parameter))
    return text->find('\\') == npos ? text->size() : 2 * text->size(); // Written in hexadecimal digits.
  if (auto raw = std::get_if<bytes>(&parameter))
    return 2 * raw->data.size();
  if (auto number = std::get_if<decimal>(&parameter))
    return number->digits.size();
  return 32;
}

/// How often a placeholder of this name may occur in the text.
size_t uses_of(std::string_view sql, const std::string& name) {
  size_t count = 0;
  for (auto pos = sql.find(':' + name); pos != npos; pos = sql.find(':' + name, pos + 1))
    ++count;
  return count;
}

} // namespace

size_t size_of(const statement& statement) {
  auto result = statement.sql.size();
  for (size_t i = 0; i < statement.params.size(); ++i)
    result +=
        size_of(statement.params[i]) * (i < statement.names.size() ? uses_of(statement.sql, statement.names[i]) : 1);
  return result;
}

bool is_shareable(const statement& statement) {
  return statement.kind != statement_kind::write && !may_leave_traces(statement.sql);
}

std::string problem_of(const transaction& transaction, uint32_t& index) {
  index = 0;
  if (transaction.statements.empty())
    return "the transaction has no statements";
  for (auto& statement : transaction.statements) {
    if (auto word = first_word(statement.sql); touches_transaction(statement.sql))
      return (word.empty() ? "an executable comment or an unknown character" : word)
             + " begins or ends a transaction, or changes the session: run it alone, or in a session of your own";
    ++index;
  }
  return {};
}

bool fits_compound(const transaction& transaction) {
  size_t size = 0;
  for (auto& statement : transaction.statements) {
    size += size_of(statement);
    if (size > max_compound_bytes || !fits_compound(statement))
      return false;
  }
  return true;
}

std::string without_secrets(std::string_view sql) {
  if (std::ranges::none_of(words_of_secrets, [sql](auto word) { return contains(sql, word); }))
    return std::string{sql};
  auto word = first_word(sql);
  return word.empty() ? "..." : word + " ...";
}

} // namespace cenote::pool

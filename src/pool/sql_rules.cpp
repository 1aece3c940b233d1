#include "pool/sql_rules.hpp"

#include "pool/tokens.hpp"
#include "types/first_word.hpp"

#include <algorithm>
#include <array>

namespace cenote::pool {

namespace {

using detail::first_word;

constexpr auto npos = std::string_view::npos;

template <size_t N>
bool is_one_of(const std::string& word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

/// Whether the text holds these letters, in upper case, in whatever case.
bool contains(std::string_view text, std::string_view letters) {
  auto same = [](char x, char y) { return upper(x) == y; };
  return std::search(text.begin(), text.end(), letters.begin(), letters.end(), same) != text.end();
}

/// Before or around what nobody else is to see.
constexpr std::array<std::string_view, 5> words_of_secrets{"PASSWORD", "IDENTIFIED", "ENCRYPT", "DECRYPT", "SECRET"};

/// Whether the text may call this function, whose name is given in upper case.
bool may_call(std::string_view sql, std::string_view name) {
  auto same = [](char x, char y) { return upper(x) == y; };
  for (auto pos = sql.begin();; ++pos) {
    pos = std::search(pos, sql.end(), name.begin(), name.end(), same);
    if (pos == sql.end())
      return false;
    auto rest = std::string_view{pos, sql.end()}.substr(name.size());
    auto next = rest.find_first_not_of(" \t\r\n\f\v`");
    // A comment may stand before the parenthesis.
    if (next != npos && std::string_view{"(/-#"}.find(rest[next]) != npos)
      return true;
  }
}

/// What tells of the statement before, or sets what these tell.
constexpr std::array<std::string_view, 4> functions_of_session{"LAST_INSERT_ID", "FOUND_ROWS", "ROW_COUNT", "LASTVAL"};

constexpr std::array<std::string_view, 5> plain_words{"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE"};

constexpr std::array<std::string_view, 14> harmless_words{"SHOW",  "EXPLAIN",  "DESCRIBE", "DESC",  "ANALYZE",
                                                          "CHECK", "KILL",     "ALTER",    "DROP",  "TRUNCATE",
                                                          "GRANT", "OPTIMIZE", "REVOKE",   "RENAME"};

/// Those that cannot commit, nor can what they call.
constexpr std::array<std::string_view, 7> open_words{"WITH", "VALUES", "SHOW", "DO", "EXPLAIN", "DESCRIBE", "DESC"};

constexpr std::array<std::string_view, 22> transaction_words{
    "BEGIN", "START",  "COMMIT", "ROLLBACK", "CREATE",   "ALTER", "DROP",   "TRUNCATE", "RENAME", "LOCK", "UNLOCK",
    "GRANT", "REVOKE", "XA",     "ANALYZE",  "OPTIMIZE", "CHECK", "REPAIR", "SET",      "FLUSH",  "LOAD", "SAVEPOINT"};

/// Whether the first character that is no blank is none of ASCII: some character sets have more blanks.
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

bool fits_compound(const statement& x) {
  std::string_view sql = x.sql;
  auto word = first_word(sql);
  if (!is_one_of(word, plain_words) || sql.find_first_of(";\\#") != npos || sql.find("/*") != npos
      || sql.find("--") != npos || !is_closed(sql))
    return false;
  // Those give no result, or one more, or look at what the compound statement does in between.
  if (contains(sql, "RETURNING") || contains(sql, "LAST_INSERT_ID") || contains(sql, "ROW_COUNT")
      || contains(sql, "FOUND_ROWS") || contains(sql, "@@") || (word == "SELECT" && contains(sql, "INTO")))
    return false;
  // The id of a row that was there already is told to the client only.
  return !contains(sql, "DUPLICATE");
}

/// Above this, a round trip more does not matter, and the server's limits do.
constexpr size_t max_compound_bytes = 32u << 10;

} // namespace

bool touches_transaction(std::string_view sql) {
  auto word = first_word(sql);
  // An executable comment may hold any of them, and so may what follows a space of another character set.
  return is_one_of(word, transaction_words) || (word.empty() && (contains(sql, "/*") || begins_beyond_ascii(sql)));
}

bool may_commit(std::string_view sql) {
  auto word = first_word(sql);
  return !is_one_of(word, plain_words) && !is_one_of(word, open_words);
}

bool may_leave_traces(std::string_view sql) {
  auto word = first_word(sql);
  if (!is_one_of(word, plain_words) && !is_one_of(word, harmless_words))
    return true;
  auto called = [sql](std::string_view name) { return may_call(sql, name); };
  return sql.find('@') != npos || contains(sql, "GET_LOCK") || contains(sql, "SQL_CALC_FOUND_ROWS")
         || std::ranges::any_of(functions_of_session, called);
}

bool outlives_reset(std::string_view sql) {
  // The texts of profiled statements stay, and `SET SESSION AUTHORIZATION` makes the session somebody else's.
  return contains(sql, "PROFILING") || contains(sql, "AUTHORIZATION");
}

namespace {

/// About how many bytes a parameter has in the statement.
size_t size_of(const value& x) {
  if (auto text = std::get_if<std::string>(&x))
    return text->find('\\') == npos ? text->size() : 2 * text->size(); // Written in hexadecimal digits.
  if (auto raw = std::get_if<bytes>(&x))
    return 2 * raw->data.size();
  if (auto number = std::get_if<decimal>(&x))
    return number->digits.size();
  return 32;
}

/// How often a placeholder of this name may stand in the text.
size_t uses_of(std::string_view sql, const std::string& name) {
  size_t count = 0;
  for (auto pos = sql.find(':' + name); pos != npos; pos = sql.find(':' + name, pos + 1))
    ++count;
  return count;
}

} // namespace

size_t size_of(const statement& x) {
  auto result = x.sql.size();
  for (size_t i = 0; i < x.params.size(); ++i)
    result += size_of(x.params[i]) * (i < x.names.size() ? uses_of(x.sql, x.names[i]) : 1);
  return result;
}

bool is_shareable(const statement& x) {
  return x.kind != statement_kind::write && !may_leave_traces(x.sql);
}

std::string problem_of(const transaction& x, uint32_t& index) {
  index = 0;
  if (x.statements.empty())
    return "the transaction has no statements";
  for (auto& what : x.statements) {
    if (auto word = first_word(what.sql); touches_transaction(what.sql))
      return (word.empty() ? "an executable comment or an unknown character" : word)
             + " begins or ends a transaction, or changes the session: run it alone, or in a session of your own";
    ++index;
  }
  return {};
}

bool fits_compound(const transaction& x) {
  size_t size = 0;
  for (auto& what : x.statements) {
    size += size_of(what);
    if (size > max_compound_bytes || !fits_compound(what))
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

#include "pool/sql_rules.hpp"

#include "types/first_word.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace cenote::pool {

namespace {

using detail::first_word;

constexpr auto npos = std::string_view::npos;

char upper(char x) {
  return static_cast<char>(std::toupper(static_cast<unsigned char>(x)));
}

template <size_t N>
bool is_one_of(const std::string& word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

/// Whether the text holds these letters, in upper case, in whatever case.
bool contains(std::string_view text, std::string_view letters) {
  auto same = [](char x, char y) { return upper(x) == y; };
  return std::search(text.begin(), text.end(), letters.begin(), letters.end(), same) != text.end();
}

constexpr std::array<std::string_view, 5> plain_words{"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE"};

constexpr std::array<std::string_view, 15> harmless_words{"SHOW",     "EXPLAIN", "DESCRIBE", "DESC",   "ANALYZE",
                                                          "CHECK",    "KILL",    "ALTER",    "DROP",   "TRUNCATE",
                                                          "OPTIMIZE", "GRANT",   "REVOKE",   "RENAME", "FLUSH"};

constexpr std::array<std::string_view, 22> transaction_words{
    "BEGIN",   "START",  "COMMIT", "ROLLBACK", "CREATE",  "ALTER", "DROP",     "TRUNCATE", "RENAME", "LOCK", "UNLOCK",
    "GRANT",   "REVOKE", "XA",     "ANALYZE",  "OPTIMIZE", "CHECK", "REPAIR",   "SET",      "FLUSH",  "LOAD", "SAVEPOINT"};

bool is_balanced(std::string_view sql, char quote) {
  return std::ranges::count(sql, quote) % 2 == 0;
}

bool fits_compound(const statement& x) {
  std::string_view sql = x.sql;
  auto word = first_word(sql);
  if (!is_one_of(word, plain_words) || sql.find_first_of(";\\#") != npos || sql.find("/*") != npos
      || sql.find("--") != npos || !is_balanced(sql, '\'') || !is_balanced(sql, '"') || !is_balanced(sql, '`'))
    return false;
  // Those give no result, or one more, or look at what the compound statement does in between.
  return !contains(sql, "RETURNING") && !contains(sql, "LAST_INSERT_ID") && !contains(sql, "ROW_COUNT")
         && !(word == "SELECT" && contains(sql, "INTO"));
}

/// Above this, a round trip more does not matter, and the server's limits do.
constexpr size_t most_compound_bytes = 32u << 10;

size_t size_of(const statement& x) {
  auto result = x.sql.size();
  for (auto& param : x.params) {
    if (auto text = std::get_if<std::string>(&param))
      result += text->size();
    else if (auto raw = std::get_if<bytes>(&param))
      result += 2 * raw->data.size();
    else
      result += 32;
  }
  return result;
}

} // namespace

bool touches_transaction(std::string_view sql) {
  return is_one_of(first_word(sql), transaction_words);
}

bool may_leave_traces(std::string_view sql) {
  auto word = first_word(sql);
  if (!is_one_of(word, plain_words) && !is_one_of(word, harmless_words))
    return true;
  return sql.find('@') != npos || contains(sql, "GET_LOCK");
}

std::string problem_of(const transaction& x, uint32_t& index) {
  index = 0;
  if (x.statements.empty())
    return "the transaction has no statements";
  for (auto& what : x.statements) {
    if (touches_transaction(what.sql))
      return first_word(what.sql)
             + " begins or ends a transaction, or changes the session: run it alone, or in a session of your own";
    ++index;
  }
  return {};
}

bool fits_compound(const transaction& x) {
  size_t size = 0;
  for (auto& what : x.statements) {
    size += size_of(what);
    if (size > most_compound_bytes || !fits_compound(what))
      return false;
  }
  return true;
}

} // namespace cenote::pool

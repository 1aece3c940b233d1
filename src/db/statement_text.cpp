#include "db/statement_text.hpp"

#include "db/placeholders.hpp"
#include "db/session.hpp"
#include "db/text_literal.hpp"
#include "types/temporal_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace cenote::db {

namespace {

using problem_text = std::optional<std::string>;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Whether this character would melt into one token with a literal beside it.
bool sticks_to_literals(char c) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'
         || c == '\\' || c == '@' || c == '.' || c == '\'' || c == '"' || c == '`';
}

bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Whether a multi-byte character set that the session may have without our knowledge could take a backslash or a
/// backtick for the second half of a character, so that quotes end elsewhere. In none it takes another quote.
bool may_hide_quotes(std::string_view sql) noexcept {
  for (auto pos = sql.find_first_of("\\`"); pos != std::string_view::npos; pos = sql.find_first_of("\\`", pos + 1))
    if (pos > 0 && static_cast<unsigned char>(sql[pos - 1]) >= 0x80)
      return true;
  return false;
}

/// Whether the text ends with a word that makes a literal of a type of the text behind it: `DATE '2024-01-31'`.
bool ends_with_type(std::string_view sql) noexcept {
  auto end = sql.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos)
    return false;
  sql = sql.substr(0, end + 1);
  auto same = [](char x, char y) { return (x >= 'a' && x <= 'z' ? x - 'a' + 'A' : x) == y; };
  return std::ranges::any_of(std::array{"DATE", "TIME", "TIMESTAMP"}, [&](std::string_view word) {
    if (sql.size() < word.size() || !std::ranges::equal(sql.substr(sql.size() - word.size()), word, same))
      return false;
    return sql.size() == word.size() || !sticks_to_literals(sql[sql.size() - word.size() - 1]);
  });
}

bool is_real(const date& x) noexcept {
  using namespace std::chrono;
  return x.year > 0 && year_month_day{year{x.year}, month{x.month}, day{x.day}}.ok();
}

bool is_real(const datetime& x) noexcept {
  return is_real(date{x.year, x.month, x.day});
}

/// MySQL ends at 838:59:59.
bool is_real(const time& x) noexcept {
  return x.hours < 838 || x.minute < 59 || x.second < 59 || x.microsecond == 0;
}

/// Appends one value as a literal. Every function returns what is wrong with the value, if anything.
class literal_writer {
public:
  literal_writer(std::string& out, const MARIADB_CHARSET_INFO& charset, text_form form)
      : out_{out}, charset_{charset}, form_{form} {
    // nop
  }

  problem_text operator()(const null&) {
    out_ += "NULL";
    return {};
  }

  problem_text operator()(int64_t x) { return number(x); }

  problem_text operator()(uint64_t x) { return number(x); }

  problem_text operator()(double x) {
    if (!std::isfinite(x))
      return "is not a finite number: SQL has no NaN and no infinity, use NULL";
    // Shortest form that reads back as the same number. The exponent makes it a DOUBLE and not a DECIMAL.
    char text[32];
    auto end = std::to_chars(std::begin(text), std::end(text), x, std::chars_format::scientific).ptr;
    out_.append(text, end);
    return {};
  }

  problem_text operator()(const std::string& x) {
    append_text_literal(out_, x, charset_, form_);
    return {};
  }

  problem_text operator()(const bytes& x) {
    out_ += 'X';
    append_hexadecimal(out_, x.data);
    return {};
  }

  problem_text operator()(const decimal& x) {
    if (!is_decimal(x.digits))
      return "is not a decimal number: write it as -12.340, with at most 65 digits";
    out_ += x.digits;
    return {};
  }

  problem_text operator()(const date& x) { return temporal(x, "DATE", "date: the last is 9999-12-31"); }

  problem_text operator()(const datetime& x) {
    return temporal(x, "TIMESTAMP", "datetime: the last is 9999-12-31 23:59:59.999999");
  }

  problem_text operator()(const time& x) { return temporal(x, "TIME", "time: the longest is 838:59:59.999999"); }

private:
  template <class T>
  problem_text number(T x) {
    char text[24];
    out_.append(text, std::to_chars(std::begin(text), std::end(text), x).ptr);
    return {};
  }

  /// A literal of its type: a mere text would be compared as text. There is none for dates that no calendar has, and
  /// which the server may accept in a column all the same.
  template <class T>
  problem_text temporal(const T& x, const char* type, const char* wanted) {
    if (!detail::in_range(x))
      return "is out of the range of a " + std::string{wanted};
    if (is_real(x) && !ends_with_type(out_))
      out_ += type;
    out_ += '\'';
    detail::append_text(out_, x);
    out_ += '\'';
    return {};
  }

  /// Digits, perhaps with a sign before and a point among them.
  static bool is_decimal(std::string_view text) {
    constexpr size_t max_length = 200; // Zeros before it count for nothing, but they take room.
    if (text.size() > max_length)
      return false;
    if (text.starts_with('-'))
      text.remove_prefix(1);
    auto point = std::min(text.find('.'), text.size());
    auto whole = text.substr(0, point);
    auto fraction = text.substr(std::min(point + 1, text.size()));
    if (whole.empty() || (point < text.size() && fraction.empty()) || !std::ranges::all_of(whole, is_digit)
        || !std::ranges::all_of(fraction, is_digit))
      return false;
    whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
    return whole.size() + fraction.size() <= 65;
  }

  std::string& out_;
  const MARIADB_CHARSET_INFO& charset_;
  text_form form_;
};

std::string amount(size_t n, const char* thing) {
  return std::to_string(n) + " " + thing + (n == 1 ? "" : "s");
}

std::string wrong_number(size_t placeholders, size_t params) {
  if (params == 0)
    return "the statement has " + amount(placeholders, "placeholder")
           + " (?) but no parameters: give a value for each, or put a ? that is meant as text in quotes";
  return "the statement has " + amount(placeholders, "placeholder") + " (?) but " + amount(params, "parameter")
         + ": give one value for each ?";
}

size_t position(const std::vector<std::string>& names, std::string_view wanted) {
  return static_cast<size_t>(std::ranges::find(names, wanted) - names.begin());
}

/// Some placeholders that there are parameters for.
std::string examples(const std::vector<std::string>& names) {
  constexpr size_t max_names = 20;
  std::string result;
  for (size_t i = 0; i < std::min(names.size(), max_names); ++i)
    result += (i == 0 ? ":" : ", :") + names[i];
  if (names.size() > max_names)
    result += " ...";
  return result;
}

std::string unknown_name(std::string_view name, const std::vector<std::string>& names) {
  return "the statement has a placeholder :" + std::string{name} + " but no parameter of that name: there are "
         + examples(names) + "; upper and lower case count";
}

/// Why the placeholders cannot be found for certain, and what to write instead.
std::string explain(uncertainty why) {
  switch (why) {
  case uncertainty::none:
    break;
  case uncertainty::backslash:
    return "the statement has parameters and a backslash in a place where the SQL mode decides which quotes end: write "
           "a quote in a text twice ('it''s'), or make the text a parameter";
  case uncertainty::executable_comment:
    return "the statement has parameters and an executable comment (/*! ... */), in which the server's version decides "
           "what is a placeholder: write it without the comment";
  case uncertainty::dashes:
    return "the statement has parameters and -- before a character beyond ASCII, where the character set decides "
           "whether it is a comment: write a space behind the -- of a comment, and between two signs";
  case uncertainty::hint:
    return "the statement has parameters and quotes in a hint (/*+ ... */), where the server decides what they end: "
           "write the hint without quotes";
  case uncertainty::dollar_quotes:
    return "the statement has parameters and $$ or $...$, which quote text for some servers: put such a name in "
           "quotes, "
           "or make the text a parameter";
  }
  return {};
}

/// What is wrong with the placeholders as a whole.
problem_text mismatch(const placeholder_list& found, const statement& what) {
  auto used = found.places.size();
  if (found.doubt != uncertainty::none)
    return what.params.empty() ? problem_text{} : explain(found.doubt);
  if (what.names.empty())
    return used == what.params.size() ? problem_text{} : wrong_number(used, what.params.size());
  if (found.question_mark)
    return "the statement has a placeholder ? but its parameters have names: write " + examples(what.names);
  if (used == 0)
    return "the statement uses none of its parameters: write " + examples(what.names) + " outside of quotes";
  return {};
}

/// What is wrong with the text itself, whatever its placeholders.
problem_text malformed(const statement& what, const MARIADB_CHARSET_INFO& charset) {
  if (what.sql.find_first_not_of(" \t\r\n;") == std::string::npos)
    return "the statement is empty";
  if (auto nul = what.sql.find('\0'); nul != std::string::npos)
    return "the SQL text has a NUL at byte " + std::to_string(nul) + ": pass such text as a parameter";
  if (!what.names.empty() && what.names.size() != what.params.size())
    return "the statement has " + amount(what.names.size(), "name") + " for " + amount(what.params.size(), "parameter")
           + ": give one name for each";
  if (!what.params.empty() && !is_ascii_safe(charset) && !is_ascii(what.sql))
    return std::string{"a statement changed the session's character set to "} + charset.csname
           + ", in which placeholders cannot be found beside characters beyond ASCII: pass these as parameters, or use "
             "utf8mb4";
  return {};
}

} // namespace

problem_text fill_in(std::string& out, const statement& what, const MARIADB_CHARSET_INFO& charset) {
  out.clear();
  if (auto wrong = malformed(what, charset))
    return wrong;
  auto named = !what.names.empty();
  auto found = what.params.empty() && !is_ascii_safe(charset)
                   ? placeholder_list{}
                   : find_placeholders(what.sql, named ? placeholders::named : placeholders::numbered);
  if (auto wrong = mismatch(found, what))
    return wrong;
  if (what.params.empty()) {
    out = what.sql;
    return {};
  }
  literal_writer write{out, charset, may_hide_quotes(what.sql) ? text_form::hexadecimal : text_form::any};
  size_t copied = 0;
  for (size_t i = 0; i < found.places.size(); ++i) {
    auto [pos, size] = found.places[i];
    auto name = std::string_view{what.sql}.substr(pos + 1, size - 1);
    auto index = named ? position(what.names, name) : i;
    if (index >= what.params.size())
      return unknown_name(name, what.names);
    out.append(what.sql, copied, pos - copied);
    copied = pos + size;
    if (!out.empty() && sticks_to_literals(out.back()))
      out += ' ';
    if (auto wrong = std::visit(write, what.params[index]))
      return "parameter " + (named ? ":" + what.names[index] : std::to_string(i + 1)) + " " + *wrong;
    if (copied < what.sql.size() && sticks_to_literals(what.sql[copied]))
      out += ' ';
  }
  out.append(what.sql, copied);
  return {};
}

} // namespace cenote::db

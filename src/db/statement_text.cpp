#include "db/statement_text.hpp"

#include "db/parameter_rules.hpp"
#include "db/placeholders.hpp"
#include "db/session.hpp"
#include "db/text_literal.hpp"
#include "types/temporal_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace cenote::db {

namespace {

using problem_text = std::optional<std::string>;

/// Whether this character would form one token with a literal beside it.
bool sticks_to_literals(char c) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'
         || c == '\\' || c == '@' || c == '.' || c == '\'' || c == '"' || c == '`';
}

bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Whether a multi-byte character set that the session may have without our knowledge could read a backslash or a
/// backtick as the second half of a character, so that quotes end elsewhere. No such set does so with other quotes.
bool may_hide_quotes(std::string_view sql) noexcept {
  for (auto pos = sql.find_first_of("\\`"); pos != std::string_view::npos; pos = sql.find_first_of("\\`", pos + 1))
    if (pos > 0 && static_cast<unsigned char>(sql[pos - 1]) >= 0x80)
      return true;
  return false;
}

/// Whether the text ends with a word that turns the text behind it into a typed literal: `DATE '2024-01-31'`.
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

/// Appends one value as a literal. Every function returns the problem with the value, if there is one.
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

  problem_text operator()(int64_t value) { return number(value); }

  problem_text operator()(uint64_t value) { return number(value); }

  problem_text operator()(double value) {
    if (!std::isfinite(value))
      return "is not a finite number: SQL has no NaN and no infinity, use NULL";
    // Shortest form that reads back as the same number. The exponent makes it a DOUBLE and not a DECIMAL.
    char text[32];
    auto end = std::to_chars(std::begin(text), std::end(text), value, std::chars_format::scientific).ptr;
    out_.append(text, end);
    return {};
  }

  problem_text operator()(const std::string& value) {
    append_text_literal(out_, value, charset_, form_);
    return {};
  }

  problem_text operator()(const bytes& value) {
    out_ += 'X';
    append_hexadecimal(out_, value.data);
    return {};
  }

  problem_text operator()(const decimal& value) {
    if (!is_decimal(value.digits))
      return "is not a decimal number: write it as -12.340, with at most 65 digits";
    out_ += value.digits;
    return {};
  }

  problem_text operator()(const date& value) { return temporal(value, "DATE", "date: the last is 9999-12-31"); }

  problem_text operator()(const datetime& value) {
    return temporal(value, "TIMESTAMP", "datetime: the last is 9999-12-31 23:59:59.999999");
  }

  problem_text operator()(const time& value) {
    return temporal(value, "TIME", "time: the longest is 838:59:59.999999");
  }

private:
  template <class T>
  problem_text number(T value) {
    char text[24];
    out_.append(text, std::to_chars(std::begin(text), std::end(text), value).ptr);
    return {};
  }

  /// A literal of its type: a plain text would be compared as text. There is none for dates that no calendar has, which
  /// the server may accept in a column all the same.
  template <class T>
  problem_text temporal(const T& value, const char* type, const char* range) {
    if (!detail::in_range(value))
      return "is out of the range of a " + std::string{range};
    if (is_real(value) && !ends_with_type(out_))
      out_ += type;
    out_ += '\'';
    detail::append_text(out_, value);
    out_ += '\'';
    return {};
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

size_t position(const std::vector<std::string>& names, std::string_view name) {
  return static_cast<size_t>(std::ranges::find(names, name) - names.begin());
}

/// Some placeholders for the given parameters.
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
std::string explain(uncertainty reason) {
  switch (reason) {
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

/// The problem with the placeholders as a whole, if there is one.
problem_text mismatch(const placeholder_list& found, const statement& query) {
  auto used = found.places.size();
  if (found.doubt != uncertainty::none)
    return query.params.empty() ? problem_text{} : explain(found.doubt);
  if (query.names.empty())
    return used == query.params.size() ? problem_text{} : wrong_number(used, query.params.size());
  if (found.question_mark)
    return "the statement has a placeholder ? but its parameters have names: write " + examples(query.names);
  if (used == 0)
    return "the statement uses none of its parameters: write " + examples(query.names) + " outside of quotes";
  return {};
}

/// The problem with the text itself, whatever its placeholders, if there is one.
problem_text malformed(const statement& query, const MARIADB_CHARSET_INFO& charset) {
  if (query.sql.find_first_not_of(" \t\r\n;") == std::string::npos)
    return "the statement is empty";
  if (auto nul = query.sql.find('\0'); nul != std::string::npos)
    return "the SQL text has a NUL at byte " + std::to_string(nul) + ": pass such text as a parameter";
  if (!query.names.empty() && query.names.size() != query.params.size())
    return "the statement has " + amount(query.names.size(), "name") + " for "
           + amount(query.params.size(), "parameter") + ": give one name for each";
  if (!query.params.empty() && !is_ascii_safe(charset) && !is_ascii(query.sql))
    return std::string{"a statement changed the session's character set to "} + charset.csname
           + ", in which placeholders cannot be found beside characters beyond ASCII: pass these as parameters, or use "
             "utf8mb4";
  return {};
}

} // namespace

problem_text fill_in(std::string& out, const statement& query, const MARIADB_CHARSET_INFO& charset) {
  out.clear();
  if (auto problem = malformed(query, charset))
    return problem;
  auto named = !query.names.empty();
  auto found = query.params.empty() && !is_ascii_safe(charset)
                   ? placeholder_list{}
                   : find_placeholders(query.sql, named ? placeholders::named : placeholders::numbered);
  if (auto problem = mismatch(found, query))
    return problem;
  if (query.params.empty()) {
    out = query.sql;
    return {};
  }
  literal_writer write{out, charset, may_hide_quotes(query.sql) ? text_form::hexadecimal : text_form::any};
  size_t copied = 0;
  for (size_t i = 0; i < found.places.size(); ++i) {
    auto [pos, size] = found.places[i];
    auto name = std::string_view{query.sql}.substr(pos + 1, size - 1);
    auto index = named ? position(query.names, name) : i;
    if (index >= query.params.size())
      return unknown_name(name, query.names);
    out.append(query.sql, copied, pos - copied);
    copied = pos + size;
    if (!out.empty() && sticks_to_literals(out.back()))
      out += ' ';
    if (auto problem = std::visit(write, query.params[index]))
      return "parameter " + (named ? ":" + query.names[index] : std::to_string(i + 1)) + " " + *problem;
    if (copied < query.sql.size() && sticks_to_literals(query.sql[copied]))
      out += ' ';
  }
  out.append(query.sql, copied);
  return {};
}

} // namespace cenote::db

#include "app/parameters.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace cenote::app {

namespace {

/// More digits than a DECIMAL has.
constexpr size_t max_digits = 65;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// `0`, `-42`, `3.140`, and nothing else that is a number.
bool is_plain_number(std::string_view text, bool& has_point) {
  if (text.starts_with('-'))
    text.remove_prefix(1);
  auto point = text.find('.');
  has_point = point != std::string_view::npos;
  auto whole = text.substr(0, point);
  auto fraction = has_point ? text.substr(point + 1) : std::string_view{};
  if (whole.empty() || !std::ranges::all_of(whole, is_digit) || (whole.size() > 1 && whole.front() == '0'))
    return false;
  if (has_point && (fraction.empty() || !std::ranges::all_of(fraction, is_digit)))
    return false;
  return whole.size() + fraction.size() <= max_digits;
}

template <class T>
std::optional<value> parse_integer(std::string_view text) {
  T result;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return result;
}

/// Drops what may stand before the first keyword: blanks, comments, opening parentheses.
std::string_view skip_to_keyword(std::string_view sql) {
  auto skip_past = [&sql](std::string_view end) {
    auto i = sql.find(end);
    sql.remove_prefix(i == std::string_view::npos ? sql.size() : i + end.size());
  };
  while (!sql.empty()) {
    if (std::isspace(static_cast<unsigned char>(sql.front())) || sql.front() == '(')
      sql.remove_prefix(1);
    else if (sql.front() == '#' || sql.starts_with("-- ") || sql.starts_with("--\n") || sql.starts_with("--\t"))
      skip_past("\n");
    else if (sql.starts_with("/*") && !sql.starts_with("/*!") && !sql.starts_with("/*M!")) // Those are executed.
      skip_past("*/");
    else
      break;
  }
  return sql;
}

bool is_read(std::string_view sql) {
  sql = skip_to_keyword(sql);
  auto end = std::ranges::find_if_not(sql, [](unsigned char c) { return std::isalpha(c) || c == '_'; });
  std::string keyword{sql.begin(), end};
  std::ranges::transform(keyword, keyword.begin(), [](unsigned char c) { return std::toupper(c); });
  constexpr auto reads = std::to_array<std::string_view>({"SELECT", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"});
  return std::ranges::find(reads, keyword) != reads.end();
}

} // namespace

value to_parameter(std::string_view text) {
  if (text == "NULL")
    return null{};
  auto has_point = false;
  if (!is_plain_number(text, has_point) || text == "-0")
    return std::string{text};
  if (!has_point) {
    if (auto x = parse_integer<int64_t>(text))
      return *x;
    if (auto x = parse_integer<uint64_t>(text))
      return *x;
  }
  return decimal{std::string{text}};
}

statement to_statement(std::string sql, const std::vector<std::string>& params, parameter_reading how) {
  statement result;
  result.kind = is_read(sql) ? statement_kind::read : statement_kind::write;
  result.sql = std::move(sql);
  for (auto& x : params)
    result.params.push_back(how == parameter_reading::as_text ? value{x} : to_parameter(x));
  return result;
}

} // namespace cenote::app

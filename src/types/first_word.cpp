#include "types/first_word.hpp"

#include <algorithm>

namespace cenote::detail {

namespace {

constexpr auto npos = std::string_view::npos;

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Skips blanks, parentheses and comments. Stops at an executable comment, whose content is not analysed.
std::string_view skip_to_word(std::string_view sql) {
  for (;;) {
    auto pos = sql.find_first_not_of(" \t\r\n\f\v(");
    if (pos == npos)
      return {};
    sql.remove_prefix(pos);
    if (sql.starts_with("/*") && !sql.starts_with("/*!") && !sql.starts_with("/*M!")) {
      auto end = sql.find("*/", 2);
      sql.remove_prefix(end == npos ? sql.size() : end + 2);
    } else if (sql.starts_with("--") || sql.starts_with('#')) {
      auto end = sql.find('\n');
      sql.remove_prefix(end == npos ? sql.size() : end + 1);
    } else {
      return sql;
    }
  }
}

} // namespace

std::string_view first_word_as_written(std::string_view sql) {
  auto rest = skip_to_word(sql);
  return {rest.begin(), std::ranges::find_if_not(rest, is_word_char)};
}

std::string first_word(std::string_view sql) {
  std::string result{first_word_as_written(sql)};
  std::ranges::transform(result, result.begin(), upper);
  return result;
}

} // namespace cenote::detail

#include "db/placeholders.hpp"

#include <algorithm>
#include <array>

namespace cenote::db {

namespace {

/// The characters that can begin a placeholder, a quote or a comment.
constexpr auto is_special = [] {
  std::array<bool, 256> result{};
  for (char c : {'?', ':', '\'', '"', '`', '#', '-', '/', '$'})
    result[static_cast<unsigned char>(c)] = true;
  return result;
}();

bool is_space_or_control(char c) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Whether the server reads this character as part of an unquoted name.
bool is_name_part(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'
         || static_cast<unsigned char>(c) >= 0x80;
}

/// Whether a `:` behind this character is not the beginning of a placeholder.
bool leads_no_placeholder(char c) noexcept {
  return is_name_part(c) || c == ':' || c == '\'' || c == '"' || c == '`';
}

} // namespace

size_t placeholder_finder::next() noexcept {
  for (; pos_ < sql_.size(); ++pos_) {
    auto c = sql_[pos_];
    if (!is_special[static_cast<unsigned char>(c)])
      continue;
    switch (c) {
    case '?':
      if (kind_ == placeholders::numbered)
        return pos_++;
      question_mark_ = true;
      break;
    case ':':
      if (auto begin = pos_; kind_ == placeholders::named && read_name())
        return begin;
      break;
    case '\'':
      skip_quoted(c, mode_.backslash_escapes);
      break;
    case '"':
      skip_quoted(c, mode_.backslash_escapes && !mode_.ansi_quotes);
      break;
    case '`':
      skip_quoted(c, false);
      break;
    case '#':
      skip_line();
      break;
    case '-':
      if (at(1, '-'))
        skip_dashes();
      break;
    case '/':
      if (at(1, '*'))
        skip_comment();
      break;
    case '$':
      skip_dollar();
      break;
    }
  }
  return npos;
}

bool placeholder_finder::read_name() noexcept {
  auto begin = pos_ + 1;
  if ((pos_ > 0 && leads_no_placeholder(sql_[pos_ - 1])) || begin >= sql_.size() || !is_name_part(sql_[begin])
      || is_digit(sql_[begin]))
    return false;
  auto end = begin;
  while (end < sql_.size() && is_name_part(sql_[end]))
    ++end;
  name_ = sql_.substr(begin, end - begin);
  pos_ = end;
  return true;
}

/// Leaves `pos_` at the closing quote, or at the end. A doubled quote needs no special treatment: it ends one quoted
/// part and begins another.
void placeholder_finder::skip_quoted(char quote, bool backslash_escapes) noexcept {
  for (++pos_; pos_ < sql_.size() && sql_[pos_] != quote; ++pos_)
    if (backslash_escapes && sql_[pos_] == '\\')
      ++pos_;
}

void placeholder_finder::skip_line() noexcept {
  pos_ = std::min(sql_.find('\n', pos_), sql_.size());
}

/// To the server, `--` begins a comment only before a space, a control character or the end. Which bytes beyond ASCII
/// are one of these depends on the character set: 0xA0 is a space in latin1, and part of a letter in UTF-8.
void placeholder_finder::skip_dashes() noexcept {
  if (pos_ + 2 >= sql_.size() || is_space_or_control(sql_[pos_ + 2]))
    skip_line();
  else if (static_cast<unsigned char>(sql_[pos_ + 2]) >= 0x80)
    give_up(uncertainty::dashes);
}

void placeholder_finder::skip_comment() noexcept {
  if (at(2, '!') || (at(2, 'M') && at(3, '!')))
    return give_up(uncertainty::executable_comment);
  auto end = sql_.find("*/", pos_ + 2);
  // For a server that reads hints, an end of the comment within their quotes does not count.
  if (at(2, '+') && sql_.substr(pos_, end - pos_).find_first_of("'\"`") != npos)
    return give_up(uncertainty::hint);
  pos_ = end == npos ? sql_.size() : end + 1;
}

/// MySQL 9 quotes text between `$$` and `$$`, or `$tag$` and `$tag$`, unless the first `$` is part of a name.
void placeholder_finder::skip_dollar() noexcept {
  if (pos_ > 0 && is_name_part(sql_[pos_ - 1]))
    return;
  auto end = pos_ + 1;
  while (end < sql_.size() && sql_[end] != '$' && is_name_part(sql_[end]))
    ++end;
  if (end < sql_.size() && sql_[end] == '$')
    give_up(uncertainty::dollar_quotes);
}

void placeholder_finder::give_up(uncertainty reason) noexcept {
  uncertainty_ = reason;
  pos_ = sql_.size();
}

namespace {

placeholder_list find_with(std::string_view sql, quoting mode, placeholders kind) {
  placeholder_list result;
  placeholder_finder finder{sql, mode, kind};
  for (auto pos = finder.next(); pos != placeholder_finder::npos; pos = finder.next())
    result.places.push_back({pos, finder.size()});
  result.question_mark = finder.met_question_mark();
  result.doubt = finder.met();
  return result;
}

} // namespace

placeholder_list find_placeholders(std::string_view sql, placeholders kind) {
  auto result = find_with(sql, {true, false}, kind);
  // SQL modes differ only in how they read a backslash.
  if (sql.find('\\') != std::string_view::npos
      && (result != find_with(sql, {true, true}, kind) || result != find_with(sql, {false, false}, kind)))
    result.doubt = uncertainty::backslash;
  return result;
}

} // namespace cenote::db

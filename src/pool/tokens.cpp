#include "pool/tokens.hpp"

#include <algorithm>
#include <utility>

namespace cenote::pool {

namespace {

constexpr auto npos = std::string_view::npos;

bool is_name_char(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z')
         || (character >= '0' && character <= '9') || character == '_' || character == '$'
         || static_cast<unsigned char>(character) >= 0x80;
}

} // namespace

std::string upper(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    c = upper(c);
  return result;
}

std::optional<token> tokens::next() {
  while (!rest_.empty()) {
    auto c = rest_.front();
    if (rest_.starts_with("/*!") || rest_.starts_with("/*M!"))
      drop(rest_.find('!') + 1); // Its content counts.
    else if (rest_.starts_with("/*"))
      drop_after(rest_.find("*/", 2), 2);
    else if (c == '#' || begins_dash_comment())
      drop_after(rest_.find('\n'), 1);
    else if (quotes_ == quotes::keep_literals && (c == '\'' || c == '"'))
      return token{token::token_kind::literal, quoted()};
    else if (c == '\'')
      quoted();
    else if (c == '`' || c == '"') // A name in some SQL modes.
      return token{token::token_kind::name, quoted()};
    else if (is_name_char(c))
      return token{token::token_kind::word, word()};
    else if (drop(1); std::string_view{" \t\r\n\f\v"}.find(c) == npos)
      return token{token::token_kind::sign, std::string(1, c)};
  }
  return std::nullopt;
}

/// Two dashes begin a comment only before a blank or the end: `5--f()` calls a function.
bool tokens::begins_dash_comment() const {
  return rest_.starts_with("--")
         && (rest_.size() == 2 || static_cast<unsigned char>(rest_[2]) <= static_cast<unsigned char>(' '));
}

void tokens::drop(size_t n) {
  rest_.remove_prefix(std::min(n, rest_.size()));
}

void tokens::drop_after(size_t pos, size_t length) {
  drop(pos == npos ? rest_.size() : pos + length);
}

std::string tokens::word() {
  size_t n = 0;
  while (n < rest_.size() && is_name_char(rest_[n]))
    ++n;
  std::string result{rest_.substr(0, n)};
  drop(n);
  return result;
}

std::string tokens::quoted() {
  auto quote = rest_.front();
  std::string result;
  drop(1);
  while (!rest_.empty()) {
    if (rest_.front() == quote) {
      if (rest_.size() < 2 || rest_[1] != quote)
        break;
      drop(1);
    }
    result += rest_.front();
    drop(1);
  }
  drop(1);
  return result;
}

std::vector<std::string> first_words(std::string_view sql, size_t count) {
  std::vector<std::string> result;
  tokens scanner{sql};
  for (auto current = scanner.next(); current && result.size() < count; current = scanner.next()) {
    if (current->kind == token::token_kind::sign && current->text == "(")
      continue;
    if (current->kind != token::token_kind::word)
      break;
    result.push_back(upper(current->text));
  }
  return result;
}

} // namespace cenote::pool

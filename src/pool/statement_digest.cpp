#include "pool/statement_digest.hpp"

#include "pool/tokens.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

namespace cenote::pool {

namespace {

using kind = token::token_kind;

constexpr std::string_view placeholder = "?";
constexpr std::string_view rest = "...";

bool is_digit(char character) {
  return character >= '0' && character <= '9';
}

bool begins_number(const token& candidate) {
  return candidate.kind == kind::word && is_digit(candidate.text.front());
}

bool is_sign(const std::optional<token>& candidate, std::string_view sign) {
  return candidate && candidate->kind == kind::sign && candidate->text == sign;
}

/// Whether the text may continue after its last quote: a backslash before it may escape it, or not.
bool may_go_on(std::string_view text) {
  auto backslashes = text.size() - (text.find_last_not_of('\\') + 1);
  return backslashes % 2 == 1;
}

/// Whether this word makes the text after it a literal of another form: `x'41'`.
bool is_prefix_of_literal(const token& word) {
  return word.kind == kind::word && word.text.size() == 1
         && std::string_view{"xXbBnN"}.find(word.text[0]) != word.text.npos;
}

/// Whether a parenthesis after this word is not that of a function or a table.
bool stands_apart(std::string_view word) {
  constexpr std::array words{"AND", "AS", "BETWEEN", "BY",  "CASE", "ELSE",  "EXISTS", "FROM",   "HAVING", "IN",   "ON",
                             "NOT", "OR", "SELECT",  "SET", "THEN", "USING", "UNION",  "VALUES", "WHEN",   "WHERE"};
  auto upper_case = upper(word);
  return std::ranges::find(words, upper_case) != words.end();
}

/// Puts the parts of a digest together.
class digest_writer {
public:
  void add(const token& part) {
    auto is_placeholder = part.kind == kind::sign && part.text == placeholder;
    if (part.kind == kind::literal || is_placeholder || begins_number(part))
      add_literal();
    else if (part.kind == kind::name)
      push('`' + part.text + '`');
    else if (part.kind == kind::sign && part.text == ")")
      close_group();
    else
      add_word_or_sign(part.text);
  }

  /// Whether a dot would introduce a column or a table.
  bool ends_in_name() const {
    if (parts_.empty())
      return false;
    auto last = parts_.back().back();
    return last == '`' || last == '_' || last == '$' || static_cast<unsigned char>(last) >= 0x80 || is_digit(last)
           || (upper(last) >= 'A' && upper(last) <= 'Z' && !stands_apart(parts_.back()));
  }

  bool is_long() const noexcept { return bytes_ > max_digest_bytes; }

  std::string text() const {
    std::string out;
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (i > 0 && needs_space(parts_[i - 1], parts_[i]))
        out += ' ';
      out += parts_[i];
      if (out.size() > max_digest_bytes) {
        out.resize(max_digest_bytes - rest.size());
        while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80)
          out.pop_back(); // No part of a character stays,
        if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0)
          out.pop_back(); // nor its beginning.
        return out + std::string{rest};
      }
    }
    return out;
  }

  void end_early() { parts_.emplace_back(rest); }

private:
  void add_word_or_sign(const std::string& text) {
    if (text == "(")
      open_groups_.push_back(parts_.size());
    push(text);
  }

  /// One placeholder represents a list of literals.
  void add_literal() {
    auto n = parts_.size();
    if (n >= 2 && parts_[n - 1] == "," && parts_[n - 2] == placeholder)
      pop();
    else
      push(std::string{placeholder});
  }

  /// One group represents a list of identical ones.
  void close_group() {
    push(")");
    if (open_groups_.empty())
      return;
    auto begin = open_groups_.back();
    open_groups_.pop_back();
    auto before = begin >= 2 && parts_[begin - 1] == "," ? groups_.find(begin - 2) : groups_.end();
    auto end = parts_.size() - 1;
    if (before != groups_.end() && begin - 2 - before->second == end - begin
        && std::equal(parts_.begin() + index(before->second), parts_.begin() + index(begin - 1),
                      parts_.begin() + index(begin))) {
      while (parts_.size() > begin - 1)
        pop();
      groups_.erase(groups_.upper_bound(begin - 2), groups_.end());
    } else {
      groups_[end] = begin;
    }
  }

  static std::ptrdiff_t index(size_t position) { return static_cast<std::ptrdiff_t>(position); }

  void push(std::string part) {
    bytes_ += part.size() + 1;
    parts_.push_back(std::move(part));
  }

  void pop() {
    bytes_ -= parts_.back().size() + 1;
    parts_.pop_back();
  }

  static bool needs_space(std::string_view before, std::string_view after) {
    constexpr std::string_view closing = ",.;)";
    constexpr std::string_view opening = "(.@:";
    constexpr std::string_view operators = "<>=!|&+-*/%^~";
    if (after.size() == 1 && closing.find(after[0]) != closing.npos)
      return false;
    if (before.size() == 1 && opening.find(before[0]) != opening.npos)
      return false;
    if (after == "(")
      return operators.find(before[0]) != operators.npos || before == "," || stands_apart(before);
    auto both_operators = before.size() == 1 && after.size() == 1 && operators.find(before[0]) != operators.npos
                          && operators.find(after[0]) != operators.npos;
    return !both_operators;
  }

  std::vector<std::string> parts_;
  std::vector<size_t> open_groups_;
  std::map<size_t, size_t> groups_; ///< The beginning of each, by its end.
  size_t bytes_ = 0;
};

/// Skips the rest of a number after its first digits: `.5` and `e-3`.
void finish_number(const token& first, tokens& scanner, std::optional<token>& next) {
  auto text = first.text;
  while (next) {
    auto is_exponent = (text.back() == 'e' || text.back() == 'E') && !text.starts_with("0x") && !text.starts_with("0X");
    if (is_sign(next, ".") || (is_exponent && (is_sign(next, "-") || is_sign(next, "+")))) {
      next = scanner.next();
      text = " ";
      if (next && begins_number(*next)) {
        text = next->text;
        next = scanner.next();
      }
    } else {
      return;
    }
  }
}

} // namespace

std::string digest_of(std::string_view sql) {
  tokens scanner{sql, tokens::quotes::keep_literals};
  digest_writer out;
  for (auto next = scanner.next(); next && !out.is_long();) {
    auto current = std::move(*next);
    next = scanner.next();
    if (current.kind == kind::literal && may_go_on(current.text)) {
      out.add(current);
      out.end_early();
      break;
    }
    if (is_prefix_of_literal(current) && next && next->kind == kind::literal)
      continue;
    if (current.kind == kind::sign && current.text == "." && next && begins_number(*next) && !out.ends_in_name()) {
      current = std::move(*next);
      next = scanner.next();
    }
    if (begins_number(current))
      finish_number(current, scanner, next);
    out.add(current);
  }
  return out.text();
}

} // namespace cenote::pool

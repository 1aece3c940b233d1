#include "config/outline.hpp"

#include <cctype>
#include <vector>

namespace cenote::config {

namespace {

bool is_key_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
}

class scanner {
public:
  explicit scanner(std::string_view text) : text_{text} {
    // nop
  }

  outline run() {
    if (auto carriage_return = text_.find('\r'); carriage_return != std::string_view::npos) {
      while (pos_ < carriage_return)
        next();
      fail("Windows line end (carriage return): save the file with Unix line ends");
    }
    for (skip_space(); !at_end(); skip_space()) {
      if (peek() == '}')
        leave_section();
      else
        read_entry();
    }
    if (!open_.empty())
      throw text_error{open_.back().line, "section '" + open_.back().name + "' is never closed: a '}' is missing"};
    return std::move(found_);
  }

  /// The keys found so far, after an error.
  outline found() && { return std::move(found_); }

private:
  struct open_section {
    std::string name;
    size_t line;
  };

  // -- characters ----------------------------------------------------------------------------------------------------

  [[noreturn]] void fail(const std::string& text) const { throw text_error{line_, text}; }

  bool at_end() const { return pos_ == text_.size(); }

  /// The next character; NUL at the end.
  char peek() const { return at_end() ? '\0' : text_[pos_]; }

  char next() {
    auto c = text_[pos_++];
    if (c == '\n')
      ++line_;
    return c;
  }

  bool skip(char c) {
    if (at_end() || peek() != c)
      return false;
    next();
    return true;
  }

  void skip_comment() {
    while (!at_end() && peek() != '\n')
      next();
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t')
      next();
  }

  /// Skips the space between entries. CAF checks whether a comma is allowed there.
  void skip_space() {
    for (;;) {
      if (peek() == '#')
        skip_comment();
      else if (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == ',')
        next();
      else
        return;
    }
  }

  // -- entries -------------------------------------------------------------------------------------------------------

  void leave_section() {
    if (open_.empty())
      fail("'}' without a '{' before it");
    open_.pop_back();
    next();
  }

  void read_entry() {
    auto line = line_;
    auto name = read_key();
    skip_blanks();
    auto assigned = skip('=') || skip(':');
    skip_blanks();
    auto& entry = add(name, line);
    if (skip('{'))
      open_.push_back({name, line});
    else if (!assigned)
      fail("'" + name + "' needs '= value' or '{ ... }' after it");
    else
      read_value(name, entry);
  }

  std::string read_key() {
    std::string out;
    if (peek() == '"' || peek() == '\'') {
      out = read_quoted();
      for (auto c : out)
        if (!is_key_char(c))
          fail("the key in quotes has a character that is not allowed in a key");
      return out;
    }
    while (is_key_char(peek()))
      out += next();
    if (out.empty())
      fail("a key is expected here");
    if (peek() == '.')
      fail("dotted key '" + out + ".': write a section in braces instead: " + out + " { ... }");
    return out;
  }

  outline_entry& add(const std::string& name, size_t line) {
    std::string path;
    for (auto& section : open_)
      path += section.name + '.';
    path += name;
    auto [i, is_new] = found_.try_emplace(path);
    if (!is_new)
      throw text_error{line, "'" + path + "' is given twice, first in line " + std::to_string(i->second.line)};
    i->second.line = line;
    return i->second;
  }

  void read_value(const std::string& name, outline_entry& entry) {
    using value_form = outline_entry::value_form;
    auto begin = pos_;
    if (peek() == '"' || peek() == '\'') {
      entry.form = value_form::quoted;
      entry.text = read_quoted();
      entry.raw = text_.substr(begin, pos_ - begin);
    } else if (peek() == '[' || peek() == '<') {
      entry.form = value_form::other;
      skip_brackets();
    } else {
      entry.form = value_form::bare;
      while (!at_end() && std::string_view{" \t\n,#{}"}.find(peek()) == std::string_view::npos)
        next();
      entry.raw = entry.text = text_.substr(begin, pos_ - begin);
      if (entry.text.empty())
        fail("a value is missing after '" + name + " ='");
    }
  }

  std::string read_quoted() {
    std::string out;
    auto mark = next();
    while (peek() != mark) {
      if (at_end() || peek() == '\n')
        fail("a text in quotes is not closed");
      auto c = next();
      if (c != '\\') {
        out += c;
      } else if (!at_end()) {
        auto escaped = next();
        out += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped == 'r' ? '\r' : escaped;
      }
    }
    next();
    return out;
  }

  /// Skips a list with all that is nested in it, or a URI.
  void skip_brackets() {
    auto line = line_;
    std::string closing;
    do {
      if (at_end())
        throw text_error{line, std::string{"a '"} + closing.front() + "' is missing for what begins here"};
      auto c = peek();
      if (c == '"' || c == '\'') {
        read_quoted();
      } else if (c == '#' && closing.back() != '>') {
        skip_comment();
      } else {
        next();
        if (!closing.empty() && c == closing.back())
          closing.pop_back();
        else if (c == '[' || c == '{' || c == '<')
          closing += c == '[' ? ']' : c == '{' ? '}' : '>';
      }
    } while (!closing.empty());
  }

  std::string_view text_;
  size_t pos_ = 0;
  size_t line_ = 1;
  std::vector<open_section> open_;
  outline found_;
};

} // namespace

outline make_outline(std::string_view text) {
  scanner scan{text};
  try {
    return scan.run();
  } catch (text_error& err) {
    err.before = std::move(scan).found();
    throw;
  }
}

} // namespace cenote::config

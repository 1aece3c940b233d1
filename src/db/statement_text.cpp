#include "db/statement_text.hpp"

#include "types/temporal_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace cenote::db {

namespace {

using complaint_text = std::optional<std::string>;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Whether this character would melt into one token with a literal beside it.
bool sticks_to_literals(char c) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'
         || c == '@' || c == '.' || c == '\'' || c == '"' || c == '`';
}

/// The characters that `mysql_real_escape_string` may have to treat.
constexpr auto needs_care = [] {
  std::array<bool, 256> result{};
  for (auto c : {0x00, 0x0a, 0x0d, 0x1a, 0x22, 0x27, 0x5c})
    result[static_cast<size_t>(c)] = true;
  for (size_t c = 0x80; c < 256; ++c)
    result[c] = true;
  return result;
}();

/// Appends one value as a literal. Every function returns what is wrong with the value, if anything.
class literal_writer {
public:
  literal_writer(std::string& out, MYSQL& session) : out_{out}, session_{session} {
    // nop
  }

  complaint_text operator()(const null&) {
    out_ += "NULL";
    return {};
  }

  complaint_text operator()(int64_t x) { return number(x); }

  complaint_text operator()(uint64_t x) { return number(x); }

  complaint_text operator()(double x) {
    if (!std::isfinite(x))
      return "is not a finite number: SQL has no NaN and no infinity, use NULL";
    // Shortest form that reads back as the same number. The exponent makes it a DOUBLE and not a DECIMAL.
    char text[32];
    auto end = std::to_chars(std::begin(text), std::end(text), x, std::chars_format::scientific).ptr;
    out_.append(text, end);
    return {};
  }

  complaint_text operator()(const std::string& x) {
    out_ += '\'';
    if (std::ranges::none_of(x, [](char c) { return needs_care[static_cast<unsigned char>(c)]; })) {
      out_ += x;
    } else {
      auto old_size = out_.size();
      out_.resize(old_size + 2 * x.size() + 1);
      auto written = mysql_real_escape_string(&session_, out_.data() + old_size, x.data(), x.size());
      out_.resize(old_size + written);
    }
    out_ += '\'';
    return {};
  }

  complaint_text operator()(const bytes& x) {
    static constexpr char digits[] = "0123456789ABCDEF";
    out_ += "X'";
    auto old_size = out_.size();
    out_.resize(old_size + 2 * x.data.size());
    auto target = out_.data() + old_size;
    for (auto c : x.data) {
      auto byte = static_cast<unsigned char>(c);
      *target++ = digits[byte >> 4];
      *target++ = digits[byte & 0x0f];
    }
    out_ += '\'';
    return {};
  }

  complaint_text operator()(const decimal& x) {
    if (!is_decimal(x.digits))
      return "is not a decimal number: write it as -12.340, with at most 65 digits";
    out_ += x.digits;
    return {};
  }

  complaint_text operator()(const date& x) { return temporal(x, "date: the last is 9999-12-31"); }

  complaint_text operator()(const datetime& x) {
    return temporal(x, "datetime: the last is 9999-12-31 23:59:59.999999");
  }

  complaint_text operator()(const time& x) { return temporal(x, "time: the longest is 838:59:59.999999"); }

private:
  template <class T>
  complaint_text number(T x) {
    char text[24];
    out_.append(text, std::to_chars(std::begin(text), std::end(text), x).ptr);
    return {};
  }

  template <class T>
  complaint_text temporal(const T& x, const char* wanted) {
    if (!detail::in_range(x))
      return "is out of the range of a " + std::string{wanted};
    out_ += '\'';
    detail::append_text(out_, x);
    out_ += '\'';
    return {};
  }

  /// Digits, perhaps with a sign before and a point among them.
  static bool is_decimal(std::string_view text) {
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
  MYSQL& session_;
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
  constexpr size_t most = 20;
  std::string result;
  for (size_t i = 0; i < std::min(names.size(), most); ++i)
    result += (i == 0 ? ":" : ", :") + names[i];
  if (names.size() > most)
    result += " ...";
  return result;
}

std::string unknown_name(std::string_view name, const std::vector<std::string>& names) {
  return "the statement has a placeholder :" + std::string{name} + " but no parameter of that name: there are "
         + examples(names) + "; upper and lower case count";
}

/// What is wrong with the placeholders as a whole, of which there are `used`.
complaint_text mismatch(const placeholder_finder& finder, const statement& what, size_t used) {
  if (finder.met_executable_comment() && (used > 0 || !what.params.empty()))
    return "the statement has parameters and an executable comment (/*! ... */), in which the server's version decides "
           "what is a placeholder: write it without the comment";
  if (what.names.empty())
    return used == what.params.size() ? complaint_text{} : wrong_number(used, what.params.size());
  if (finder.met_question_mark())
    return "the statement has a placeholder ? but its parameters have names: write " + examples(what.names);
  if (used == 0)
    return "the statement uses none of its parameters: write " + examples(what.names) + " outside of quotes";
  return {};
}

} // namespace

std::optional<std::string> fill_in(std::string& out, const statement& what, quoting mode, MYSQL& session) {
  out.clear();
  if (what.sql.find_first_not_of(" \t\r\n;") == std::string::npos)
    return "the statement is empty";
  if (auto nul = what.sql.find('\0'); nul != std::string::npos)
    return "the SQL text has a NUL at byte " + std::to_string(nul) + ": pass such text as a parameter";
  auto named = !what.names.empty();
  if (named && what.names.size() != what.params.size())
    return "the statement has " + amount(what.names.size(), "name") + " for " + amount(what.params.size(), "parameter")
           + ": give one name for each";
  placeholder_finder finder{what.sql, mode, named ? placeholders::named : placeholders::numbered};
  literal_writer write{out, session};
  size_t copied = 0;
  size_t used = 0;
  for (auto pos = finder.next(); pos != placeholder_finder::npos; pos = finder.next()) {
    auto index = named ? position(what.names, finder.name()) : used;
    ++used;
    if (index >= what.params.size()) {
      if (named)
        return unknown_name(finder.name(), what.names);
      continue; // Only counts, for the error text.
    }
    out.append(what.sql, copied, pos - copied);
    copied = pos + finder.size();
    if (!out.empty() && sticks_to_literals(out.back()))
      out += ' ';
    if (auto wrong = std::visit(write, what.params[index]))
      return "parameter " + (named ? ":" + what.names[index] : std::to_string(used)) + " " + *wrong;
    if (copied < what.sql.size() && sticks_to_literals(what.sql[copied]))
      out += ' ';
  }
  if (auto wrong = mismatch(finder, what, used))
    return wrong;
  out.append(what.sql, copied);
  return std::nullopt;
}

} // namespace cenote::db

#include "config/setting.hpp"

#include "config/duration.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace cenote::config {

namespace {

using namespace std::chrono_literals;

/// Separates by ", ", and by " or " before the last.
std::string enumerate(const std::vector<std::string>& xs) {
  std::string out;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (i > 0)
      out += i + 1 < xs.size() ? ", " : " or ";
    out += xs[i];
  }
  return out;
}

// -- reading: the value if it is of the right form -------------------------------------------------------------------

std::optional<uint64_t> read(const count&, const written& value) {
  uint64_t out = 0;
  auto end = value.text.data() + value.text.size();
  auto [rest, err] = std::from_chars(value.text.data(), end, out);
  if (err == std::errc{} && rest == end && !value.quoted)
    return out;
  return std::nullopt;
}

std::optional<std::optional<uint64_t>> read(const count_or_word& what, const written& value) {
  if (value.text == what.word && (value.quoted || !value.in_file))
    return std::optional<uint64_t>{};
  if (auto number = read(count{}, value))
    return number;
  return std::nullopt;
}

std::optional<std::chrono::nanoseconds> read(const duration& what, const written& value) {
  if (value.in_file && value.quoted)
    return std::nullopt;
  auto out = parse_duration(value.text);
  if (what.minus_one && out == -1s)
    return 0s;
  return out;
}

std::optional<bool> read(const flag&, const written& value) {
  auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  // Python's True and False come in through the environment.
  auto is = [&](auto... words) {
    auto equals = [&](std::string_view word) {
      return std::equal(value.text.begin(), value.text.end(), word.begin(), word.end(), same);
    };
    return value.in_file ? ((value.text == words) || ...) : (equals(words) || ...);
  };
  if (value.in_file && (value.quoted || !is("true", "false")))
    return std::nullopt;
  if (is("true", "1", "yes"))
    return true;
  if (is("false", "0", "no"))
    return false;
  return std::nullopt;
}

std::optional<std::string> read_text(const written& value) {
  if (value.in_file && !value.quoted)
    return std::nullopt;
  return std::string{value.text};
}

std::optional<std::string> read(const word&, const written& value) {
  return read_text(value);
}

std::optional<std::string> read(const label&, const written& value) {
  return read_text(value);
}

// -- ranges ----------------------------------------------------------------------------------------------------------

bool permits(const count& what, uint64_t x) {
  return x >= what.min && x <= what.max;
}

bool permits(const count_or_word& what, const std::optional<uint64_t>& x) {
  return !x || (*x >= what.min && *x <= what.max);
}

bool permits(const duration& what, std::chrono::nanoseconds x) {
  return (x >= what.min && x <= what.max) || (what.or_zero && x == 0s);
}

bool permits(const flag&, bool) {
  return true;
}

bool permits(const word& what, const std::string& x) {
  return std::find(what.permitted.begin(), what.permitted.end(), x) != what.permitted.end();
}

bool permits(const label& what, const std::string& x) {
  auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return (what.or_empty || !x.empty()) && x.size() <= what.max_length && std::none_of(x.begin(), x.end(), is_control);
}

// -- texts -----------------------------------------------------------------------------------------------------------

std::string permitted_by(const count& what, bool) {
  return "a whole number from " + std::to_string(what.min) + " to " + std::to_string(what.max);
}

std::string permitted_by(const count_or_word& what, bool in_file) {
  auto quote = in_file ? "\"" : "";
  return permitted_by(count{{}, what.min, what.max}, in_file) + ", or " + quote + what.word + quote;
}

std::string permitted_by(const duration& what, bool) {
  return std::string{what.or_zero ? "0 or a time from " : "a time from "} + format_duration(what.min) + " to "
         + format_duration(what.max) + ": seconds, or with a unit as in 30s, 500ms, 5min, 1h";
}

std::string permitted_by(const flag&, bool in_file) {
  return in_file ? "true or false" : "true, false, 1, 0, yes or no";
}

std::string permitted_by(const word& what, bool in_file) {
  if (!in_file)
    return enumerate(what.permitted);
  auto quoted = what.permitted;
  for (auto& x : quoted)
    x = '"' + x + '"';
  return enumerate(quoted);
}

std::string permitted_by(const label& what, bool in_file) {
  return std::string{in_file ? "a text in quotes of " : "a text of "} + (what.or_empty ? "0" : "1") + " to "
         + std::to_string(what.max_length) + " bytes without control characters";
}

std::string lowest_of(const count& what) {
  return std::to_string(what.min);
}

std::string lowest_of(const count_or_word& what) {
  return std::to_string(what.min);
}

std::string lowest_of(const duration& what) {
  return format_duration(what.or_zero ? 0s : what.min);
}

std::string lowest_of(const flag& what) {
  return permitted_by(what, true);
}

std::string lowest_of(const word& what) {
  return permitted_by(what, false);
}

std::string lowest_of(const label& what) {
  return what.or_empty ? "" : "1 byte";
}

std::string text_of(const auto&, uint64_t x) {
  return std::to_string(x);
}

std::string text_of(const count_or_word& what, const std::optional<uint64_t>& x) {
  return x ? std::to_string(*x) : '"' + what.word + '"';
}

std::string text_of(const auto&, std::chrono::nanoseconds x) {
  return format_duration(x);
}

std::string text_of(const flag&, bool x) {
  return x ? "true" : "false";
}

std::string text_of(const auto&, const std::string& x) {
  return '"' + x + '"';
}

} // namespace

const setting* find_setting(std::string_view key) {
  for (auto& x : table())
    if (x.key == key)
      return &x;
  return nullptr;
}

bool assign(const setting& what, settings& target, const written& value) {
  return std::visit(
      [&](auto& x) {
        auto found = read(x, value);
        if (!found || !permits(x, *found))
          return false;
        x.at(target) = *found;
        return true;
      },
      what.kind);
}

bool in_range(const setting& what, const settings& all) {
  auto copy = all;
  return std::visit([&copy](auto& x) { return permits(x, x.at(copy)); }, what.kind);
}

std::string format(const setting& what, const settings& all) {
  auto copy = all;
  return std::visit([&copy](auto& x) { return text_of(x, x.at(copy)); }, what.kind);
}

std::string lowest(const setting& what) {
  return std::visit([](auto& x) { return lowest_of(x); }, what.kind);
}

std::string permitted(const setting& what, bool in_file) {
  return std::visit([in_file](auto& x) { return permitted_by(x, in_file); }, what.kind);
}

std::vector<std::string> alternatives(const setting& what) {
  if (auto x = std::get_if<word>(&what.kind))
    return x->permitted;
  if (std::holds_alternative<flag>(what.kind))
    return {"true", "false", "yes", "no"};
  return {};
}

} // namespace cenote::config

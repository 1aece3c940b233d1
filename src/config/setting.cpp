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
std::string enumerate(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0)
      out += i + 1 < words.size() ? ", " : " or ";
    out += words[i];
  }
  return out;
}

// -- reading: the value if it is of the right form -------------------------------------------------------------------

std::optional<uint64_t> read(const count&, const input_value& value) {
  uint64_t out = 0;
  auto end = value.text.data() + value.text.size();
  auto [rest, err] = std::from_chars(value.text.data(), end, out);
  if (err == std::errc{} && rest == end && !value.quoted)
    return out;
  return std::nullopt;
}

std::optional<std::optional<uint64_t>> read(const count_or_word& rule, const input_value& value) {
  if (value.text == rule.word && (value.quoted || !value.in_file))
    return std::optional<uint64_t>{};
  if (auto number = read(count{}, value))
    return number;
  return std::nullopt;
}

std::optional<std::chrono::nanoseconds> read(const duration& rule, const input_value& value) {
  if (value.in_file && value.quoted)
    return std::nullopt;
  auto out = parse_duration(value.text);
  if (rule.minus_one && out == -1s)
    return 0s;
  return out;
}

std::optional<bool> read(const flag&, const input_value& value) {
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

std::optional<std::string> read_text(const input_value& value) {
  if (value.in_file && !value.quoted)
    return std::nullopt;
  return std::string{value.text};
}

std::optional<std::string> read(const word&, const input_value& value) {
  return read_text(value);
}

std::optional<std::string> read(const label&, const input_value& value) {
  return read_text(value);
}

// -- ranges ----------------------------------------------------------------------------------------------------------

bool permits(const count& rule, uint64_t value) {
  return value >= rule.min && value <= rule.max;
}

bool permits(const count_or_word& rule, const std::optional<uint64_t>& value) {
  return !value || (*value >= rule.min && *value <= rule.max);
}

bool permits(const duration& rule, std::chrono::nanoseconds value) {
  return (value >= rule.min && value <= rule.max) || (rule.or_zero && value == 0s);
}

bool permits(const flag&, bool) {
  return true;
}

bool permits(const word& rule, const std::string& value) {
  return std::find(rule.permitted.begin(), rule.permitted.end(), value) != rule.permitted.end();
}

bool permits(const label& rule, const std::string& value) {
  auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return (rule.or_empty || !value.empty()) && value.size() <= rule.max_length
         && std::none_of(value.begin(), value.end(), is_control);
}

// -- texts -----------------------------------------------------------------------------------------------------------

std::string permitted_by(const count& rule, bool) {
  return "a whole number from " + std::to_string(rule.min) + " to " + std::to_string(rule.max);
}

std::string permitted_by(const count_or_word& rule, bool in_file) {
  auto quote = in_file ? "\"" : "";
  return permitted_by(count{{}, rule.min, rule.max}, in_file) + ", or " + quote + rule.word + quote;
}

std::string permitted_by(const duration& rule, bool) {
  return std::string{rule.or_zero ? "0 or a time from " : "a time from "} + format_duration(rule.min) + " to "
         + format_duration(rule.max) + ": seconds, or with a unit as in 30s, 500ms, 5min, 1h";
}

std::string permitted_by(const flag&, bool in_file) {
  return in_file ? "true or false" : "true, false, 1, 0, yes or no";
}

std::string permitted_by(const word& rule, bool in_file) {
  if (!in_file)
    return enumerate(rule.permitted);
  auto quoted = rule.permitted;
  for (auto& permitted_word : quoted)
    permitted_word = '"' + permitted_word + '"';
  return enumerate(quoted);
}

std::string permitted_by(const label& rule, bool in_file) {
  return std::string{in_file ? "a text in quotes of " : "a text of "} + (rule.or_empty ? "0" : "1") + " to "
         + std::to_string(rule.max_length) + " bytes without control characters";
}

std::string lowest_of(const count& rule) {
  return std::to_string(rule.min);
}

std::string lowest_of(const count_or_word& rule) {
  return std::to_string(rule.min);
}

std::string lowest_of(const duration& rule) {
  return format_duration(rule.or_zero ? 0s : rule.min);
}

std::string lowest_of(const flag& rule) {
  return permitted_by(rule, true);
}

std::string lowest_of(const word& rule) {
  return permitted_by(rule, false);
}

std::string lowest_of(const label& rule) {
  return rule.or_empty ? "" : "1 byte";
}

std::string text_of(const auto&, uint64_t value) {
  return std::to_string(value);
}

std::string text_of(const count_or_word& rule, const std::optional<uint64_t>& value) {
  return value ? std::to_string(*value) : '"' + rule.word + '"';
}

std::string text_of(const auto&, std::chrono::nanoseconds value) {
  return format_duration(value);
}

std::string text_of(const flag&, bool value) {
  return value ? "true" : "false";
}

std::string text_of(const auto&, const std::string& value) {
  return '"' + value + '"';
}

} // namespace

const setting* find_setting(std::string_view key) {
  for (auto& definition : table())
    if (definition.key == key)
      return &definition;
  return nullptr;
}

bool assign(const setting& definition, settings& target, const input_value& value) {
  return std::visit(
      [&](auto& rule) {
        auto found = read(rule, value);
        if (!found || !permits(rule, *found))
          return false;
        rule.at(target) = *found;
        return true;
      },
      definition.kind);
}

bool in_range(const setting& definition, const settings& config) {
  auto copy = config;
  return std::visit([&copy](auto& rule) { return permits(rule, rule.at(copy)); }, definition.kind);
}

std::string format(const setting& definition, const settings& config) {
  auto copy = config;
  return std::visit([&copy](auto& rule) { return text_of(rule, rule.at(copy)); }, definition.kind);
}

std::string lowest(const setting& definition) {
  return std::visit([](auto& rule) { return lowest_of(rule); }, definition.kind);
}

std::string permitted(const setting& definition, bool in_file) {
  return std::visit([in_file](auto& rule) { return permitted_by(rule, in_file); }, definition.kind);
}

std::vector<std::string> alternatives(const setting& definition) {
  if (auto rule = std::get_if<word>(&definition.kind))
    return rule->permitted;
  if (std::holds_alternative<flag>(definition.kind))
    return {"true", "false", "yes", "no"};
  return {};
}

} // namespace cenote::config

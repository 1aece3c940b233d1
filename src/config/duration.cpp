#include "config/duration.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace cenote::config {

namespace {

using std::chrono::nanoseconds;

struct unit {
  std::string_view name;
  int64_t length; ///< In nanoseconds.
};

constexpr auto second = int64_t{1'000'000'000};
constexpr auto hour = 3600 * second;

constexpr auto units = std::array{unit{"h", hour},       unit{"min", 60 * second}, unit{"s", second},
                                  unit{"ms", 1'000'000}, unit{"us", 1'000},        unit{"ns", 1}};

/// The unit's length; an empty name means seconds.
std::optional<int64_t> length_of(std::string_view name) {
  if (name.empty())
    return second;
  for (auto& candidate : units)
    if (candidate.name == name)
      return candidate.length;
  return std::nullopt;
}

} // namespace

std::optional<nanoseconds> parse_duration(std::string_view text) {
  // from_chars would also take "inf" and "nan".
  auto digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || digits.front() < '0' || digits.front() > '9')
    return std::nullopt;
  auto number = 0.0;
  auto end = text.data() + text.size();
  auto [rest, err] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (err == std::errc::invalid_argument)
    return std::nullopt;
  auto length = length_of({rest, static_cast<size_t>(end - rest)});
  if (!length)
    return std::nullopt;
  if (err == std::errc::result_out_of_range)
    return text.starts_with('-') ? nanoseconds::min() : nanoseconds::max();
  auto exact = number * static_cast<double>(*length);
  if (exact >= static_cast<double>(INT64_MAX))
    return nanoseconds::max();
  if (exact <= static_cast<double>(INT64_MIN))
    return nanoseconds::min();
  auto rounded = std::llround(exact);
  if (rounded == 0 && exact != 0)
    return nanoseconds{exact > 0 ? 1 : -1};
  return nanoseconds{rounded};
}

std::string format_duration(nanoseconds span) {
  auto count = span.count();
  if (count == 0)
    return "0s";
  if (count % hour == 0 && (count >= 24 * hour || count <= -24 * hour))
    return std::to_string(count / hour) + "h";
  for (auto& [name, length] : units)
    if (length <= second && count % length == 0)
      return std::to_string(count / length).append(name);
  return {}; // Not reached: every number is a multiple of 1 ns.
}

} // namespace cenote::config

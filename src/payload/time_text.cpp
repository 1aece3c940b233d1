#include "payload/time_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace cenote::payload {

namespace {

using namespace std::chrono;

__extension__ typedef __int128 wide;

// From the longest name on, so that `ms` is not taken for `s`.
constexpr std::array<unit, 7> units{{
    {"min", 60, 1},
    {"ns", 1, 1'000'000'000},
    {"us", 1, 1'000'000},
    {"ms", 1, 1'000},
    {"s", 1, 1},
    {"h", 3600, 1},
    {"d", 86400, 1},
}};

/// `count` times `from` divided by `to`.
std::optional<int64_t> scale(wide count, wide from, wide to) {
  wide product = 0;
  if (__builtin_mul_overflow(count, from, &product) || product % to != 0)
    return std::nullopt;
  auto out = product / to;
  if (out < std::numeric_limits<int64_t>::min() || out > std::numeric_limits<int64_t>::max())
    return std::nullopt;
  return static_cast<int64_t>(out);
}

} // namespace

const unit* find_unit(int64_t num, int64_t den) {
  auto found = std::ranges::find_if(units, [&](auto& x) { return x.num == num && x.den == den; });
  return found != units.end() ? &*found : nullptr;
}

std::optional<duration_text> split_duration(std::string_view text) {
  auto found = std::ranges::find_if(units, [&](auto& x) { return text.ends_with(x.name); });
  if (found == units.end())
    return std::nullopt;
  return duration_text{text.substr(0, text.size() - found->name.size()), &*found};
}

std::optional<int64_t> convert(int64_t count, int64_t from_num, int64_t from_den, int64_t to_num, int64_t to_den) {
  return scale(count, static_cast<wide>(from_num) * to_den, static_cast<wide>(from_den) * to_num);
}

std::optional<int64_t> convert(const parsed_time& time, int64_t num, int64_t den) {
  constexpr int64_t nanoseconds = 1'000'000'000;
  return scale(static_cast<wide>(time.seconds) * nanoseconds + time.nanoseconds, den,
               static_cast<wide>(num) * nanoseconds);
}

std::string format_time(int64_t since_1970, int64_t nanoseconds) {
  sys_seconds time{seconds{since_1970}};
  auto day = floor<days>(time);
  year_month_day date{day};
  hh_mm_ss clock{time - day};
  char out[64];
  auto length = std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                              static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                              static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                              static_cast<int>(clock.seconds().count()));
  std::string text(out, static_cast<size_t>(length));
  if (nanoseconds != 0) {
    auto digits = std::to_string(1'000'000'000 + nanoseconds).substr(1);
    while (digits.ends_with("000"))
      digits.resize(digits.size() - 3);
    text += "." + digits;
  }
  return text + "Z";
}

std::optional<parsed_time> parse_time(std::string_view text) {
  constexpr std::string_view pattern = "dddd-dd-ddTdd:dd:dd";
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() <= pattern.size() || text.back() != 'Z')
    return std::nullopt;
  for (size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == 'd' ? !is_digit(text[i]) : text[i] != pattern[i])
      return std::nullopt;
  auto number = [&](size_t from, size_t length) {
    int out = 0;
    std::from_chars(text.data() + from, text.data() + from + length, out);
    return out;
  };
  year_month_day date{year{number(0, 4)}, month{static_cast<unsigned>(number(5, 2))},
                      day{static_cast<unsigned>(number(8, 2))}};
  auto hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  parsed_time out;
  out.seconds = seconds{sys_days{date}.time_since_epoch()}.count() + hour * 3600 + minute * 60 + second;
  auto rest = text.substr(pattern.size(), text.size() - pattern.size() - 1);
  if (rest.empty())
    return out;
  if (rest.size() < 2 || rest.size() > 10 || rest[0] != '.' || !std::all_of(rest.begin() + 1, rest.end(), is_digit))
    return std::nullopt;
  for (size_t i = 1; i <= 9; ++i)
    out.nanoseconds = out.nanoseconds * 10 + (i < rest.size() ? rest[i] - '0' : 0);
  return out;
}

} // namespace cenote::payload

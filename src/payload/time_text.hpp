#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Durations and times as texts, without loss: `1500ms`, `2026-11-27T18:33:53.123456789Z`.

namespace cenote::payload {

/// A unit: so many `num`/`den` seconds.
struct unit {
  std::string_view name;
  int64_t num;
  int64_t den;
};

/// The unit of a duration's type; nothing if it has no name.
const unit* find_unit(int64_t num, int64_t den);

/// A duration as it is written: a whole number, or one with a fraction, and a unit.
struct duration_text {
  std::string_view number;
  const unit* of = nullptr;
};

/// Nothing if the text does not end with a unit.
std::optional<duration_text> split_duration(std::string_view text);

/// So many of one unit in another one; nothing if that is no whole number, or does not fit.
std::optional<int64_t> convert(int64_t count, int64_t from_num, int64_t from_den, int64_t to_num, int64_t to_den);

/// @param seconds since 1970; in the years 0 to 9999.
std::string format_time(int64_t seconds, int64_t nanoseconds);

/// A time since 1970.
struct parsed_time {
  int64_t seconds = 0;
  int64_t nanoseconds = 0; ///< 0 to 999999999.
};

/// A time in units of so many `num`/`den` seconds; nothing if that is no whole number, or does not fit.
std::optional<int64_t> convert(const parsed_time& time, int64_t num, int64_t den);

/// Reads `2026-11-27T18:33:53Z`, with up to nine digits behind a point.
std::optional<parsed_time> parse_time(std::string_view text);

} // namespace cenote::payload

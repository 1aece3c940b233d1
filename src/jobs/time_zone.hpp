#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace cenote::jobs {

/// The moment of a year at which the clock changes, as the last line of a time zone's file has it: `M3.5.0/2`.
struct yearly_change {
  enum class form : uint8_t {
    weekday_of_month, ///< The `week`-th `day` of `month`; week 5 is the last one.
    day_without_leap, ///< Day 1 to 365, 29 February never counts.
    day_of_year,      ///< Day 0 to 365.
  };
  form kind = form::weekday_of_month;
  unsigned month = 1;
  unsigned week = 1;
  unsigned day = 0;
  std::chrono::seconds time{7200}; ///< Of the local clock before the change; from -167 to 167 hours.

  /// As seconds of the local clock before the change.
  std::chrono::local_seconds in(std::chrono::year year) const;
};

/// What holds after the last change that the file lists: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct yearly_rule {
  std::chrono::seconds standard{0}; ///< Local time minus UTC.
  std::chrono::seconds summer{0};   ///< The same while summer time holds; of no meaning if it never does.
  struct changes {
    yearly_change to_summer;
    yearly_change to_standard;
  };
  std::optional<changes> when; ///< Nothing: always `standard`.
};

/// What the clocks of a region show. Read from the system's database, from where they are compiled into files (RFC
/// 8536). For the years 1 to 9999.
class time_zone {
public:
  /// A span of time in which the local clock is UTC plus `offset`.
  struct span {
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end; ///< The first moment after it.
    std::chrono::seconds offset{0};
  };

  /// UTC.
  time_zone() = default;

  /// The span that this moment belongs to. The one after it begins at its end, and may have the same offset.
  span at(std::chrono::sys_seconds time) const;

  /// The first moment at which the local clock shows this or more. So a time that a change skips is the moment of the
  /// change, and one that a change repeats is the earlier one of the two.
  std::chrono::sys_seconds first(std::chrono::local_seconds local) const;

  /// The most that the local clock has shown at this moment or before. It differs from what it shows only while it
  /// repeats what it showed before a change.
  std::chrono::local_seconds latest_shown(std::chrono::sys_seconds time) const;

private:
  friend tl::expected<time_zone, std::string> parse_time_zone(std::string_view file);

  struct change {
    std::chrono::sys_seconds time;
    std::chrono::seconds offset;
  };

  std::chrono::seconds first_offset_{0}; ///< Before the first change.
  std::vector<change> changes_;          ///< Ascending.
  std::optional<yearly_rule> rule_;      ///< After the last change.
};

/// Reads the content of a compiled file.
/// @returns the zone, or why it is none.
tl::expected<time_zone, std::string> parse_time_zone(std::string_view file);

/// Reads the last line of such a file: `CET-1CEST,M3.5.0,M10.5.0/3`.
std::optional<yearly_rule> parse_yearly_rule(std::string_view text);

/// Where the system keeps its time zones.
constexpr std::string_view time_zone_directory = "/usr/share/zoneinfo";

/// Finds a zone by the name that the system gives it: `Europe/Berlin`. `UTC` and `Etc/UTC` are known without a
/// database.
/// @returns the zone, or a line that says what is wrong and what to do.
tl::expected<time_zone, std::string> find_time_zone(std::string_view name,
                                                    std::string_view directory = time_zone_directory);

} // namespace cenote::jobs

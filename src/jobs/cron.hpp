#pragma once

#include "jobs/time_zone.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace cenote::jobs {

/// A time of the server's clock, in the unit in which the database has it.
using server_time = std::chrono::sys_time<std::chrono::microseconds>;

/// A cron expression: which minutes of the local clock match. See `cenote::cron` for what it may look like.
class cron_expression {
public:
  /// Reads an expression. A day of month or of week is restricted if its field does not begin with `*`, as with the
  /// cron of Vixie: then either is enough; otherwise both have to match, which matters for `*/2` only.
  /// @returns the expression, or one line that says which part is wrong and what is allowed there. An expression that
  /// never matches, such as `0 0 30 2 *`, is wrong.
  static tl::expected<cron_expression, std::string> parse(std::string_view text);

  /// The first matching minute from this one on; nothing from the year 9999 on.
  std::optional<std::chrono::local_time<std::chrono::minutes>>
  next(std::chrono::local_time<std::chrono::minutes> from) const;

  bool operator==(const cron_expression&) const = default;

private:
  bool matches(std::chrono::year_month_day date) const;

  uint64_t minutes_ = 0; ///< A bit for each.
  uint32_t hours_ = 0;
  uint32_t days_ = 0;
  uint16_t months_ = 0;
  uint8_t weekdays_ = 0;
  bool either_day_ = false;
};

/// The first time after `after`, and not at it, at which the clock of the zone shows a matching minute for the first
/// time.
///
/// So each local time is fired once. While a clock that was set back shows the same hour again, nothing is fired:
/// `*/15 * * * *` then pauses for that hour. All times that a clock skips become one, the moment of the change.
/// @returns nothing from the year 9999 on.
std::optional<server_time> next_time(const cron_expression& expression, server_time after, const time_zone& zone);

} // namespace cenote::jobs

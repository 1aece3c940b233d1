#pragma once

#include "cenote/jobs/periodic.hpp"
#include "jobs/cron.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

namespace cenote::jobs {

/// A `schedule` that has been read: its times.
class timetable {
public:
  /// @returns what `find_problem(when)` says if the schedule cannot be used.
  static tl::expected<timetable, std::string> make(const schedule& when);

  /// The first time after this one; nothing from the year 9999 on.
  std::optional<server_time> next(server_time after) const;

private:
  struct regular {
    std::chrono::microseconds interval;
  };
  struct by_clock {
    cron_expression expression;
    time_zone zone;
  };
  std::variant<regular, by_clock> times_;
};

/// What is done about a periodic job now.
struct due_times {
  std::vector<server_time> fired;  ///< Ascending: a job is submitted for each.
  std::optional<server_time> next; ///< What is stored as the next time; nothing: never again.
  uint64_t dropped = 0;            ///< Missed times for which nothing is submitted; counted up to 1000.
};

/// The most jobs that are submitted at once.
constexpr size_t max_fired = 1000;

/// A time is missed if it is noticed later than this: nodes that run look at least this often.
constexpr std::chrono::minutes missed_after{1};

/// Decides which times are fired now. Times that are noticed in time are always fired, each of them; what is done about
/// missed ones is set. With `run_once`, a time that was noticed in time serves for the missed ones.
/// @param stored the next time, as it was stored.
/// @param late how late a time may be noticed without being missed.
due_times decide(const timetable& times, server_time stored, server_time now, missed_times missed,
                 std::chrono::microseconds late = missed_after);

} // namespace cenote::jobs

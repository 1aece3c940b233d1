#pragma once

#include "cenote/jobs/job.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace cenote {

/// When something is done again and again. Made by `every` or `cron`.
struct schedule {
  std::chrono::nanoseconds interval{0}; ///< Zero: `expression` says when.
  std::string expression;               ///< Five fields: minute, hour, day of month, month, day of week.
  std::string time_zone = "UTC";        ///< As the system names it: `Europe/Berlin`. Of no meaning with `interval`.
  bool operator==(const schedule&) const = default;
};

/// Once per interval, counted from 1970 on, whatever node begins when: `every(1h)` is at each full hour of UTC.
/// @param interval from 1 s to 365 days.
inline schedule every(std::chrono::nanoseconds interval) {
  return {interval, {}, "UTC"};
}

/// At the times that a cron expression matches: `cron("30 3 * * mon-fri", "Europe/Berlin")`. Fields are `*`, numbers,
/// names of months and days, ranges `a-b`, steps `*/n` and `a-b/n`, and lists of these. Sunday is 0 and 7. If day of
/// month and day of week are both restricted, either is enough. Also `@hourly`, `@daily`, `@weekly`, `@monthly` and
/// `@yearly`. A time that a change of the clock skips is the first one after the change; one that it repeats is the
/// earlier one of the two: `*/15 * * * *` pauses for an hour when clocks are set back, `every(15min)` does not.
///
/// A day of month or of week is restricted if its field does not begin with `*`.
inline schedule cron(std::string expression, std::string time_zone = "UTC") {
  return {{}, std::move(expression), std::move(time_zone)};
}

/// What is done about times that passed while no node was running.
enum class missed_times : uint8_t {
  skip,     ///< Nothing.
  run_once, ///< One job for all of them.
  run_all,  ///< A job for each, up to 1000: the earliest ones.
};

/// A job that is submitted at certain times, once over all nodes together.
struct periodic_job {
  std::string name; ///< Up to 64 printable ASCII characters. A second one replaces the first.
  schedule when;    ///< Its times.
  job work;         ///< What is submitted, with a new id each time. Its `run_at` and `delay` do not count.
  missed_times missed = missed_times::run_once; ///< About an outage.
  bool operator==(const periodic_job&) const = default;
};

/// What is wrong with a schedule; nothing if it can be used. The time zone is looked up on this system.
std::optional<std::string> find_problem(const schedule& when);

/// What is wrong with a periodic job; nothing if it can be stored.
std::optional<std::string> find_problem(const periodic_job& work);

template <class Inspector>
bool inspect(Inspector& f, missed_times& x) {
  return detail::inspect_enum(f, x, missed_times::run_all);
}

template <class Inspector>
bool inspect(Inspector& f, schedule& x) {
  return f.object(x).fields(f.field("interval", x.interval), f.field("expression", x.expression),
                            f.field("time-zone", x.time_zone));
}

template <class Inspector>
bool inspect(Inspector& f, periodic_job& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("when", x.when), f.field("work", x.work),
                            f.field("missed", x.missed));
}

} // namespace cenote

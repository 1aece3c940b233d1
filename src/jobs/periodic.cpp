#include "jobs/periodic.hpp"

#include "jobs/names.hpp"

#include <algorithm>
#include <utility>

namespace cenote::jobs {

namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

constexpr server_time end_of_times = sys_days{year{9999} / 1 / 1};

} // namespace

tl::expected<timetable, std::string> timetable::make(const schedule& when) {
  auto fail = [](std::string why) { return tl::make_unexpected(std::move(why)); };
  timetable out;
  if (when.interval != 0ns) {
    if (!when.expression.empty())
      return fail("schedule: an interval and a cron expression are both set: use every() or cron()");
    if (when.interval < 1s || when.interval > 365 * 24h)
      return fail("schedule: the interval is out of range 1 s to 365 days");
    if (when.interval % 1us != 0ns)
      return fail("schedule: the interval is no whole number of microseconds");
    out.times_ = regular{duration_cast<microseconds>(when.interval)};
    return out;
  }
  if (when.expression.empty())
    return fail("schedule: neither an interval nor a cron expression is set: use every() or cron()");
  auto expression = cron_expression::parse(when.expression);
  if (!expression)
    return fail(std::move(expression.error()));
  auto zone = find_time_zone(when.time_zone);
  if (!zone)
    return fail(std::move(zone.error()));
  out.times_ = by_clock{*expression, std::move(*zone)};
  return out;
}

std::optional<server_time> timetable::next(server_time after) const {
  if (after >= end_of_times)
    return std::nullopt;
  if (auto* times = std::get_if<by_clock>(&times_))
    return next_time(times->expression, after, times->zone);
  // Not before 1970, from where intervals are counted: nothing is before that.
  auto since_1970 = std::max(after.time_since_epoch(), microseconds{-1});
  auto interval = std::get<regular>(times_).interval;
  auto passed = since_1970 < 0us ? -1 : since_1970 / interval;
  return server_time{(passed + 1) * interval};
}

due_times decide(const timetable& times, server_time stored, server_time now, missed_times missed, microseconds late) {
  due_times out;
  if (stored > now) {
    out.next = stored;
    return out;
  }
  // Nothing is missed that is as late as this, or less. A time of long ago is no reason to count all since then.
  auto in_time_from = now.time_since_epoch() >= server_time::duration::min() + late ? now - late : now;
  auto is_missed = [&](const std::optional<server_time>& time) { return time && *time < in_time_from; };
  std::vector<server_time> past;
  std::optional<server_time> time = stored;
  for (; is_missed(time) && past.size() < max_fired; time = times.next(*time))
    past.push_back(*time);
  if (is_missed(time))
    time = times.next(in_time_from - 1us);
  for (; time && *time <= now && out.fired.size() < max_fired; time = times.next(*time))
    out.fired.push_back(*time);
  out.next = time && *time <= now ? times.next(now) : time;

  auto kept = missed == missed_times::run_all ? std::min(past.size(), max_fired - out.fired.size())
              : missed == missed_times::run_once && out.fired.empty() ? std::min<size_t>(past.size(), 1)
                                                                      : 0;
  out.dropped = past.size() - kept;
  // The last one stands for all of them; of too many, the earliest are submitted.
  auto first = missed == missed_times::run_once ? past.end() - static_cast<std::ptrdiff_t>(kept) : past.begin();
  out.fired.insert(out.fired.begin(), first, first + static_cast<std::ptrdiff_t>(kept));
  return out;
}

} // namespace cenote::jobs

namespace cenote {

std::optional<std::string> find_problem(const schedule& when) {
  if (auto times = jobs::timetable::make(when); !times)
    return std::move(times.error());
  return std::nullopt;
}

std::optional<std::string> find_problem(const periodic_job& work) {
  if (auto problem = jobs::find_name_problem("name", work.name, 64))
    return problem;
  if (auto problem = find_problem(work.when))
    return problem;
  if (work.missed > missed_times::run_all)
    return "missed has the value " + std::to_string(static_cast<int>(work.missed)) + ", which is none of missed_times";
  return find_problem(work.work);
}

} // namespace cenote

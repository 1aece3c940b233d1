#define CAF_SUITE jobs.periodic

#include "jobs/periodic.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::jobs;
using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

constexpr server_time noon = sys_days{year{2024} / 5 / 17} + 12h;

timetable table(const schedule& when) {
  auto made = timetable::make(when);
  if (!made)
    CAF_FAIL(made.error());
  return *made;
}

using times = std::vector<server_time>;

periodic_job daily_job() {
  periodic_job out;
  out.name = "daily report";
  out.when = cron("@daily", "Europe/Berlin");
  out.work.kind = "report";
  out.work.payload = "{}";
  return out;
}

} // namespace

SCENARIO("intervals are counted from 1970 on") {
  auto hourly = table(every(1h));
  CHECK(hourly.next(noon) == noon + 1h);
  CHECK(hourly.next(noon - 1us) == noon);
  CHECK(hourly.next(noon + 59min) == noon + 1h);
  CHECK(table(every(7s)).next(server_time{0us}) == server_time{7s});
  CHECK(table(every(7s)).next(server_time{20s}) == server_time{21s});
  CHECK(table(every(1h)).next(server_time{-1us}) == server_time{0us});
  CHECK(table(every(1h)).next(server_time::min()) == server_time{0us});
  CHECK(table(every(365 * 24h)).next(noon).has_value());
  CHECK(!table(every(1h)).next(server_time::max()));
  CHECK(!table(every(1h)).next(sys_days{year{9999} / 1 / 1}));
}

SCENARIO("nothing is fired before its time") {
  for (auto missed : {missed_times::skip, missed_times::run_once, missed_times::run_all}) {
    auto decision = decide(table(every(1h)), noon, noon - 1us, missed);
    CHECK(decision.fired.empty());
    CHECK(decision.next == noon);
  }
}

SCENARIO("what is noticed in time is fired, each time of it") {
  for (auto missed : {missed_times::skip, missed_times::run_once, missed_times::run_all}) {
    auto decision = decide(table(every(1h)), noon, noon, missed);
    CHECK_EQ(decision.fired, times{noon});
    CHECK(decision.next == noon + 1h);
    decision = decide(table(every(1h)), noon, noon + 1min, missed);
    CHECK_EQ(decision.fired, times{noon});
    decision = decide(table(every(1s)), noon, noon + 3500ms, missed);
    CHECK_EQ(decision.fired, (times{noon, noon + 1s, noon + 2s, noon + 3s}));
    CHECK(decision.next == noon + 4s);
    CHECK_EQ(decision.dropped, 0u);
  }
}

SCENARIO("missed times are skipped, made up for once, or all made up for") {
  auto hourly = table(every(1h));
  auto now = noon + 3h + 30min;
  auto skipped = decide(hourly, noon, now, missed_times::skip);
  CHECK(skipped.fired.empty());
  CHECK(skipped.next == noon + 4h);
  CHECK_EQ(skipped.dropped, 4u);
  auto once = decide(hourly, noon, now, missed_times::run_once);
  CHECK_EQ(once.fired, times{noon + 3h});
  CHECK(once.next == noon + 4h);
  CHECK_EQ(once.dropped, 3u);
  auto all = decide(hourly, noon, now, missed_times::run_all);
  CHECK_EQ(all.fired, (times{noon, noon + 1h, noon + 2h, noon + 3h}));
  CHECK(all.next == noon + 4h);
  CHECK_EQ(all.dropped, 0u);
}

SCENARIO("a time that was noticed in time serves for the missed ones") {
  auto hourly = table(every(1h));
  auto now = noon + 3h + 20s;
  CHECK_EQ(decide(hourly, noon, now, missed_times::skip).fired, times{noon + 3h});
  CHECK_EQ(decide(hourly, noon, now, missed_times::run_once).fired, times{noon + 3h});
  CHECK_EQ(decide(hourly, noon, now, missed_times::run_all).fired, (times{noon, noon + 1h, noon + 2h, noon + 3h}));
}

SCENARIO("after a very long outage at most 1000 jobs are submitted") {
  auto each_second = table(every(1s));
  auto now = noon + 24h;
  auto all = decide(each_second, noon, now, missed_times::run_all);
  CHECK_EQ(all.fired.size(), max_fired);
  CHECK(all.fired.front() == noon);
  CHECK(all.fired.back() == now);
  CHECK(all.next == now + 1s);
  CHECK(all.dropped > 0u);
  auto once = decide(each_second, noon, now, missed_times::run_once);
  CHECK_EQ(once.fired.size(), 61u);
  CHECK(once.fired.front() == now - 1min);
  // Since 1970, and with the largest times.
  for (auto missed : {missed_times::skip, missed_times::run_once, missed_times::run_all}) {
    auto long_ago = decide(table(cron("* * * * *")), server_time{}, noon, missed);
    CHECK(long_ago.fired.size() <= max_fired);
    CHECK(long_ago.next == noon + 1min);
    auto extreme = decide(table(cron("* * * * *")), server_time::min(), server_time::max(), missed);
    CHECK(!extreme.next);
    CHECK(decide(each_second, server_time::min(), server_time::min(), missed).next == server_time{});
    CHECK(decide(each_second, server_time::max(), server_time::min(), missed).next == server_time::max());
  }
}

SCENARIO("times of the clock are those of the zone") {
  auto decision = decide(table(cron("0 14 * * *", "Europe/Berlin")), noon, noon + 1s, missed_times::skip);
  CHECK_EQ(decision.fired, times{noon});
  CHECK(decision.next == noon + 24h);
}

SCENARIO("a schedule that cannot be used is named") {
  struct {
    schedule when;
    const char* want;
  } rows[] = {
      {every(999ms), "schedule: the interval is out of range 1 s to 365 days"},
      {every(-1h), "schedule: the interval is out of range 1 s to 365 days"},
      {every(365 * 24h + 1us), "schedule: the interval is out of range 1 s to 365 days"},
      {every(1s + 1ns), "schedule: the interval is no whole number of microseconds"},
      {{1h, "* * * * *", "UTC"}, "schedule: an interval and a cron expression are both set: use every() or cron()"},
      {{}, "schedule: neither an interval nor a cron expression is set: use every() or cron()"},
      {cron("* 24 * * *"), "cron: hour 24 is out of range 0-23"},
      {cron("@daily", "Nix/Da"),
       "time zone 'Nix/Da' is unknown: use a name of /usr/share/zoneinfo, such as Europe/Berlin, or UTC"},
  };
  for (auto& [when, want] : rows)
    CHECK_EQ(find_problem(when).value_or(""), want);
  for (auto& when : {every(1s), every(365 * 24h), cron("@hourly"), cron("0 0 29 2 *", "Asia/Kolkata")})
    CHECK(!find_problem(when));
}

SCENARIO("a periodic job needs a name, a schedule and a job that can be stored") {
  CHECK(!find_problem(daily_job()));
  auto job = daily_job();
  job.name = "";
  CHECK_EQ(find_problem(job).value_or(""), "name is empty");
  job.name = std::string(65, 'a');
  CHECK_EQ(find_problem(job).value_or(""), "name has 65 characters, at most 64 are allowed");
  job = daily_job();
  job.when.expression = "x";
  CHECK(find_problem(job).value_or("").starts_with("cron: "));
  job = daily_job();
  job.work.queue = "";
  CHECK_EQ(find_problem(job).value_or(""), "queue is empty");
  job = daily_job();
  job.missed = static_cast<missed_times>(3);
  CHECK_EQ(find_problem(job).value_or(""), "missed has the value 3, which is none of missed_times");
}

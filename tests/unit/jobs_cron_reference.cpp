#define CAF_SUITE jobs.cron_reference

#include "jobs/cron.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <random>
#include <set>
#include <string>

#include <caf/test/bdd_dsl.hpp>

// Cron against a scan of all minutes, whose local time is what the C library says: another reader of the same files.

using namespace cenote::jobs;
using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

/// The C library's time zone is that of the process: one test at a time.
class c_library_zone {
public:
  explicit c_library_zone(const std::string& name) { set(name); }
  ~c_library_zone() { set("UTC"); }

  static local_time<minutes> local(sys_time<minutes> time) {
    auto seconds = static_cast<time_t>(time.time_since_epoch() / 1s);
    tm parts{};
    localtime_r(&seconds, &parts);
    return local_days{year{parts.tm_year + 1900} / (parts.tm_mon + 1) / parts.tm_mday} + hours{parts.tm_hour}
           + minutes{parts.tm_min};
  }

private:
  static void set(const std::string& name) {
    setenv("TZ", name.c_str(), 1);
    tzset();
  }
};

/// An expression with what it is meant to match, made without the parser.
struct random_cron {
  std::string text;
  std::array<std::set<unsigned>, 5> values;
  std::array<bool, 5> has_star{};

  bool matches(local_time<minutes> local) const {
    auto day = floor<days>(local);
    year_month_day date{day};
    auto minute = static_cast<unsigned>((local - day).count());
    auto has = [this](size_t i, unsigned value) { return values[i].count(value) > 0; };
    auto by_month = has(2, static_cast<unsigned>(date.day()));
    auto by_week = has(4, weekday{day}.c_encoding());
    auto by_day = has_star[2] || has_star[4] ? by_month && by_week : by_month || by_week;
    return has(0, minute % 60) && has(1, minute / 60) && has(3, static_cast<unsigned>(date.month())) && by_day;
  }
};

template <class Random>
void add_part(random_cron& out, size_t i, Random& rng) {
  constexpr std::array<unsigned, 5> min{0, 0, 1, 1, 0}, max{59, 23, 31, 12, 7};
  auto range = max[i] - min[i] + 1;
  auto from = min[i] + static_cast<unsigned>(rng() % range);
  auto to = from, step = 1u;
  if (rng() % 3 == 0) {
    to = from + static_cast<unsigned>(rng() % (max[i] - from + 1));
    out.text += std::to_string(from) + "-" + std::to_string(to);
    if (rng() % 2 == 0) {
      step = 1 + static_cast<unsigned>(rng() % 5);
      out.text += "/" + std::to_string(step);
    }
  } else {
    out.text += std::to_string(from);
  }
  for (auto value = from; value <= to; value += step)
    out.values[i].insert(i == 4 ? value % 7 : value);
}

template <class Random>
random_cron make_cron(Random& rng) {
  constexpr std::array<unsigned, 5> min{0, 0, 1, 1, 0}, last{59, 23, 31, 12, 6};
  random_cron out;
  for (size_t i = 0; i < 5; ++i) {
    if (i > 0)
      out.text += ' ';
    // Most expressions should match within a few days.
    if (rng() % 4 < (i < 2 ? 2u : 3u)) {
      auto step = rng() % 3 == 0 ? 1 + static_cast<unsigned>(rng() % 6) : 1;
      out.text += step == 1 ? "*" : "*/" + std::to_string(step);
      out.has_star[i] = true;
      for (auto value = min[i]; value <= last[i]; value += step)
        out.values[i].insert(value);
      continue;
    }
    for (auto parts = 1 + rng() % 3; parts > 0; --parts) {
      add_part(out, i, rng);
      if (parts > 1)
        out.text += ',';
    }
  }
  return out;
}

/// The first time after `after` at which the clock shows a matching minute that it has not shown before.
std::optional<server_time> scan(const random_cron& cron, server_time after, minutes span) {
  auto begin = floor<minutes>(after);
  auto shown = local_time<minutes>::min();
  for (auto time = begin - 48h; time < begin + span; time += 1min) {
    auto local = c_library_zone::local(time);
    if (time > after)
      for (auto skipped = std::max(shown + 1min, local - 26h); skipped <= local; skipped += 1min)
        if (cron.matches(skipped))
          return time;
    shown = std::max(shown, local);
  }
  return std::nullopt;
}

} // namespace

SCENARIO("the next time is what a scan of all minutes finds") {
  std::mt19937 rng{20240331};
  auto found = 0;
  for (auto* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana",
                     "Asia/Beirut", "Africa/Casablanca", "Europe/Dublin", "America/St_Johns", "UTC"}) {
    auto zone = find_time_zone(name);
    REQUIRE(zone.has_value());
    c_library_zone reference{name};
    for (int i = 0; i < 25; ++i) {
      auto cron = make_cron(rng);
      auto parsed = cron_expression::parse(cron.text);
      if (!parsed) // It never matches.
        continue;
      // From 1980 on, mostly near a change.
      sys_seconds time{seconds{315532800 + rng() % 3'000'000'000u}};
      if (rng() % 4 != 0)
        time = zone->at(time).end - seconds{rng() % 100'000};
      if (time > sys_days{year{2100} / 1 / 1})
        time = sys_days{year{2010} / 1 / 1};
      server_time after = time + microseconds{rng() % 2 == 0 ? rng() % 1'000'000 : 0};
      constexpr auto span = minutes{4 * 24 * 60};
      auto want = scan(cron, after, span);
      auto got = next_time(*parsed, after, *zone);
      if (!got || (want ? got != want : *got < floor<minutes>(after) + span))
        CAF_FAIL(cron.text << " in " << name << " after " << after.time_since_epoch().count() << ": "
                           << (got ? got->time_since_epoch().count() : 0));
      found += want.has_value();
    }
  }
  CHECK(found > 90);
}

SCENARIO("a long row of times is what a scan finds, each once") {
  for (auto* name : {"Europe/Berlin", "Australia/Lord_Howe"}) {
    auto zone = find_time_zone(name);
    REQUIRE(zone.has_value());
    c_library_zone reference{name};
    auto parsed = cron_expression::parse("*/20 * * * *");
    auto begin = sys_days{year{2024} / 3 / 25};
    auto shown = c_library_zone::local(begin - 1min);
    size_t fired = 0;
    std::optional<server_time> next = next_time(*parsed, begin - 1us, *zone);
    for (auto time = sys_time<minutes>{begin}; time < sys_days{year{2024} / 11 / 5}; time += 1min) {
      auto local = c_library_zone::local(time);
      auto fires = false;
      for (auto minute = shown + 1min; minute <= local; minute += 1min)
        fires = fires || minute.time_since_epoch() % 20min == 0min;
      shown = std::max(shown, local);
      // Not a check for each minute: all of them are printed.
      if (fires != (next == time))
        CAF_FAIL(name << " at " << time.time_since_epoch().count() << " min");
      if (!fires)
        continue;
      ++fired;
      next = next_time(*parsed, *next, *zone);
    }
    CHECK(fired > 15000u);
  }
}

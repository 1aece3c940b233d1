#define CAF_SUITE jobs.cron

#include "jobs/cron.hpp"

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::jobs;
using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

std::string error_of(std::string_view text) {
  auto parsed = cron_expression::parse(text);
  return parsed ? "" : parsed.error();
}

cron_expression expression(std::string_view text) {
  auto parsed = cron_expression::parse(text);
  if (!parsed)
    CAF_FAIL(parsed.error());
  return *parsed;
}

/// 2024-02-29 12:00[:30]
server_time utc(std::string_view text) {
  auto number = [&](size_t at, size_t n) { return std::stoi(std::string{text.substr(at, n)}); };
  auto out = sys_days{year{number(0, 4)} / number(5, 2) / number(8, 2)} + hours{number(11, 2)} + minutes{number(14, 2)};
  return text.size() > 16 ? out + seconds{number(17, 2)} : out;
}

std::string text_of(std::optional<server_time> time) {
  if (!time)
    return "never";
  auto day = floor<days>(*time);
  year_month_day date{day};
  hh_mm_ss clock{*time - day};
  char out[64];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u %02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()));
  return clock.seconds() == 0s && clock.subseconds() == 0us ? out : std::string{out} + " and more";
}

/// The first times after `after`, in UTC.
std::vector<std::string> times(std::string_view cron, std::string_view zone_name, std::string_view after, size_t n) {
  auto zone = find_time_zone(zone_name);
  if (!zone)
    CAF_FAIL(zone.error());
  auto matching = expression(cron);
  std::vector<std::string> out;
  for (std::optional<server_time> time = utc(after); out.size() < n;) {
    time = next_time(matching, *time, *zone);
    out.push_back(text_of(time));
    if (!time)
      break;
  }
  return out;
}

struct row {
  const char* cron;
  const char* after;
  std::vector<std::string> want;
};

void check(const char* zone, const std::vector<row>& rows) {
  for (auto& [cron, after, want] : rows) {
    MESSAGE(cron << " after " << after << " in " << zone);
    CHECK_EQ(times(cron, zone, after, want.size()), want);
  }
}

} // namespace

SCENARIO("fields are stars, numbers, names, ranges, steps, and lists of these") {
  check("UTC",
        {
            {"* * * * *", "2024-02-28 23:59", {"2024-02-29 00:00", "2024-02-29 00:01"}},
            {"*/15 * * * *", "2024-01-01 00:00", {"2024-01-01 00:15", "2024-01-01 00:30", "2024-01-01 00:45"}},
            {"*/25 * * * *", "2024-01-01 00:00", {"2024-01-01 00:25", "2024-01-01 00:50", "2024-01-01 01:00"}},
            {"5-20/7 * * * *", "2024-01-01 00:00", {"2024-01-01 00:05", "2024-01-01 00:12", "2024-01-01 00:19"}},
            {"59,0,30 23 * * *", "2024-12-31 23:00", {"2024-12-31 23:30", "2024-12-31 23:59", "2025-01-01 23:00"}},
            {"0 8-18/4 * * *", "2024-01-01 00:00", {"2024-01-01 08:00", "2024-01-01 12:00", "2024-01-01 16:00"}},
            {"30 3 * * mon-fri", "2024-01-05 03:29", {"2024-01-05 03:30", "2024-01-08 03:30"}},
            {"30 3 * * MON-Fri", "2024-01-05 03:29", {"2024-01-05 03:30", "2024-01-08 03:30"}},
            {"0 0 1 Jan,jul *", "2024-01-01 00:00", {"2024-07-01 00:00", "2025-01-01 00:00"}},
            {"0 0 1 */5 *", "2024-01-01 00:00", {"2024-06-01 00:00", "2024-11-01 00:00", "2025-01-01 00:00"}},
            {"0 0 * * 0", "2024-01-01 00:00", {"2024-01-07 00:00", "2024-01-14 00:00"}},
            {"0 0 * * 7", "2024-01-01 00:00", {"2024-01-07 00:00", "2024-01-14 00:00"}},
            {"0 0 * * sun", "2024-01-01 00:00", {"2024-01-07 00:00", "2024-01-14 00:00"}},
            {"0 0 * * fri-sun", "2024-01-01 00:00", {"2024-01-05 00:00", "2024-01-06 00:00", "2024-01-07 00:00"}},
            {"0 0 * * 5-7", "2024-01-01 00:00", {"2024-01-05 00:00", "2024-01-06 00:00", "2024-01-07 00:00"}},
            {"0 0 * * sun-mon", "2024-01-01 00:00", {"2024-01-07 00:00", "2024-01-08 00:00"}},
            {"\t 1   2\t3 4 * ", "2024-01-01 00:00", {"2024-04-03 02:01"}},
            {"00 000 01 1 *", "2024-01-01 00:00", {"2025-01-01 00:00"}},
            {"*/60 */24 * * *", "2024-01-01 00:00", {"2024-01-02 00:00"}},
        });
}

SCENARIO("times are found over the ends of days, months and years, and in leap years") {
  check("UTC", {
                   {"59 23 31 12 *", "2024-12-31 23:58", {"2024-12-31 23:59", "2025-12-31 23:59"}},
                   {"0 12 31 * *", "2024-01-31 12:00", {"2024-03-31 12:00", "2024-05-31 12:00", "2024-07-31 12:00"}},
                   {"0 0 29 2 *", "2024-02-29 00:00", {"2028-02-29 00:00"}},
                   {"0 0 29 2 *", "2096-02-29 00:00", {"2104-02-29 00:00"}},
                   {"0 0 29 2 *", "1999-01-01 00:00", {"2000-02-29 00:00"}},
                   {"0 0 30 * *", "2024-01-30 00:00", {"2024-03-30 00:00"}},
                   // 29 February on a Sunday: 2032 and 2060, and over the year 2100, which has none.
                   {"0 0 29 2 */7", "2024-01-01 00:00", {"2032-02-29 00:00", "2060-02-29 00:00", "2088-02-29 00:00"}},
                   {"0 0 29 2 */7", "2088-02-29 00:00", {"2128-02-29 00:00"}},
               });
}

SCENARIO("a day of month or of week is enough if both are restricted") {
  check("UTC", {
                   {"0 0 13 * fri", "2024-09-01 00:00", {"2024-09-06 00:00", "2024-09-13 00:00", "2024-09-20 00:00"}},
                   {"0 0 1,15 * mon",
                    "2024-01-08 00:00",
                    {"2024-01-15 00:00", "2024-01-22 00:00", "2024-01-29 00:00", "2024-02-01 00:00"}},
                   // There is no such day, but there are Mondays.
                   {"0 0 30 2 mon", "2024-02-01 00:00", {"2024-02-05 00:00"}},
                   // A star with a step restricts, too, but does not count as restricted.
                   {"0 0 */2 * mon", "2024-01-01 00:00", {"2024-01-15 00:00", "2024-01-29 00:00", "2024-02-05 00:00"}},
                   {"0 0 13 * */7", "2024-01-01 00:00", {"2024-10-13 00:00", "2025-04-13 00:00"}},
               });
}

SCENARIO("nicknames stand for expressions") {
  check("UTC", {
                   {"@hourly", "2024-01-01 00:00", {"2024-01-01 01:00", "2024-01-01 02:00"}},
                   {"@daily", "2024-01-01 00:00", {"2024-01-02 00:00"}},
                   {"@midnight", "2024-01-01 00:00", {"2024-01-02 00:00"}},
                   {"@weekly", "2024-01-01 00:00", {"2024-01-07 00:00"}},
                   {"@monthly", "2024-01-01 00:00", {"2024-02-01 00:00"}},
                   {"@yearly", "2024-01-01 00:00", {"2025-01-01 00:00"}},
                   {"@Annually", "2024-01-01 00:00", {"2025-01-01 00:00"}},
               });
}

SCENARIO("the next time is after the given one, not at it") {
  auto each_minute = expression("* * * * *");
  auto twelve = utc("2024-01-01 12:00");
  CHECK(next_time(each_minute, twelve, {}) == twelve + 1min);
  CHECK(next_time(each_minute, twelve - 1us, {}) == twelve);
  CHECK(next_time(each_minute, twelve + 1us, {}) == twelve + 1min);
  CHECK(next_time(each_minute, twelve + 59999999us, {}) == twelve + 1min);
}

SCENARIO("a skipped time is the moment of the change, and a repeated one the earlier of the two") {
  // In UTC: the change is at 01:00 on 31 March and on 27 October 2024.
  check("Europe/Berlin",
        {
            {"30 2 * * *", "2024-03-30 00:00", {"2024-03-30 01:30", "2024-03-31 01:00", "2024-04-01 00:30"}},
            {"0 3 * * *", "2024-03-30 12:00", {"2024-03-31 01:00", "2024-04-01 01:00"}},
            {"30 1,2 * * *", "2024-03-30 12:00", {"2024-03-31 00:30", "2024-03-31 01:00", "2024-03-31 23:30"}},
            // Four skipped times, and the one at 03:00.
            {"*/15 * * * *", "2024-03-31 00:30", {"2024-03-31 00:45", "2024-03-31 01:00", "2024-03-31 01:15"}},
            {"30 2 * * *", "2024-10-26 12:00", {"2024-10-27 00:30", "2024-10-28 01:30"}},
            {"0 3 * * *", "2024-10-26 12:00", {"2024-10-27 02:00", "2024-10-28 02:00"}},
            {"0 2 * * *", "2024-10-26 12:00", {"2024-10-27 00:00", "2024-10-28 01:00"}},
            // In the second 02:30.
            {"30 2 * * *", "2024-10-27 01:30", {"2024-10-28 01:30"}},
            {"30 2 * * *", "2024-10-27 01:15", {"2024-10-28 01:30"}},
            // Nothing while the hour is repeated.
            {"*/15 * * * *", "2024-10-27 00:30", {"2024-10-27 00:45", "2024-10-27 02:00", "2024-10-27 02:15"}},
            {"*/15 * * * *", "2024-10-27 01:20", {"2024-10-27 02:00"}},
            {"0 * * * *", "2024-10-27 00:00", {"2024-10-27 02:00"}},
            // Long after the last change that a file lists.
            {"0 12 * * *", "2060-07-01 00:00", {"2060-07-01 10:00"}},
            {"0 12 * * *", "2060-01-01 00:00", {"2060-01-01 11:00"}},
        });
  check("America/New_York", {
                                {"30 2 * * *", "2024-03-09 12:00", {"2024-03-10 07:00", "2024-03-11 06:30"}},
                                {"30 1 * * *", "2024-11-02 12:00", {"2024-11-03 05:30", "2024-11-04 06:30"}},
                                {"0 9 * * mon-fri", "2024-03-08 14:00", {"2024-03-11 13:00"}},
                            });
}

SCENARIO("changes of half an hour, of a day, and at midnight are changes like others") {
  // Lord Howe: 30 minutes. Forward at 02:00 (15:30 UTC) on 6 October, back at 02:00 (15:00 UTC) on 7 April 2024.
  check("Australia/Lord_Howe",
        {
            {"15 2 * * *", "2024-10-05 00:00", {"2024-10-05 15:30", "2024-10-06 15:15"}},
            {"30 2 * * *", "2024-10-05 00:00", {"2024-10-05 15:30", "2024-10-06 15:30"}},
            {"45 1 * * *", "2024-04-06 00:00", {"2024-04-06 14:45", "2024-04-07 15:15"}},
            {"*/15 * * * *", "2024-04-06 14:44", {"2024-04-06 14:45", "2024-04-06 15:30", "2024-04-06 15:45"}},
        });
  // Samoa had no 30 December 2011.
  check("Pacific/Apia",
        {
            {"0 12 * * *", "2011-12-29 00:00", {"2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00"}},
            {"0 12 30 12 *", "2011-12-01 00:00", {"2011-12-30 10:00", "2012-12-29 22:00"}},
            {"0 0 * * fri", "2011-12-25 00:00", {"2011-12-30 10:00", "2012-01-05 10:00"}},
        });
  // Midnight does not exist: clocks go from 23:59 to 01:00.
  check("Asia/Beirut", {{"0 0 * * *", "2024-03-29 23:00", {"2024-03-30 22:00", "2024-03-31 21:00"}}});
  // Midnight exists twice.
  check("America/Havana", {{"30 0 * * *", "2024-11-02 12:00", {"2024-11-03 04:30", "2024-11-04 05:30"}}});
  // Summer time is in winter: the rule is written the other way round.
  check("Europe/Dublin", {{"0 12 * * *", "2024-07-01 12:00", {"2024-07-02 11:00"}},
                          {"0 12 * * *", "2050-07-01 12:00", {"2050-07-02 11:00"}},
                          {"0 12 * * *", "2050-01-01 12:30", {"2050-01-02 12:00"}}});
  check("Asia/Kolkata", {{"0 0 * * *", "2024-01-01 00:00", {"2024-01-01 18:30"}}});
}

SCENARIO("nothing is found beyond the year 9999, and before 1900 the year 1900") {
  auto yearly = expression("@yearly");
  CHECK(!next_time(yearly, server_time::max(), {}));
  CHECK(!next_time(yearly, sys_days{year{9999} / 1 / 1}, {}));
  CHECK_EQ(text_of(next_time(yearly, sys_days{year{9997} / 12 / 31}, {})), "9998-01-01 00:00");
  CHECK_EQ(text_of(next_time(yearly, server_time::min(), {})), "1901-01-01 00:00");
  auto berlin = find_time_zone("Europe/Berlin");
  REQUIRE(berlin.has_value());
  CHECK(!next_time(yearly, sys_days{year{9998} / 12 / 31} + 23h, *berlin));
  CHECK_EQ(text_of(next_time(yearly, sys_days{year{9997} / 12 / 1}, *berlin)), "9997-12-31 23:00");
}

SCENARIO("a mistake is named with its field and what is allowed there") {
  struct {
    const char* cron;
    const char* want;
  } rows[] = {
      {"", "cron: 0 fields instead of 5: minute, hour, day of month, month, day of week"},
      {"*", "cron: 1 field instead of 5: minute, hour, day of month, month, day of week"},
      {"* * * *", "cron: 4 fields instead of 5: minute, hour, day of month, month, day of week"},
      {"0 0 * * * *", "cron: 6 fields instead of 5: minute, hour, day of month, month, day of week"},
      {"60 * * * *", "cron: minute 60 is out of range 0-59"},
      {"* 24 * * *", "cron: hour 24 is out of range 0-23"},
      {"* 99999999999 * * *", "cron: hour 99999999999 is out of range 0-23"},
      {"* * 0 * *", "cron: day of month 0 is out of range 1-31"},
      {"* * 32 * *", "cron: day of month 32 is out of range 1-31"},
      {"* * * 13 *", "cron: month 13 is out of range 1-12"},
      {"* * * * 8", "cron: day of week 8 is out of range 0-7"},
      {"x * * * *", "cron: minute 'x' is neither * nor a number 0-59"},
      {"-1 * * * *", "cron: minute '' is neither * nor a number 0-59"},
      {"1.5 * * * *", "cron: minute '1.5' is neither * nor a number 0-59"},
      {"+1 * * * *", "cron: minute '+1' is neither * nor a number 0-59"},
      {"? * * * *", "cron: minute '?' is neither * nor a number 0-59"},
      {"* * L * *", "cron: day of month 'L' is neither * nor a number 1-31"},
      {"* * * juno *", "cron: month 'juno' is neither * nor a number 1-12 nor a name jan-dec"},
      {"* * * * monday", "cron: day of week 'monday' is neither * nor a number 0-7 nor a name sun-sat"},
      {"1, * * * *", "cron: minute has an empty part: write *, a number, or a list such as 1,2"},
      {"1- * * * *", "cron: minute '' is neither * nor a number 0-59"},
      {"*-5 * * * *", "cron: minute '*' is neither * nor a number 0-59"},
      {"1-2-3 * * * *", "cron: minute '2-3' is neither * nor a number 0-59"},
      {"30-10 * * * *", "cron: minute '30-10' runs backwards: write two ranges with a comma between them"},
      {"* * * * fri-mon", "cron: day of week 'fri-mon' runs backwards: write two ranges with a comma between them"},
      {"5/10 * * * *", "cron: minute '5/10' has a step without a range: write 5-59/10"},
      {"*/0 * * * *", "cron: minute step 0 is out of range 1-60"},
      {"*/61 * * * *", "cron: minute step 61 is out of range 1-60"},
      {"* */25 * * *", "cron: hour step 25 is out of range 1-24"},
      {"*/ * * * *", "cron: minute step '' is no number 1-60"},
      {"*/2/3 * * * *", "cron: minute step '2/3' is no number 1-60"},
      {"@reboot", "cron: '@reboot' is none of @hourly, @daily, @weekly, @monthly, @yearly"},
      {"0 0 30 2 *", "cron: day of month '30' is in none of the months '2'"},
      {"0 0 31 2,4,6,9,11 *", "cron: day of month '31' is in none of the months '2,4,6,9,11'"},
      {"0 0 30-31 feb */2", "cron: day of month '30-31' is in none of the months 'feb'"},
      {"\x1b[2J\n * * * *", "cron: minute '\\x1b[2J\\n' is neither * nor a number 0-59"},
  };
  for (auto& [cron, want] : rows)
    CHECK_EQ(error_of(cron), want);
  CHECK_EQ(error_of(std::string(257, '*')), "cron: the expression has 257 bytes, at most 256 are allowed");
}

SCENARIO("any text is read or refused") {
  std::mt19937 rng{7};
  constexpr std::string_view letters = "0123456789*/-, @\tjanfebmontuewedsun?\n\0\xff";
  size_t read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (auto n = rng() % 24; n > 0; --n)
      text += rng() % 40 == 0 ? static_cast<char>(rng()) : letters[rng() % letters.size()];
    if (i % 2 == 0)
      text = "* " + text + " * * *";
    auto parsed = cron_expression::parse(text);
    if (!parsed) {
      if (!parsed.error().starts_with("cron: ") || parsed.error().find('\n') != std::string::npos)
        CAF_FAIL(parsed.error());
      continue;
    }
    ++read;
    if (!next_time(*parsed, sys_days{year{2024} / 1 / 1}, {}))
      CAF_FAIL(text);
  }
  CHECK(read > 50);
}

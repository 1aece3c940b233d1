#define CAF_SUITE jobs.time_zone

#include "jobs/time_zone.hpp"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::jobs;
using namespace std::chrono;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// The names of all zones of this system.
std::vector<std::string> zone_names() {
  std::vector<std::string> out;
  fs::path root{time_zone_directory};
  for (auto& entry : fs::recursive_directory_iterator{root}) {
    auto name = entry.path().lexically_relative(root).string();
    if (entry.is_regular_file() && !name.starts_with("right/") && !name.starts_with("posix/")
        && name.find('.') == name.npos && find_time_zone(name))
      out.push_back(name);
  }
  return out;
}

std::string content_of(std::string_view name) {
  std::ifstream file{fs::path{time_zone_directory} / name, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::string error_of(std::string_view name, std::string_view directory = time_zone_directory) {
  auto zone = find_time_zone(name, directory);
  return zone ? "" : zone.error();
}

std::string number(int32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<uint32_t>(value) >> shift);
  return out;
}

/// A compiled zone without changes, but with a rule, as `zic -b slim` writes it.
std::string slim_file(int32_t offset, std::string_view rule) {
  auto header = [](int types, int letters) {
    return "TZif2" + std::string(15, '\0') + number(0) + number(0) + number(0) + number(0) + number(types)
           + number(letters);
  };
  auto out = header(0, 0) + header(1, 4) + number(offset) + std::string(2, '\0');
  out += std::string{"CET\0", 4};
  out += '\n';
  out += rule;
  out += '\n';
  return out;
}

seconds offset(const time_zone& zone, sys_days day) {
  return zone.at(day).offset;
}

} // namespace

SCENARIO("all zones of the system show what the C library shows") {
  std::mt19937 rng{5};
  auto names = zone_names();
  CHECK(names.size() > 300);
  size_t wrong = 0;
  for (auto& name : names) {
    auto zone = *find_time_zone(name);
    setenv("TZ", name.c_str(), 1);
    tzset();
    for (int i = 0; i < 100; ++i) {
      // From 1910 to 2150, long after the last change that a file lists.
      sys_seconds time{seconds{static_cast<int64_t>(rng() % 7'500'000'000ull) - 1'893'456'000}};
      if (i % 2 == 0)
        time = std::min<sys_seconds>(zone.at(time).end, sys_days{year{2150} / 1 / 1}) - seconds{i % 4 == 0 ? 1 : 0};
      auto moment = static_cast<time_t>(time.time_since_epoch().count());
      tm parts{};
      localtime_r(&moment, &parts);
      if (zone.at(time).offset != seconds{parts.tm_gmtoff}) {
        ++wrong;
        MESSAGE(name << " at " << moment << ": " << zone.at(time).offset.count() << " instead of " << parts.tm_gmtoff);
      }
    }
  }
  setenv("TZ", "UTC", 1);
  tzset();
  CHECK_EQ(wrong, 0u);
}

SCENARIO("spans follow each other without a gap") {
  for (auto* name : {"Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Kolkata"}) {
    auto zone = *find_time_zone(name);
    auto part = zone.at(sys_days{year{1900} / 1 / 1});
    while (part.end < sys_days{year{2100} / 1 / 1}) {
      auto next = zone.at(part.end);
      REQUIRE(next.begin == part.end);
      REQUIRE(next.end > next.begin);
      REQUIRE(zone.at(part.end - 1s).offset == part.offset);
      part = next;
    }
  }
}

SCENARIO("the rule of a file holds after its last change") {
  auto zone = parse_time_zone(slim_file(3600, "CET-1CEST,M3.5.0,M10.5.0/3"));
  REQUIRE(zone.has_value());
  auto berlin = *find_time_zone("Europe/Berlin");
  size_t different = 0;
  for (auto day = sys_days{year{1997} / 1 / 1}; day < sys_days{year{2101} / 1 / 1}; day += days{1}) {
    different += zone->at(day).offset != berlin.at(day).offset;
    different += zone->at(day + 90min).offset != berlin.at(day + 90min).offset;
  }
  CHECK_EQ(different, 0u);
}

SCENARIO("rules have names, offsets, and days in three forms") {
  struct row {
    const char* rule;
    seconds january;
    seconds july;
  } rows[] = {
      {"UTC0", 0s, 0s},
      {"<+0330>-3:30", 3h + 30min, 3h + 30min},
      {"<-03>3", -3h, -3h},
      {"EST5EDT,M3.2.0,M11.1.0", -5h, -4h},
      {"EST+5EDT+4,M3.2.0/2:00:00,M11.1.0/2", -5h, -4h},
      {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 11h, 10h + 30min},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", 0s, 1h},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -2h, -1h},
      {"AAA3BBB,J60/0,J300/167", -3h, -2h},
      {"AAA3BBB,59,300/-167:59:59", -3h, -2h},
      {"XXX3EDT4,0/0,J365/23", -4h, -4h}, // Always summer time, which is behind here.
  };
  for (auto& [rule, january, july] : rows) {
    MESSAGE(rule);
    auto zone = parse_time_zone(slim_file(0, rule));
    REQUIRE(zone.has_value());
    CHECK_EQ(offset(*zone, year{2030} / 1 / 15).count(), january.count());
    CHECK_EQ(offset(*zone, year{2030} / 7 / 15).count(), july.count());
  }
  for (auto rule :
       {"C-1", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J300", "CET-1CEST,J1,J366", "CET-1CEST,1,366",
        "CET-1CEST,M3.5.0/168,M10.5.0", "CET-25", "CET-1CEST,M3.5.0,M10.5.0x", "<CET-1", "CET-1:60"}) {
    MESSAGE(rule);
    CHECK(!parse_yearly_rule(rule));
    CHECK(!parse_time_zone(slim_file(3600, rule)));
  }
}

SCENARIO("29 February does not count for days that begin with J") {
  yearly_change change{yearly_change::form::day_without_leap, 1, 1, 60, 0s};
  CHECK(change.in(year{2023}) == local_days{year{2023} / 3 / 1});
  CHECK(change.in(year{2024}) == local_days{year{2024} / 3 / 1});
  change.kind = yearly_change::form::day_of_year;
  CHECK(change.in(year{2023}) == local_days{year{2023} / 3 / 2});
  CHECK(change.in(year{2024}) == local_days{year{2024} / 3 / 1});
}

SCENARIO("a name that is no zone is refused with advice") {
  CHECK_EQ(error_of("Nix/Da"),
           "time zone 'Nix/Da' is unknown: use a name of /usr/share/zoneinfo, such as Europe/Berlin, or UTC");
  CHECK_EQ(error_of("Europe"),
           "time zone 'Europe' is unknown: use a name of /usr/share/zoneinfo, such as Europe/Berlin, "
           "or UTC");
  CHECK_EQ(error_of("zone1970"), "time zone 'zone1970' is unknown: use a name of /usr/share/zoneinfo, such as "
                                 "Europe/Berlin, or UTC");
  for (auto name : {"", "/etc/passwd", "../../../etc/passwd", "Europe/../../../etc/passwd", "zone.tab",
                    "Europe/Ber lin", "Europe/Berlin\n", "\x1b[2J", ".", "Europe/B\xc3\xa4rlin"}) {
    MESSAGE(name);
    CHECK(error_of(name).find("is no name of a time zone") != std::string::npos);
  }
  CHECK(error_of(std::string(65, 'a')).find("is no name of a time zone") != std::string::npos);
  CHECK(error_of(std::string{"UTC\0", 4}).find("is no name of a time zone") != std::string::npos);
}

SCENARIO("without a database there is UTC") {
  CHECK_EQ(error_of("UTC", "/nowhere"), "");
  CHECK_EQ(error_of("Etc/UTC", "/nowhere"), "");
  CHECK_EQ(error_of("Europe/Berlin", "/nowhere"),
           "time zone 'Europe/Berlin' is unknown, as are all but UTC: there is no "
           "/nowhere, install the package tzdata");
}

SCENARIO("damaged files are refused or read, and nothing worse") {
  CHECK(!parse_time_zone(""));
  CHECK(!parse_time_zone("TZif2"));
  CHECK(!parse_time_zone("not a time zone at all, but as long as a header would be"));
  std::mt19937 rng{9};
  auto file = content_of("Europe/Berlin");
  REQUIRE(parse_time_zone(file).has_value());
  for (size_t length = 0; length < file.size(); length += 7)
    CHECK(!parse_time_zone(std::string_view{file}.substr(0, length)) || length + 40 > file.size());
  for (int i = 0; i < 3000; ++i) {
    auto damaged = file;
    for (auto n = 1 + rng() % 4; n > 0; --n)
      damaged[i % 2 == 0 ? rng() % 120 : rng() % damaged.size()] = static_cast<char>(rng());
    if (auto zone = parse_time_zone(damaged)) {
      (void)zone->at(sys_days{year{2024} / 1 / 1});
      (void)zone->first(local_days{year{2024} / 1 / 1});
      (void)zone->latest_shown(sys_days{year{2060} / 1 / 1});
    }
  }
}

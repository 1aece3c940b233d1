#define CAF_SUITE config.duration

#include "config/duration.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::config;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

SCENARIO("a duration is a number of seconds or has a unit") {
  struct {
    const char* text;
    nanoseconds want;
  } rows[] = {{"0", 0s},      {"30", 30s},          {"0.5", 500ms},     {"1.5", 1500ms}, {"-1", -1s},
              {"30s", 30s},   {"500ms", 500ms},     {"0.25ms", 250us},  {"7us", 7us},    {"9ns", 9ns},
              {"5min", 5min}, {"1h", 1h},           {"0.1", 100ms},     {"0.001", 1ms},  {"8760h", 8760h},
              {"007", 7s},    {"0.000000001", 1ns}, {"-2.5h", -150min}, {"0s", 0s},      {"0h", 0s},
              {"3600", 3600s}};
  for (auto& [text, want] : rows) {
    auto got = parse_duration(text);
    MESSAGE(text);
    REQUIRE(got.has_value());
    CHECK_EQ(got->count(), want.count());
  }
}

SCENARIO("what is not a duration is not read as one") {
  for (auto text :
       {"",   " ",  "s",    "abc", "30 s", " 30", "30s ", "30x",      "1e3", "inf", "nan",  "-",     "--1",
        "+1", "-s", "0x10", "30S", "30m",  "1,5", "1.5.", "infinity", ".5",  "1d",  "-inf", "5 min", "1h30min"}) {
    MESSAGE(text);
    CHECK(!parse_duration(text).has_value());
  }
}

SCENARIO("durations beyond nanoseconds become the nearest that fits") {
  CHECK(parse_duration("9999999999999999999h") == nanoseconds::max());
  CHECK(parse_duration("-9999999999999999999h") == nanoseconds::min());
  CHECK(parse_duration("1" + std::string(400, '0')) == nanoseconds::max());
  CHECK(parse_duration("-1" + std::string(400, '0')) == nanoseconds::min());
  // Not zero, which would mean "never".
  CHECK(parse_duration("0.00000000001") == 1ns);
  CHECK(parse_duration("-0.00000000001") == -1ns);
}

SCENARIO("a duration is written with the largest unit that leaves a whole number") {
  struct {
    nanoseconds x;
    const char* want;
  } rows[] = {{0s, "0s"},   {1s, "1s"},     {3600s, "3600s"},    {100ms, "100ms"}, {1500ms, "1500ms"},
              {5us, "5us"}, {1ns, "1ns"},   {24h, "24h"},        {8760h, "8760h"}, {90s, "90s"},
              {-1s, "-1s"}, {5min, "300s"}, {25h + 1s, "90001s"}};
  for (auto& [x, want] : rows)
    CHECK_EQ(format_duration(x), want);
}

SCENARIO("what is written can be read") {
  for (auto x : std::vector<nanoseconds>{0s, 1ns, 999ns, 1us, 1001us, 1ms, 1s, 61s, 1min, 23h, 24h, 8760h, -5s})
    CHECK(parse_duration(format_duration(x)) == x);
}

#define CAF_SUITE payload.times

#include "unit/payload_types.hpp"

#include <chrono>
#include <limits>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace payload_test;
using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

template <class T>
void check(const T& x, std::string_view want) {
  auto text = written(x);
  CHECK_EQ(text, std::string{want});
  auto read = from<T>(text);
  CHECK(read.has_value() && *read == x);
}

using time = system_clock::time_point;

template <class Duration>
using time_in = time_point<system_clock, Duration>;

} // namespace

SCENARIO("durations have the unit of their type") {
  check(1500ms, R"("1500ms")");
  check(0ns, R"("0ns")");
  check(-7us, R"("-7us")");
  check(30s, R"("30s")");
  check(5min, R"("5min")");
  check(24h, R"("24h")");
  check(days{3}, R"("3d")");
  check(nanoseconds::max(), R"("9223372036854775807ns")");
  check(nanoseconds::min(), R"("-9223372036854775808ns")");
  check(duration<int32_t>{-5}, R"("-5s")");
  check(duration<uint64_t>{5}, R"("5s")");
  check(duration<double>{0.1}, R"("0.1s")");
  check(duration<float, std::milli>{0.5f}, R"("0.5ms")");
  check(duration<int64_t, std::ratio<1, 30>>{60}, "60");
  check(weeks{2}, "2");
}

SCENARIO("a duration may have another unit if nothing is lost by that") {
  CHECK(from<seconds>(R"("2min")") == 120s);
  CHECK(from<seconds>(R"("3000ms")") == 3s);
  CHECK(from<nanoseconds>(R"("36500d")") == days{36500});
  CHECK(from<hours>(R"("120min")") == 2h);
  CHECK(from<duration<double>>(R"("1500ms")") == duration<double>{1.5});
  CHECK_EQ(problem_of<seconds>(R"("1500ms")"), "the duration '1500ms' is too long, or finer than the field");
  CHECK_EQ(problem_of<nanoseconds>(R"("106752d")"), "the duration '106752d' is too long, or finer than the field");
  CHECK_EQ(problem_of<nanoseconds>(R"("99999999999999999999s")"),
           "the duration '99999999999999999999s' is too long, or finer than the field");
  CHECK_EQ(problem_of<duration<int32_t>>(R"("2147483648s")"), "the value is out of range");
  CHECK_EQ(problem_of<duration<uint32_t>>(R"("-1s")"), "the value is out of range");
  for (auto text : {R"("")", R"("s")", R"("1")", R"("1.5s")", R"("1 s")", R"("+1s")", R"("1m")", R"("1sec")",
                    R"("x1s")", R"("0x1s")", R"("1h30min")"}) {
    MESSAGE(text);
    CHECK(problem_of<seconds>(text).starts_with("expected a duration such as '1500ms', got '"));
  }
  CHECK_EQ(problem_of<seconds>("5"), "expected a duration such as '1500ms', got a number");
  for (auto text : {R"("infs")", R"("nans")", R"("1e999s")", R"("1,5s")"})
    CHECK(problem_of<duration<double>>(text).starts_with("expected a duration such as '1.5s', got '"));
  CHECK_EQ(written(duration<double>{std::numeric_limits<double>::infinity()}),
           "error: the number is infinite or not a number, which JSON does not have");
}

SCENARIO("times are those of the calendar, in UTC") {
  check(time{}, R"("1970-01-01T00:00:00Z")");
  check(time{-1ns}, R"("1969-12-31T23:59:59.999999999Z")");
  check(time{1ms}, R"("1970-01-01T00:00:00.001Z")");
  check(time{1us}, R"("1970-01-01T00:00:00.000001Z")");
  check(time{sys_days{year{2024} / 2 / 29} + 23h + 59min + 59s + 120ms}, R"("2024-02-29T23:59:59.120Z")");
  check(time::max(), R"("2262-04-11T23:47:16.854775807Z")");
  check(time::min(), R"("1677-09-21T00:12:43.145224192Z")");
  check(time_in<seconds>{sys_days{year{9999} / 12 / 31} + 86399s}, R"("9999-12-31T23:59:59Z")");
  check(time_in<microseconds>{sys_days{year{0} / 1 / 1}}, R"("0000-01-01T00:00:00Z")");
  check(time_in<hours>{sys_days{year{2024} / 1 / 1} + 5h}, R"("2024-01-01T05:00:00Z")");
  check(time_in<days>{sys_days{year{2024} / 1 / 1}}, R"("2024-01-01T00:00:00Z")");
  for (auto& text : {written(time_in<seconds>::max()), written(time_in<seconds>::min()), written(time_in<days>::max()),
                     written(time_in<microseconds>::min())})
    CHECK_EQ(text, "error: the time is not in the years 0 to 9999");
}

SCENARIO("what is no time, or does not fit, is refused") {
  for (auto text : {"", "Z", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "2024-1-01T00:00:00Z",
                    "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
                    "2024-01-01T00:00:60Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567891Z",
                    "2024-01-01T00:00:00+01:00", "-024-01-01T00:00:00Z", "2024-01-01T00:00:00.1xZ"}) {
    MESSAGE(text);
    CHECK(problem_of<time>("\"" + std::string{text} + "\"").starts_with("expected a time such as"));
  }
  CHECK_EQ(problem_of<time>("1"), "expected a time such as '2026-11-27T18:33:53Z', got a number");
  CHECK_EQ(problem_of<time>(R"("9999-01-01T00:00:00Z")"),
           "the time '9999-01-01T00:00:00Z' is beyond the range of the field, or finer");
  CHECK_EQ(problem_of<time_in<seconds>>(R"("2024-01-01T00:00:00.5Z")"),
           "the time '2024-01-01T00:00:00.5Z' is beyond the range of the field, or finer");
  CHECK_EQ(problem_of<time_in<hours>>(R"("2024-01-01T00:30:00Z")"),
           "the time '2024-01-01T00:30:00Z' is beyond the range of the field, or finer");
  CHECK(from<time_in<seconds>>(R"("2024-01-01T00:00:00.000Z")").has_value());
}

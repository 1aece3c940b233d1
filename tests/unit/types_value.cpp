#define CAF_SUITE types.value

#include "cenote/value.hpp"

#include "types/temporal_text.hpp"

#include <limits>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;

namespace {

template <class T>
bool holds(const value& x, const T& expected) {
  auto actual = std::get_if<T>(&x);
  return actual != nullptr && *actual == expected;
}

} // namespace

SCENARIO("dates and times are written as the server writes them") {
  CHECK_EQ(to_string(date{2024, 1, 31}), "2024-01-31");
  CHECK_EQ(to_string(date{}), "0000-00-00");
  CHECK_EQ(to_string(date{9999, 12, 31}), "9999-12-31");
  CHECK_EQ(to_string(datetime{2024, 1, 31, 12, 0, 0, 1}), "2024-01-31 12:00:00.000001");
  CHECK_EQ(to_string(datetime{2024, 1, 31, 12, 5, 6, 0}), "2024-01-31 12:05:06");
  CHECK_EQ(to_string(datetime{1, 2, 3, 4, 5, 6, 700'000}), "0001-02-03 04:05:06.700000");
  CHECK_EQ(to_string(cenote::time{true, 838, 59, 59, 0}), "-838:59:59");
  CHECK_EQ(to_string(cenote::time{false, 1, 2, 3, 4}), "01:02:03.000004");
  CHECK_EQ(to_string(cenote::time{true, 0, 0, 0, 500'000}), "-00:00:00.500000");
}

SCENARIO("the server's text is read back without loss") {
  CHECK_EQ(parse_date("2024-01-31"), std::optional(date{2024, 1, 31}));
  CHECK_EQ(parse_date("0000-00-00"), std::optional(date{}));
  CHECK_EQ(parse_date("2024-00-00"), std::optional(date{2024, 0, 0}));
  CHECK_EQ(parse_datetime("2024-01-31 12:00:00"), std::optional(datetime{2024, 1, 31, 12, 0, 0, 0}));
  CHECK_EQ(parse_datetime("0000-00-00 00:00:00"), std::optional(datetime{}));
  CHECK_EQ(parse_datetime("9999-12-31 23:59:59.999999"), std::optional(datetime{9999, 12, 31, 23, 59, 59, 999'999}));
  CHECK_EQ(parse_time("-838:59:59.999999"), std::optional(cenote::time{true, 838, 59, 59, 999'999}));
  CHECK_EQ(parse_time("00:00:00"), std::optional(cenote::time{}));
  CHECK_EQ(parse_time("100:00:01"), std::optional(cenote::time{false, 100, 0, 1, 0}));
}

SCENARIO("a fraction of fewer than six digits counts tenths, hundredths and so on") {
  CHECK_EQ(parse_datetime("2024-01-31 12:00:00.5")->microsecond, 500'000u);
  CHECK_EQ(parse_datetime("2024-01-31 12:00:00.050")->microsecond, 50'000u);
  CHECK_EQ(parse_time("00:00:00.000001")->microsecond, 1u);
}

SCENARIO("text that is not of the server's form is not read") {
  for (auto text : {"", "2024", "2024-1-31", "24-01-31", "2024-01-31 ", "2024-13-01", "2024-01-32", "2024/01/31",
                    "x024-01-31", "-024-01-31", "+024-01-31", "2024-01-31 12:00:00"}) {
    MESSAGE("date: " << text);
    CHECK(!parse_date(text));
  }
  for (auto text : {"", "2024-01-31", "2024-01-31T12:00:00", "2024-01-31 12:00", "2024-01-31 24:00:00",
                    "2024-01-31 12:60:00", "2024-01-31 12:00:60", "2024-01-31 12:00:00.", "2024-01-31 12:00:00.1234567",
                    "2024-01-31 12:00:00x", "2024-01-31 1:00:00"}) {
    MESSAGE("datetime: " << text);
    CHECK(!parse_datetime(text));
  }
  for (auto text :
       {"", "-", "1:00:00", "839:00:00", "1000:00:00", "00:60:00", "00:00:60", "00:00", "--00:00:00", "00:00:00.x"}) {
    MESSAGE("time: " << text);
    CHECK(!parse_time(text));
  }
}

SCENARIO("values outside of what the server can hold are recognised") {
  CHECK(detail::in_range(date{9999, 12, 31}));
  CHECK(!detail::in_range(date{10'000, 1, 1}));
  CHECK(!detail::in_range(date{2024, 13, 1}));
  CHECK(!detail::in_range(date{2024, 1, 32}));
  CHECK(detail::in_range(datetime{2024, 1, 31, 23, 59, 59, 999'999}));
  CHECK(!detail::in_range(datetime{2024, 1, 31, 24, 0, 0, 0}));
  CHECK(!detail::in_range(datetime{2024, 1, 31, 0, 0, 0, 1'000'000}));
  CHECK(detail::in_range(cenote::time{true, 838, 59, 59, 999'999}));
  CHECK(!detail::in_range(cenote::time{false, 839, 0, 0, 0}));
  CHECK(!detail::in_range(cenote::time{false, 0, 60, 0, 0}));
  CHECK(!detail::in_range(cenote::time{false, 0, 0, 60, 0}));
}

SCENARIO("what callers write as a parameter becomes the value with the same meaning") {
  CHECK(holds(to_value(nullptr), null{}));
  CHECK(holds(to_value(std::nullopt), null{}));
  CHECK(holds(to_value(std::optional<int>{}), null{}));
  CHECK(holds(to_value(std::optional<int>{7}), int64_t{7}));
  CHECK(holds(to_value(std::optional<std::string>{"x"}), std::string{"x"}));
  CHECK(holds(to_value(true), int64_t{1}));
  CHECK(holds(to_value(false), int64_t{0}));
  CHECK(holds(to_value(-1), int64_t{-1}));
  CHECK(holds(to_value(std::numeric_limits<int64_t>::min()), std::numeric_limits<int64_t>::min()));
  CHECK(holds(to_value(std::numeric_limits<uint64_t>::max()), std::numeric_limits<uint64_t>::max()));
  CHECK(holds(to_value(1u), uint64_t{1}));
  CHECK(holds(to_value(0.5f), 0.5));
  CHECK(holds(to_value("text"), std::string{"text"}));
  CHECK(holds(to_value(std::string_view{"a\0b", 3}), std::string{"a\0b", 3}));
  CHECK(holds(to_value(bytes{"b"}), bytes{"b"}));
  CHECK(holds(to_value(decimal{"1.5"}), decimal{"1.5"}));
  CHECK(holds(to_value(date{2024, 1, 31}), date{2024, 1, 31}));
  CHECK(holds(to_value(value{int64_t{3}}), int64_t{3}));
}

SCENARIO("a char is a text of one byte, and the small integers are numbers") {
  CHECK(holds(to_value('A'), std::string{"A"}));
  CHECK(holds(to_value('\0'), std::string(1, '\0')));
  CHECK(holds(to_value('\xff'), std::string{"\xff"}));
  CHECK(holds(to_value(std::optional<char>{'?'}), std::string{"?"}));
  CHECK(holds(to_value(int8_t{-128}), int64_t{-128}));
  CHECK(holds(to_value(uint8_t{65}), uint64_t{65}));
}

SCENARIO("a null pointer to characters is NULL") {
  const char* none = nullptr;
  char* writable = nullptr;
  CHECK(holds(to_value(none), null{}));
  CHECK(holds(to_value(writable), null{}));
  CHECK(holds(to_value(static_cast<const char*>(nullptr)), null{}));
  CHECK(holds(to_value(std::optional<const char*>{none}), null{}));
  CHECK(holds(to_value(std::string_view{}), std::string{}));
  const char* some = "some";
  CHECK(holds(to_value(some), std::string{"some"}));
  CHECK(holds(to_value(std::optional<const char*>{some}), std::string{"some"}));
}

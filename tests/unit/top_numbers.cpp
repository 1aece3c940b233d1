// Numbers for people.

#define CAF_SUITE top.numbers

#include "app/readable_numbers.hpp"

#include <cmath>
#include <limits>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::app;

SCENARIO("a span of time is shown with a unit and few digits") {
  struct {
    double seconds;
    const char* text;
  } rows[] = {{0, "0 s"},           {-1, "0 s"},         {2.5e-4, "250 us"},  {9.996e-4, "1.00 ms"},
              {1.25e-3, "1.25 ms"}, {0.0125, "12.5 ms"}, {0.0999, "99.9 ms"}, {0.09996, "100 ms"},
              {0.9994, "999 ms"},   {0.9996, "1.00 s"},  {12.34, "12.3 s"},   {119, "119 s"},
              {120, "2 min"},       {7199, "120 min"},   {7200, "2 h"},       {172799, "48 h"},
              {172800, "2 d"},      {1e300, "99999 d"},  {NAN, "0 s"}};
  for (auto& x : rows)
    CHECK_EQ(readable_time(x.seconds), x.text);
}

SCENARIO("a count is exact up to a million") {
  struct {
    double n;
    const char* text;
  } rows[] = {{0, "0"},           {-3, "0"},       {0.44, "0.4"},      {7, "7"},        {12.6, "13"},
              {999999, "999999"}, {1e6, "1.00 M"}, {123.4e6, "123 M"}, {2e9, "2.00 G"}, {1e300, "999 T"}};
  for (auto& x : rows)
    CHECK_EQ(readable_count(x.n), x.text);
}

SCENARIO("no number is wider than a column of a list") {
  for (auto x = 1e-12; x < 1e300; x *= 1.37) {
    CHECK_LE(readable_time(x).size(), 8u);
    CHECK_LE(readable_count(x).size(), 7u);
  }
  CHECK_LE(readable_count(std::numeric_limits<double>::infinity()).size(), 7u);
}

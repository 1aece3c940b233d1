#define CAF_SUITE types.time

#include "types/time.hpp"

#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::chrono_literals;

namespace {

using time_point = std::chrono::steady_clock::time_point;
using ns = std::chrono::nanoseconds;

constexpr auto never = time_point::max();
constexpr auto noon = time_point{12h};

} // namespace

SCENARIO("no duration that a caller may give is an accident") {
  struct row {
    const char* name;
    ns limit;
    time_point deadline;
    time_point later_than_noon;
  };
  GIVEN("durations from the smallest to the largest") {
    const row rows[] = {
        {"the smallest", ns::min(), noon, noon},
        {"nearly the smallest", ns::min() + 1ns, noon, noon},
        {"less than zero", -1ns, noon, noon},
        {"zero", 0ns, never, noon},
        {"more than zero", 1ns, noon + 1ns, noon + 1ns},
        {"a second", 1s, noon + 1s, noon + 1s},
        {"99 years", 99 * 365 * 24h, noon + 99 * 365 * 24h, noon + 99 * 365 * 24h},
        {"nearly a century", never_within - 1ns, noon + (never_within - 1ns), noon + (never_within - 1ns)},
        {"a century", never_within, never, never},
        {"nearly the largest", ns::max() - 1ns, never, never},
        {"the largest", ns::max(), never, never},
    };
    THEN("a moment that much later, and a deadline, are those of the table") {
      for (auto& x : rows) {
        MESSAGE(x.name);
        CHECK(deadline_after(noon, x.limit) == x.deadline);
        CHECK(later(noon, x.limit) == x.later_than_noon);
      }
    }
  }
}

SCENARIO("sums and differences of any two times do not overflow") {
  GIVEN("moments and durations at their limits") {
    const std::vector<time_point> moments{time_point::min(), time_point::min() + 1ns,
                                          time_point{-1ns},  time_point{},
                                          time_point{1ns},   noon,
                                          never - 1ns,       never};
    const std::vector<ns> durations{ns::min(), ns::min() + 1ns, -1ns, 0ns, 1ns, 1h, ns::max() - 1ns, ns::max()};
    THEN("nothing later is earlier, and what is left is never negative") {
      for (auto a : moments) {
        for (auto by : durations)
          CHECK(later(a, by) >= a);
        for (auto b : moments) {
          CHECK(time_left(a, b) >= 0ns);
          CHECK_EQ(time_left(a, b) == 0ns, a <= b);
        }
      }
      CHECK(time_left(never, noon) == ns::max());
      CHECK(time_left(noon + 1s, noon) == 1s);
      CHECK(time_left(noon, time_point::min()) == ns::max());
      CHECK(later(never - 1s, 2s) == never);
      CHECK(times(1s, 60) == 60s);
      CHECK(times(ns::max(), 60) == ns::max());
      CHECK(times(ns::max() / 2 + 1ns, 2) == ns::max());
      CHECK(times(-1s, 2) == -2s);
    }
  }
}

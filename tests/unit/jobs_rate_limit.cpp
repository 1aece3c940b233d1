#define CAF_SUITE jobs.rate_limit

#include "jobs/rate_limit.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::jobs;
using namespace std::chrono_literals;

namespace {

constexpr int64_t start = 1'700'000'000'000'000;

} // namespace

SCENARIO("ten may begin at once, then one per interval") {
  auto first = limit_rate(0, start, 2, 100);
  CHECK_EQ(first.granted, 10u);
  CHECK(first.wait == 500ms);
  auto too_early = limit_rate(first.stored, start + 499'999, 2, 100);
  CHECK_EQ(too_early.granted, 0u);
  CHECK(too_early.wait == 1us);
  CHECK_EQ(too_early.stored, first.stored);
  auto second = limit_rate(first.stored, start + 500'000, 2, 100);
  CHECK_EQ(second.granted, 1u);
  CHECK(second.wait == 500ms);
  // After a pause of five intervals, five.
  auto third = limit_rate(second.stored, start + 3'000'000, 2, 100);
  CHECK_EQ(third.granted, 5u);
  // After a very long one, ten.
  CHECK_EQ(limit_rate(third.stored, start + 3'600'000'000, 2, 100).granted, 10u);
}

SCENARIO("no more are granted than are wanted, and the rest of the burst stays") {
  auto few = limit_rate(0, start, 1, 3);
  CHECK_EQ(few.granted, 3u);
  CHECK(few.wait == 0us);
  auto rest = limit_rate(few.stored, start, 1, 100);
  CHECK_EQ(rest.granted, 7u);
  CHECK(rest.wait == 1s);
  auto none = limit_rate(few.stored, start, 1, 0);
  CHECK_EQ(none.granted, 0u);
  CHECK(none.wait == 0us);
}

SCENARIO("without a rate there is no limit") {
  for (auto rate : {0.0, -1.0, std::nan("")}) {
    auto free = limit_rate(42, start, rate, 5000);
    CHECK_EQ(free.granted, 5000u);
    CHECK_EQ(free.stored, 42);
    CHECK(free.wait == 0us);
  }
}

SCENARIO("a clock that is set back delays nothing for longer than an interval") {
  auto before = limit_rate(0, start, 0.1, 100);
  auto after = limit_rate(before.stored, start - 3'600'000'000, 0.1, 100);
  CHECK_EQ(after.granted, 1u);
  CHECK(after.wait == 10s);
  CHECK_EQ(limit_rate(after.stored, start - 3'590'000'001, 0.1, 100).granted, 0u);
  CHECK_EQ(limit_rate(after.stored, start - 3'590'000'000, 0.1, 100).granted, 1u);
}

SCENARIO("what a lower rate has used up does not count for a higher one") {
  auto slow = limit_rate(0, start, 0.01, 100);
  auto fast = limit_rate(slow.stored, start + 1, 100, 100);
  CHECK_EQ(fast.granted, 1u);
  CHECK(fast.wait == 10ms);
  CHECK_EQ(limit_rate(fast.stored, start + 10'001, 100, 100).granted, 1u);
}

SCENARIO("over a long time as many begin as the rate permits") {
  std::mt19937 rng{3};
  for (auto rate : {0.001, 0.3, 1.0, 3.0, 7.5, 100.0, 999.0, 1000.0, 1e6}) {
    int64_t now = start, stored = 0;
    uint64_t granted = 0;
    auto interval = static_cast<uint64_t>(1e6 / rate) + 1;
    for (int i = 0; i < 20000; ++i) {
      auto decision = limit_rate(stored, now, rate, 1 + static_cast<uint32_t>(rng() % 20));
      granted += decision.granted;
      stored = decision.stored;
      now += static_cast<int64_t>(rng() % (5 * interval));
    }
    auto permitted = static_cast<double>(now - start) * rate / 1e6 + rate_burst;
    MESSAGE(rate);
    CHECK(static_cast<double>(granted) <= permitted);
    CHECK(static_cast<double>(granted) > permitted * 0.9);
  }
}

SCENARIO("a wait is exactly the time until the next one") {
  std::mt19937 rng{4};
  for (int i = 0; i < 2000; ++i) {
    auto rate = std::pow(10.0, static_cast<double>(rng() % 12) - 6);
    auto decision = limit_rate(start + static_cast<int64_t>(rng() % 30'000'000), start, rate, 1000);
    REQUIRE(decision.wait > 0us);
    auto then = start + decision.wait.count();
    CHECK_EQ(limit_rate(decision.stored, then - 1, rate, 1).granted, 0u);
    CHECK_EQ(limit_rate(decision.stored, then, rate, 1).granted, 1u);
  }
}

SCENARIO("the largest and the smallest values do not overflow") {
  using limits = std::numeric_limits<int64_t>;
  for (auto stored : {limits::min(), int64_t{0}, start, limits::max()})
    for (auto now : {limits::min(), int64_t{0}, start, limits::max()})
      for (auto rate : {1e-300, 1e-6, 1.0, 1e6, 1e300, std::numeric_limits<double>::infinity()})
        for (auto wanted : {0u, 1u, 4'294'967'295u}) {
          auto decision = limit_rate(stored, now, rate, wanted);
          CHECK(decision.granted <= rate_burst);
          CHECK(decision.wait >= 0us);
          CHECK(decision.wait <= 12 * 24h);
        }
}

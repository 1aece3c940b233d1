#define CAF_SUITE jobs.backoff

#include "jobs/backoff.hpp"

#include <algorithm>
#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::jobs;
using namespace std::chrono_literals;

namespace {

constexpr double almost_one = 0.9999999999;

} // namespace

SCENARIO("pauses double from attempt to attempt, up to a limit") {
  job_backoff pauses{1s, 1min};
  struct {
    uint32_t attempt;
    std::chrono::nanoseconds want;
  } rows[] = {{1, 1s}, {2, 2s}, {3, 4s}, {4, 8s}, {5, 16s}, {6, 32s}};
  for (auto& [attempt, want] : rows) {
    CHECK_EQ(pause_after(attempt, pauses, 0.5).count(), want.count());
    CHECK_EQ(pause_after(attempt, pauses, 0).count(), (want * 3 / 4).count());
    CHECK(pause_after(attempt, pauses, almost_one) > want * 5 / 4 - 1ms || want == 32s * 2);
    CHECK(pause_after(attempt, pauses, almost_one) <= want * 5 / 4);
  }
}

SCENARIO("at the limit pauses are spread below it") {
  job_backoff pauses{1s, 1min};
  for (auto attempt : {7u, 8u, 100u, 10000u}) {
    CHECK(pause_after(attempt, pauses, 0) == 45s);
    CHECK(pause_after(attempt, pauses, 0.5) == 52500ms);
    CHECK(pause_after(attempt, pauses, almost_one) <= 1min);
    CHECK(pause_after(attempt, pauses, almost_one) > 59999ms);
  }
  // Doubled it is 50 s; a quarter more would be too much.
  CHECK(pause_after(2, {25s, 1min}, almost_one) <= 1min);
  CHECK(pause_after(2, {25s, 1min}, 0) == 37500ms);
  CHECK(pause_after(1, {1min, 1min}, almost_one) <= 1min);
}

SCENARIO("the largest and the smallest values do not overflow") {
  using std::chrono::nanoseconds;
  for (auto first : {nanoseconds::min(), nanoseconds{0}, nanoseconds{1ms}, nanoseconds::max()})
    for (auto longest : {nanoseconds::min(), nanoseconds{0}, nanoseconds{365 * 24h}, nanoseconds::max()})
      for (auto attempt : {1u, 2u, 63u, 64u, 65u, 10000u, 4'000'000'000u})
        for (auto random : {0.0, 0.5, almost_one}) {
          auto pause = pause_after(attempt, {first, longest}, random);
          CHECK(pause >= 750us);
          CHECK(pause <= std::clamp<nanoseconds>(longest, 1ms, 365 * 24h));
        }
}

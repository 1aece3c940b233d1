#define CAF_SUITE jobs.attempt_end

#include "jobs/attempt_end.hpp"
#include "jobs/claim_limits.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::jobs;
using namespace std::chrono_literals;

SCENARIO("what becomes of a job after an attempt") {
  const job_backoff backoff{1s, 1h};
  GIVEN("an attempt that failed, of three") {
    THEN("the job is tried again after its backoff, unless it was the last attempt") {
      auto first = decide_end(job_verdict::retry, "broken", -1ns, 1, 3, backoff, 0.5);
      CHECK(first.verdict == job_verdict::retry);
      CHECK_EQ(first.reason, "broken");
      CHECK(first.pause >= 750ms && first.pause <= 1250ms);
      auto second = decide_end(job_verdict::retry, "broken", -1ns, 2, 3, backoff, 0.5);
      CHECK(second.pause >= 1500ms && second.pause <= 2500ms);
      auto last = decide_end(job_verdict::retry, "broken", -1ns, 3, 3, backoff, 0.5);
      CHECK(last.verdict == job_verdict::discard);
      CHECK_EQ(last.reason, "attempt 3, the last one, failed: broken");
    }
    THEN("a pause that the handler asks for counts, within reason") {
      CHECK(decide_end(job_verdict::retry, "", 0ns, 1, 3, backoff, 0.5).pause == 0ns);
      CHECK(decide_end(job_verdict::retry, "", 7s, 1, 3, backoff, 0.5).pause == 7s);
      CHECK(decide_end(job_verdict::retry, "", std::chrono::nanoseconds::max(), 1, 3, backoff, 0.5).pause
            == longest_pause);
      CHECK(!decide_end(job_verdict::retry, "", 0ns, 1, 3, backoff, 0.5).reason.empty());
    }
  }
  GIVEN("an attempt that did not fail") {
    THEN("its number does not matter") {
      CHECK(decide_end(job_verdict::done, "", -1ns, 3, 3, backoff, 0.5).verdict == job_verdict::done);
      auto later = decide_end(job_verdict::snooze, "not yet", 5s, 3, 3, backoff, 0.5);
      CHECK(later.verdict == job_verdict::snooze);
      CHECK(later.pause == 5s);
      CHECK(decide_end(job_verdict::snooze, "", -5s, 3, 3, backoff, 0.5).pause == 0ns);
      CHECK(decide_end(job_verdict::discard, "no", -1ns, 1, 3, backoff, 0.5).verdict == job_verdict::discard);
    }
  }
}

SCENARIO("limits over all nodes allow what is left of them") {
  GIVEN("a limit of five running jobs") {
    THEN("as many may be taken as do not run yet") {
      CHECK_EQ(allowance_of({5, 0, 0, 0}, 0, 10).count, 5u);
      CHECK_EQ(allowance_of({5, 3, 0, 0}, 0, 10).count, 2u);
      CHECK_EQ(allowance_of({5, 5, 0, 0}, 0, 10).count, 0u);
      CHECK_EQ(allowance_of({5, 9, 0, 0}, 0, 10).count, 0u); // The limit was lowered.
      CHECK_EQ(allowance_of({0, 9, 0, 0}, 0, 10).count, 10u);
    }
  }
  GIVEN("a rate of two per second") {
    THEN("a burst is followed by one each half second") {
      int64_t now = 1'000'000'000;
      auto burst = allowance_of({0, 0, 2, 0}, now, 100);
      CHECK_EQ(burst.count, rate_burst);
      auto stored = now + static_cast<int64_t>(burst.count) * interval_of(2);
      auto none = allowance_of({0, 0, 2, stored}, now, 100);
      CHECK_EQ(none.count, 0u);
      CHECK(none.wait == 500ms);
      CHECK_EQ(allowance_of({0, 0, 2, stored}, now + 500'000, 100).count, 1u);
    }
  }
  GIVEN("both") {
    THEN("the smaller one counts") {
      CHECK_EQ(allowance_of({3, 1, 1000, 0}, 1'000'000'000, 10).count, 2u);
    }
  }
}

#define CAF_SUITE jobs.queue_pace

#include "jobs/queue_pace.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::jobs;
using namespace std::chrono_literals;

namespace {

struct pace_fixture {
  time_point now{1000s};
  queue_pace pace{{10, 1s, 5s}, now};

  /// Answers the looks of an idle queue for this long, and counts them.
  size_t looks_within(duration time) {
    size_t count = 0;
    for (auto end = now + time; now < end; now += 10ms) {
      if (pace.next(0, now) == pace_step::look) {
        ++count;
        pace.looked(false, std::nullopt, 0.5, now);
      }
    }
    return count;
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(pace_fixture)

SCENARIO("an idle queue is looked at less and less often, down to the longest pause") {
  GIVEN("a queue without jobs") {
    WHEN("nothing happens for two minutes") {
      THEN("the pauses grow from 1 s to 5 s") {
        CHECK_EQ(looks_within(1s), 1u);
        looks_within(59s);
        CHECK_EQ(looks_within(60s), 12u);
      }
    }
    WHEN("jobs were found") {
      looks_within(60s);
      pace.wake();
      REQUIRE(pace.next(0, now) == pace_step::claim);
      pace.claimed(3, 10, 0.5, now);
      THEN("the next look comes after the short pause") {
        CHECK(pace.next_event(3) == now + 1s);
        CHECK(pace.next(3, now + 999ms) == pace_step::nothing);
        CHECK(pace.next(3, now + 1s) == pace_step::look);
      }
    }
  }
}

SCENARIO("a node that another one tells of jobs looks whether they are still there") {
  GIVEN("an idle queue, between two looks") {
    looks_within(60s);
    REQUIRE(pace.next(0, now + 20ms) == pace_step::nothing);
    now += 20ms;
    WHEN("it is told of jobs") {
      pace.notified(now);
      THEN("it looks at once, and not again before its pause is over") {
        CHECK(pace.next_event(0) == now);
        REQUIRE(pace.next(0, now) == pace_step::look);
        pace.looked(false, std::nullopt, 0.5, now);
        CHECK_EQ(looks_within(4s), 0u);
      }
    }
    WHEN("it is told again and again") {
      size_t looks = 0;
      for (auto end = now + 1s; now < end; now += 1ms) {
        pace.notified(now);
        if (pace.next(0, now) == pace_step::look) {
          ++looks;
          pace.looked(false, std::nullopt, 0.5, now);
        }
      }
      THEN("it looks as often as the gap between two looks permits") {
        CHECK_EQ(looks, 100u);
      }
    }
    WHEN("it is told while it looks") {
      pace.notified(now);
      REQUIRE(pace.next(0, now) == pace_step::look);
      pace.notified(now);
      pace.looked(false, std::nullopt, 0.5, now);
      THEN("it looks again") {
        CHECK(pace.next(0, now) == pace_step::nothing);
        now += queue_pace::look_gap;
        CHECK(pace.next(0, now) == pace_step::look);
        pace.looked(false, std::nullopt, 0.5, now);
      }
    }
    WHEN("it is told while it claims") {
      pace.wake();
      REQUIRE(pace.next(0, now) == pace_step::claim);
      pace.notified(now);
      pace.claimed(0, 10, 0.5, now);
      THEN("it looks again") {
        now += queue_pace::look_gap;
        CHECK(pace.next(0, now) == pace_step::look);
        pace.looked(false, std::nullopt, 0.5, now);
      }
    }
    WHEN("it is told while all its places are taken") {
      pace.notified(now);
      CHECK(pace.next(10, now) == pace_step::nothing);
      THEN("it looks when one is free") {
        CHECK(pace.next(9, now + 1s) == pace_step::look);
      }
    }
  }
}

SCENARIO("known jobs are claimed at once, one claim at a time") {
  GIVEN("a queue that has been told of jobs") {
    pace.wake();
    REQUIRE(pace.next(0, now) == pace_step::claim);
    WHEN("it is told of more meanwhile") {
      pace.wake();
      CHECK(pace.next(0, now) == pace_step::nothing);
      pace.claimed(1, 10, 0.5, now);
      THEN("it claims again, though the last claim left free places") {
        CHECK(pace.next(1, now + queue_pace::patience) == pace_step::claim);
      }
    }
    WHEN("the claim fills all places") {
      now += queue_pace::patience;
      pace.claimed(10, 10, 0.5, now);
      THEN("nothing is claimed before one is free, then at once or after a moment for more of them") {
        CHECK(pace.next(10, now + 1h) == pace_step::nothing);
        CHECK(pace.next_event(10) == time_point::max());
        CHECK(pace.next(9, now) == pace_step::nothing);
        CHECK(pace.next(5, now) == pace_step::claim);
      }
      THEN("a single free place is used after that moment") {
        queue_pace other{{10, 1s, 5s}, now};
        other.wake();
        other.next(0, now);
        other.claimed(10, 10, 0.5, now);
        CHECK(other.next(9, now) == pace_step::nothing);
        CHECK(other.next_event(9) == now + queue_pace::patience);
        CHECK(other.next(9, now + queue_pace::patience) == pace_step::claim);
      }
    }
    WHEN("the claim fails") {
      pace.failed(1s, now);
      pace.wake();
      THEN("it is repeated after the pause") {
        CHECK(pace.next(0, now + 999ms) == pace_step::nothing);
        CHECK(pace.next(0, now + 1s) == pace_step::claim);
      }
    }
  }
}

SCENARIO("what a limit over all nodes does not allow is claimed when a job of the node has ended") {
  GIVEN("a claim of a queue with a limit") {
    pace.wake();
    REQUIRE(pace.next(0, now) == pace_step::claim);
    WHEN("the limit allows none") {
      pace.limited(250ms, now);
      THEN("the next one comes after the pause") {
        CHECK(pace.next_event(1) == now + 250ms);
        CHECK(pace.next(1, now + 249ms) == pace_step::nothing);
        CHECK(pace.next(1, now + 250ms) == pace_step::claim);
      }
    }
    WHEN("a job of this node ends in the pause") {
      queue_pace other{{10, 1s, 5s}, now};
      other.wake();
      other.next(0, now);
      other.limited(250ms, now);
      other.job_ended(now + 10ms);
      THEN("the next one comes at once, and once") {
        CHECK(other.next_event(0) == now + 10ms);
        CHECK(other.next(0, now + 10ms) == pace_step::claim);
        other.limited(250ms, now + 10ms);
        CHECK(other.next(0, now + 259ms) == pace_step::nothing);
        CHECK(other.next(0, now + 260ms) == pace_step::claim);
      }
    }
    WHEN("a job of this node ends while the limits are read") {
      queue_pace other{{10, 1s, 5s}, now};
      other.wake();
      other.next(1, now);
      other.job_ended(now);
      other.limited(250ms, now);
      THEN("they are read again at once") {
        CHECK(other.next(0, now) == pace_step::claim);
      }
    }
    WHEN("a claim has failed") {
      queue_pace other{{10, 1s, 5s}, now};
      other.wake();
      other.next(1, now);
      other.failed(250ms, now);
      other.wake();
      other.job_ended(now + 10ms);
      THEN("the end of a job does not repeat it earlier") {
        CHECK(other.next(0, now + 249ms) == pace_step::nothing);
      }
    }
  }
}

SCENARIO("a node that uses up a limit gives way to others now and then") {
  GIVEN("a node whose jobs take 10 ms, within a limit of one") {
    duration longest{0};
    WHEN("it has a long queue") {
      auto last = now;
      for (auto end = now + 11s; now < end; now += 1ms) {
        if (pace.next(0, now) != pace_step::nothing) {
          longest = std::max(longest, now - last);
          last = now;
          pace.limited(250ms, now);
        }
        if (now - last == 10ms)
          pace.job_ended(now);
        pace.wake();
      }
      THEN("it sits out a whole pause, and no more than that") {
        CHECK(longest == 250ms);
      }
    }
  }
}

SCENARIO("a long wait for a limit does not keep from what no limit concerns") {
  GIVEN("a queue of which one kind has a slow rate") {
    pace.wake();
    REQUIRE(pace.next(0, now) == pace_step::claim);
    WHEN("that kind may not begin for long") {
      pace.limited(100s, now);
      THEN("the next claim comes after the pause between two looks") {
        CHECK(pace.next_event(0) == now + 1s);
        CHECK(pace.next(0, now + 1s) == pace_step::claim);
      }
    }
  }
}

SCENARIO("after a claim that got nothing, a look tells what there is") {
  GIVEN("a claim without success") {
    pace.wake();
    REQUIRE(pace.next(0, now) == pace_step::claim);
    pace.claimed(0, 10, 0.5, now);
    WHEN("there may be new jobs") {
      pace.wake();
      THEN("they are looked for before they are claimed") {
        CHECK(pace.next_event(0) <= now);
        REQUIRE(pace.next(0, now) == pace_step::look);
        pace.looked(true, std::nullopt, 0.5, now);
        CHECK(pace.next(0, now) == pace_step::claim);
      }
    }
    WHEN("one is due") {
      queue_pace other{{10, 1s, 5s}, now};
      other.wake();
      other.next(0, now);
      other.claimed(0, 10, 0.5, now);
      other.note_due(now + 100ms);
      THEN("it is looked for at that time") {
        CHECK(other.next_event(0) == now + 100ms);
        REQUIRE(other.next(0, now + 100ms) == pace_step::look);
        other.looked(false, -1ms, 0.5, now + 100ms);
        CHECK(other.next(0, now + 100ms) == pace_step::claim_due);
      }
    }
    WHEN("there are none") {
      queue_pace other{{10, 1s, 5s}, now};
      other.wake();
      other.next(0, now);
      other.claimed(0, 10, 0.5, now);
      THEN("nothing happens until the next look") {
        CHECK(other.next(0, now + 999ms) == pace_step::nothing);
        CHECK(other.next(0, now + 1s) == pace_step::look);
      }
    }
  }
}

SCENARIO("a claim of what is due does not forget what comes due later") {
  GIVEN("a queue at which nobody has looked for long") {
    pace.note_due(now + 5300ms);
    WHEN("new jobs come before that time") {
      pace.wake();
      REQUIRE(pace.next(0, now + 5s) == pace_step::claim_due);
      pace.claimed(1, 10, 0.5, now + 5s);
      THEN("that time counts all the same") {
        CHECK(pace.next_event(0) == now + 5300ms);
        CHECK(pace.next(0, now + 5300ms) == pace_step::claim_due);
      }
    }
  }
}

SCENARIO("scheduled jobs are claimed when they are due, not at the next look") {
  GIVEN("a look that has seen one due in 2.5 s") {
    REQUIRE(pace.next(0, now) == pace_step::look);
    pace.looked(false, 2500ms, 0.5, now);
    WHEN("time passes") {
      THEN("a claim of due jobs comes at that time") {
        CHECK(pace.next(0, now + 1499ms) == pace_step::nothing);
        CHECK(pace.next(0, now + 2500ms) == pace_step::claim_due);
        now += 2500ms;
        pace.claimed(1, 10, 0.5, now);
      }
    }
    WHEN("this node stores one that is due earlier") {
      pace.note_due(now + 100ms);
      THEN("that is when it claims") {
        CHECK(pace.next_event(0) == now + 100ms);
        CHECK(pace.next(0, now + 100ms) == pace_step::claim_due);
      }
    }
  }
  GIVEN("a look that has seen one that is overdue") {
    queue_pace other{{10, 1s, 5s}, now};
    REQUIRE(other.next(0, now) == pace_step::look);
    other.looked(false, -3s, 0.5, now);
    THEN("it is claimed at once") {
      CHECK(other.next(0, now) == pace_step::claim_due);
    }
  }
}

END_FIXTURE_SCOPE()

#define CAF_SUITE jobs.lease_clock

#include "jobs/lease_clock.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::jobs;
using namespace std::chrono_literals;

SCENARIO("a node relies on its lease for less long than the server does") {
  GIVEN("a lease of 15 s") {
    lease_clock lease{15s};
    lease_clock::time_point now{1000s};
    CHECK(lease.is_due(now));
    CHECK(!lease.is_valid(now));
    WHEN("the answer to the request for it takes 4 s") {
      lease.asked(now);
      CHECK(!lease.is_due(now));
      lease.renewed();
      THEN("it counts from the request, and is renewed after a third of it") {
        CHECK(lease.is_valid(now + 14s));
        CHECK(!lease.is_valid(now + 15s));
        CHECK(!lease.is_due(now + 4999ms));
        CHECK(lease.is_due(now + 5s));
      }
      THEN("it judges others only after it has been renewed once more") {
        CHECK(!lease.may_judge_others(now + 4s));
        lease.asked(now + 5s);
        lease.renewed();
        CHECK(lease.may_judge_others(now + 5s));
        lease.asked(now + 10s);
        lease.failed(now + 11s);
        CHECK(lease.is_valid(now + 11s));
        CHECK(lease.is_due(now + 12s));
        CHECK(!lease.may_judge_others(now + 12s)); // The server may have been away.
      }
      THEN("a node that the server has forgotten has none") {
        lease.asked(now + 5s);
        lease.lost(now + 6s);
        CHECK(!lease.is_valid(now + 6s));
        CHECK(lease.is_due(now + 6s));
      }
    }
  }
}

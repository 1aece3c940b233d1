#define CAF_SUITE runtime.liveness

#include "runtime/liveness.hpp"

#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace std::literals;

using time_point = std::chrono::steady_clock::time_point;

SCENARIO("the handles of an actor are the references to it that are not its own") {
  GIVEN("an actor that an I/O thread runs") {
    time_point now{1h};
    auto none = time_point::max();
    WHEN("it has neither a timer nor others that need it") {
      THEN("one reference is the thread's") {
        CHECK(!has_handles(1, 0, none, now));
        CHECK(has_handles(2, 0, none, now));
      }
    }
    WHEN("it has three connections") {
      THEN("each has a reference") {
        CHECK(!has_handles(4, 3, none, now));
        CHECK(has_handles(5, 3, none, now));
      }
    }
    WHEN("it has a timer that will be due") {
      THEN("that has a reference, too") {
        CHECK(!has_handles(2, 0, now + 1ns, now));
        CHECK(has_handles(3, 0, now + 1ns, now));
        CHECK(!has_handles(5, 3, now + 1ns, now));
      }
    }
    WHEN("its timer is due, and the message of the timer in its mailbox") {
      THEN("the other reference is a handle, and not the timer's") {
        CHECK(has_handles(2, 0, now, now));
        CHECK(has_handles(2, 0, now - 1ms, now));
        CHECK(has_handles(2, 0, time_point::min(), now));
        CHECK(!has_handles(1, 0, now, now));
      }
    }
  }
}

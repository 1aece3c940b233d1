#define CAF_SUITE pool.sharing

#include "pool/sharing.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

constexpr auto start = time_point{1h};

request shareable(uint64_t id) {
  return {request_id{id}, start, time_point::max(), false, 0, true};
}

request alone(uint64_t id) {
  return {request_id{id}, start, time_point::max(), false, 0, false};
}

/// A connection that has got its first request at the start.
slot& busy(slot_table& slots, sharing& xs, const request& first) {
  auto& result = slots.add(0, start);
  result.replace_at = time_point::max();
  slots.move(result, slot_state::busy);
  xs.begin(result, first, start);
  return result;
}

} // namespace

SCENARIO("a request is put behind others on the connection that has the fewest, up to the depth") {
  GIVEN("two connections of depth 2, one of which has room for no more") {
    slot_table slots;
    sharing xs{2};
    auto& full = busy(slots, xs, shareable(1));
    xs.join(full, 0s);
    auto& other = busy(slots, xs, shareable(2));
    WHEN("places are asked for until there is none") {
      auto first = xs.place_beside(start);
      xs.join(*first, 0s);
      THEN("the other connection is the only one, and once") {
        CHECK(first == &other);
        CHECK(xs.place_beside(start) == nullptr);
        CHECK_EQ(xs.in_flight(), 4u);
        xs.check_invariants(slots, true);
      }
    }
  }
}

SCENARIO("a connection whose request wants it alone is shared with nobody") {
  GIVEN("a connection with such a request") {
    slot_table slots;
    sharing xs{4};
    busy(slots, xs, alone(1));
    WHEN("a place is asked for") {
      THEN("there is none") {
        CHECK(xs.place_beside(start) == nullptr);
      }
    }
  }
}

SCENARIO("for a request that wants a connection alone one is reserved, and the others go on elsewhere") {
  GIVEN("two shared connections, and a queue in which one that wants its own is before one that does not") {
    slot_table slots;
    sharing xs{4};
    auto& a = busy(slots, xs, shareable(1));
    auto& b = busy(slots, xs, shareable(2));
    waiting_line queue;
    queue.push_back(alone(3), time_point::max());
    queue.push_back(shareable(4), time_point::max());
    WHEN("a place is asked for the next in the queue") {
      auto place = xs.place_for_next(queue, start);
      THEN("the first has stepped aside, and the second gets the connection that is not reserved") {
        CHECK_EQ(queue.aside(), 1u);
        CHECK(queue.next()->id == request_id{4});
        CHECK_NE(a.reserved, b.reserved);
        CHECK(place == (a.reserved ? &b : &a));
      }
    }
  }
}

SCENARIO("a reservation ends with the wait of the request that it is for") {
  GIVEN("a connection that is reserved for a request that has stepped aside") {
    slot_table slots;
    sharing xs{4};
    auto& x = busy(slots, xs, shareable(1));
    waiting_line queue;
    queue.push_back(alone(2), time_point::max());
    CHECK(xs.place_for_next(queue, start) == nullptr);
    CHECK(x.reserved);
    WHEN("that request leaves the queue") {
      queue.pop();
      xs.place_for_next(queue, start);
      THEN("others may be put on the connection") {
        CHECK(!x.reserved);
        CHECK(xs.place_beside(start) == &x);
        xs.check_invariants(slots, true);
      }
    }
  }
}

SCENARIO("what waits behind a slow statement is requeued once") {
  GIVEN("two requests on a connection") {
    slot_table slots;
    sharing xs{4};
    auto& x = busy(slots, xs, shareable(1));
    xs.join(x, 0s);
    CHECK(xs.next_event() == start + 5ms);
    WHEN("the first one takes longer than usual") {
      commands out;
      auto too_early = xs.begin_search(start + 4ms);
      auto in_time = xs.begin_search(start + 5ms);
      xs.requeue_waiting(slots, out, start + 5ms);
      xs.requeue_waiting(slots, out, start + 6ms);
      THEN("its connection is told so, and nobody is put behind it") {
        CHECK(!too_early);
        CHECK(in_time);
        CHECK(out == commands{requeue{x.id}});
        CHECK(xs.place_beside(start + 6ms) == nullptr);
      }
    }
  }
}

SCENARIO("a requeued request counts where it was until it has left") {
  GIVEN("a connection with two requests, the second of which has been requeued") {
    slot_table slots;
    sharing xs{4};
    auto& x = busy(slots, xs, shareable(1));
    xs.join(x, 0s);
    xs.requeued(x);
    CHECK_EQ(xs.in_flight(), 2u);
    CHECK_EQ(xs.requeued_here(), 1u);
    WHEN("it has left, and the first has ended") {
      xs.ended(x, {1, 1}, true, start + 1ms);
      THEN("nothing is left") {
        CHECK_EQ(xs.in_flight(), 0u);
        CHECK_EQ(xs.requeued_here(), 0u);
      }
    }
  }
}

SCENARIO("connections are congested if the wait behind others is longer than a connect") {
  GIVEN("a connection on which a statement is expected to take 78 us") {
    slot_table slots;
    sharing xs{8};
    auto& x = busy(slots, xs, shareable(1));
    xs.measure(x, 1, start + 5ms); // The first one moves the estimate by a 64th.
    WHEN("one is put behind the first while a connect takes 1 ms, and the next while it takes 50 us") {
      xs.join(x, 1ms);
      auto before = xs.is_congested();
      xs.join(x, 50us);
      auto after = xs.is_congested();
      xs.relieve();
      THEN("they are congested then, until a further connection is free") {
        CHECK(!before);
        CHECK(after);
        CHECK(!xs.is_congested());
      }
    }
  }
}

#define CAF_SUITE pool.admission

#include "pool/admission.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

constexpr auto start = time_point{1h};

request arriving(uint64_t id, bool fail_fast = false) {
  request result;
  result.id = request_id{id};
  result.accepted = start;
  result.fail_fast = fail_fast;
  return result;
}

/// The errors, in order.
std::vector<errc> errors(const commands& xs) {
  std::vector<errc> result;
  for (auto& x : xs)
    result.push_back(std::get<fail_request>(x).failure.code);
  return result;
}

pool_settings rules_for_two() {
  pool_settings result;
  result.max_waiting = 2;
  result.timeout = 10s;
  return result;
}

/// Nothing but a queue for two, without connections.
struct entrance {
  void arrive(const request& x) {
    if (gate.accepts(x, out, start))
      gate.enqueue(x, out, start);
  }

  slot_table slots;
  waiting_line queue;
  service_record record{rules_for_two()};
  admission gate{rules_for_two(), slots, queue, record};
  commands out;
};

} // namespace

SCENARIO("requests wait until the queue is full, each for the pool's timeout") {
  GIVEN("a queue for two with a timeout of 10 s") {
    entrance x;
    WHEN("three requests arrive, and 10 s pass") {
      for (uint64_t id = 1; id <= 3; ++id)
        x.arrive(arriving(id));
      auto next = x.gate.next_event();
      auto before = errors(x.out);
      x.gate.expire(x.out, start + 10s);
      THEN("the last is refused at once, and the others when their time is up") {
        CHECK(before == std::vector{errc::queue_full});
        CHECK(next == start + 10s);
        CHECK(errors(x.out) == (std::vector{errc::queue_full, errc::acquire_timeout, errc::acquire_timeout}));
        CHECK_EQ(x.record.numbers().refused, 1u);
        CHECK_EQ(x.record.numbers().timed_out, 2u);
      }
    }
  }
}

SCENARIO("during a pause requests wait, but for those that fail fast") {
  GIVEN("a request that waits and one that fails fast") {
    entrance x;
    x.arrive(arriving(1));
    x.arrive(arriving(2, true));
    WHEN("the pool is paused, and another one that fails fast arrives") {
      x.gate.pause(x.out, start);
      x.arrive(arriving(3, true));
      THEN("those two are refused, and are not counted") {
        CHECK(errors(x.out) == (std::vector{errc::acquire_timeout, errc::acquire_timeout}));
        CHECK_EQ(x.queue.size(), 1u);
        CHECK_EQ(x.record.numbers().timed_out, 0u);
      }
    }
  }
}

SCENARIO("a pool that drains serves what it has accepted, and a stopped one nothing") {
  GIVEN("a request that had a connection before the drain") {
    entrance x;
    auto request = arriving(1);
    x.gate.granted(request, start);
    x.gate.drain();
    WHEN("it comes back before the end, and another one after that") {
      auto draining = x.gate.accepts_again(request, x.out, start);
      x.gate.granted(request, start);
      x.gate.stop();
      auto stopped = x.gate.accepts_again(request, x.out, start);
      THEN("only the first may have another connection") {
        CHECK(draining);
        CHECK(!stopped);
        CHECK(errors(x.out) == std::vector{errc::shutting_down});
      }
    }
  }
  GIVEN("a pool that drains") {
    entrance x;
    x.gate.drain();
    WHEN("a new request arrives") {
      x.arrive(arriving(1));
      THEN("it is refused") {
        CHECK(errors(x.out) == std::vector{errc::shutting_down});
      }
    }
  }
}

SCENARIO("a request that has met ten dead connections is given up") {
  GIVEN("requests that come back for the ninth and the tenth time") {
    entrance x;
    auto ninth = arriving(1);
    ninth.attempts = 9;
    auto tenth = arriving(2);
    tenth.attempts = 10;
    x.gate.granted(tenth, start);
    WHEN("they are asked about") {
      THEN("only the latter is refused") {
        CHECK(!x.gate.gives_up(ninth, "gone", x.out, start));
        CHECK(x.gate.gives_up(tenth, "gone", x.out, start));
        CHECK(errors(x.out) == std::vector{errc::connection_lost_unsent});
        CHECK_EQ(x.record.numbers().served, 0u);
      }
    }
  }
}

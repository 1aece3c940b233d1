#define CAF_SUITE pool.load_shedder

#include "pool/load_shedder.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

constexpr auto start = time_point{1h};

/// Target 100 ms, interval 2 s; somebody has begun to wait at the start.
load_shedder shedder() {
  pool_settings rules;
  rules.shed_target = 100ms;
  load_shedder result{rules};
  CHECK(!result.sheds(0s, start));
  return result;
}

} // namespace

SCENARIO("nothing is shed by default") {
  GIVEN("the default rules") {
    load_shedder x{pool_settings{}};
    WHEN("everybody waits for hours") {
      x.served(1h, start);
      x.served(1h, start + 1s);
      x.served(1h, start + 3s);
      THEN("nobody is given up") {
        CHECK(!x.enabled());
        CHECK(!x.sheds(1h, start + 4s));
      }
    }
  }
}

SCENARIO("after an interval in which everybody was late, those who waited for twice the target are given up") {
  GIVEN("a shedder") {
    auto x = shedder();
    WHEN("everybody is late for an interval") {
      x.served(100ms + 1ns, start + 1s);
      auto before = x.sheds(1h, start + 2s - 1ns);
      auto patient = x.sheds(200ms - 1ns, start + 2s);
      auto at = x.sheds(200ms, start + 2s);
      THEN("that begins exactly when the interval is over") {
        CHECK(!before);
        CHECK(!patient);
        CHECK(at);
      }
    }
  }
}

SCENARIO("one who was in time shows that there is only a peak") {
  GIVEN("a shedder in whose interval one was served just in time") {
    auto x = shedder();
    x.served(100ms, start + 1s);
    WHEN("the interval is over, and another one without anybody in time") {
      auto first = x.sheds(1h, start + 2s);
      auto second = x.sheds(1h, start + 4s);
      THEN("only the second one means overload") {
        CHECK(!first);
        CHECK(second);
      }
    }
  }
}

SCENARIO("the first one who is served in time ends the overload") {
  GIVEN("an overloaded shedder") {
    auto x = shedder();
    CHECK(x.sheds(1h, start + 2s));
    WHEN("one is served late and one in time") {
      x.served(150ms, start + 2100ms);
      auto late = x.sheds(1h, start + 2100ms);
      x.served(100ms, start + 2200ms);
      auto in_time = x.sheds(1h, start + 2200ms);
      THEN("the latter ends it, for the next interval, too") {
        CHECK(late);
        CHECK(!in_time);
        CHECK(!x.sheds(1h, start + 4s));
      }
    }
  }
}

SCENARIO("a long time without any event is no sign of load") {
  GIVEN("a shedder") {
    auto x = shedder();
    WHEN("nothing is heard for two intervals") {
      auto sheds = x.sheds(1h, start + 4s);
      THEN("a new interval begins") {
        CHECK(!sheds);
        CHECK(x.next_event(start) == start + 6s);
      }
    }
  }
}

SCENARIO("it is known when to ask again") {
  GIVEN("a shedder") {
    auto x = shedder();
    WHEN("it is asked before and after it is overloaded") {
      auto before = x.next_event(start + 1900ms);
      x.sheds(0s, start + 2s);
      THEN("that is the end of the interval, or when the one who waits is given up") {
        CHECK(before == start + 2s);
        CHECK(x.next_event(start + 1900ms) == start + 2100ms);
        CHECK(x.next_event(start + 3900ms) == start + 4s);
      }
    }
  }
}

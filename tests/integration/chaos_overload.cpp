// More load than the connections can carry.

#define CAF_SUITE chaos.overload

#include "integration/chaos_support.hpp"
#include "support/callers.hpp"

#include <algorithm>
#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

statement some_work(uint64_t) {
  return read("SELECT SLEEP(0.01)");
}

pool_settings shedding() {
  auto result = rules_for(2);
  result.shed_target = 50ms;
  result.shed_interval = 500ms;
  return result;
}

} // namespace

BEGIN_FIXTURE_SCOPE(chaos_fixture)

SCENARIO("under a load that is too high those that waited longest are given up") {
  GIVEN("a pool of two, and two hundred callers that never pause") {
    auto pool = start_full_pool(server.settings(), shedding());
    callers crowd{system(), pool, 200, some_work};
    WHEN("the load lasts") {
      await_status(pool, [](auto& x) { return x.shed > 200; });
      auto goal = crowd.succeeded() + 200;
      CHECK(eventually([&] { return crowd.succeeded() >= goal; }));
      auto records = crowd.stop();
      THEN("they are told so, others are served meanwhile, and nobody fails otherwise") {
        for (auto& x : records)
          if (x.error) {
            REQUIRE_EQ(to_string(x.error->code), "overloaded");
            REQUIRE_EQ(to_string(x.error->outcome), "unavailable");
            REQUIRE(x.error->waited >= 100ms); // Twice the target, to the nanosecond: it is given up when that is due.
          }
        MESSAGE(crowd.succeeded() << " of " << records.size() << " were served");
      }
      AND("when the load is gone nobody is given up any more") {
        callers few{system(), pool, 2, some_work, 50};
        few.finish();
        CHECK_EQ(few.succeeded(), 100u);
      }
    }
  }
}

SCENARIO("a peak that passes costs nobody the request") {
  GIVEN("a pool of two that sheds load") {
    auto pool = start_full_pool(server.settings(), shedding());
    WHEN("twenty callers come at a time, and few afterwards") {
      callers peak{system(), pool, 20, some_work, 1};
      peak.finish();
      callers few{system(), pool, 2, some_work, 20};
      few.finish();
      THEN("all are served") {
        CHECK_EQ(peak.succeeded() + few.succeeded(), 60u);
        CHECK_EQ(status(pool).shed, 0u);
      }
    }
  }
}

SCENARIO("without a target everybody waits") {
  GIVEN("a pool of two with the default rules") {
    auto pool = start_full_pool(server.settings(), rules_for(2));
    WHEN("two hundred callers make two requests each") {
      callers crowd{system(), pool, 200, some_work, 2};
      crowd.finish();
      THEN("all are served") {
        CHECK_EQ(crowd.succeeded(), 400u);
        CHECK_EQ(status(pool).shed, 0u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

#define CAF_SUITE pool.core_generation

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a connection lost in use takes the others of its generation with it") {
  GIVEN("a pool of three with two connections in use") {
    core_driver pool{quiet_rules(3)};
    pool.warm_up(3);
    pool.acquire();
    pool.acquire();
    WHEN("both are lost, one after the other") {
      auto first = pool.released(3, disposition::lost, "gone");
      auto second = pool.released(2, disposition::lost, "gone");
      THEN("the idle one is closed with the first one, and the generation is raised once") {
        CHECK_EQ(first, "close 3, close 1");
        CHECK_EQ(second, "close 2");
        CHECK_EQ(pool.status().generation, 1u);
        CHECK_EQ(pool.status().lost, 2u);
      }
    }
  }
}

SCENARIO("after a loss the pool is rebuilt one by one, with gaps of less than 20 ms") {
  GIVEN("a pool of six, one of which was lost in use") {
    core_driver pool{quiet_rules(6)};
    pool.warm_up(6);
    pool.acquire();
    pool.released(6, disposition::lost, "gone");
    WHEN("all are gone and connects succeed") {
      CHECK_EQ(pool.closed(1), "open 7");
      for (uint64_t id = 2; id <= 6; ++id)
        CHECK_EQ(pool.closed(id), "");
      auto opened = pool.opened(7);
      std::vector<std::string> next;
      auto longest = 0ns;
      for (uint64_t id = 8; id <= 11; ++id) {
        auto gap = std::max<pool::duration>(pool.next_event(), 0ns);
        longest = std::max<pool::duration>(longest, gap);
        next.push_back(pool.wait(gap));
      }
      THEN("each follows the one before after a gap, whether that is done or not") {
        CHECK_EQ(opened, "");
        CHECK_EQ(next, std::vector<std::string>({"open 8", "open 9", "open 10", "open 11"}));
        CHECK_GT(longest, 0ns);
        CHECK_LT(longest, 20ms);
      }
    }
  }
}

SCENARIO("the caller of a connection in use is checked every second") {
  GIVEN("a pool of two, one of which is in use") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    pool.acquire();
    WHEN("time passes, and then it comes back") {
      auto before = pool.wait_and_watch(1s - 1ns);
      auto at = pool.wait_and_watch(1ns);
      auto again = pool.wait_and_watch(1s);
      pool.released(2);
      auto after = pool.wait_and_watch(1h);
      THEN("its caller was checked as long as it was in use") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "check caller of 2");
        CHECK_EQ(again, "check caller of 2");
        CHECK_EQ(after, "");
        CHECK(!pool.waits_for_time());
      }
    }
  }
}

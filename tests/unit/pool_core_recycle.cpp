#define CAF_SUITE pool.core_recycle

#include "support/core_driver.hpp"

#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

pool_settings recycling_rules(size_t size) {
  auto result = quiet_rules(size);
  result.recycle = 1h;
  return result;
}

} // namespace

SCENARIO("idle connections are replaced when they are too old, not all at the same moment") {
  GIVEN("a pool of twenty that recycles its connections after an hour") {
    auto rules = recycling_rules(20);
    rules.max_connecting = 20;
    core_driver pool{rules};
    pool.warm_up(20);
    WHEN("time passes") {
      std::set<pool::duration> ages;
      auto closed = 0;
      auto odd = 0;
      while (closed < 20) {
        pool.pass(pool.next_event());
        ages.insert(pool.now() - pool::time_point{1h});
        auto todo = pool.tick();
        odd += !todo.starts_with("close ");
        ++closed;
      }
      THEN("each is closed between 54 and 60 minutes, at a moment of its own") {
        CHECK_EQ(odd, 0);
        CHECK_EQ(ages.size(), 20u);
        CHECK_GE(*ages.begin(), 54min);
        CHECK_LE(*ages.rbegin(), 60min);
        CHECK_LT(*ages.begin(), 56min);
        CHECK_GT(*ages.rbegin(), 58min);
        CHECK_EQ(pool.status().checked_in, 0u);
      }
    }
  }
}

SCENARIO("a recycled connection is replaced by a new one, which lives as long again") {
  GIVEN("a pool of one that recycles its connection after an hour") {
    core_driver pool{recycling_rules(1)};
    pool.warm_up(1);
    CHECK_EQ(pool.wait(1h), "close 1");
    WHEN("the old one is gone") {
      auto todo = pool.closed(1);
      THEN("another one is opened") {
        CHECK_EQ(todo, "open 2");
        CHECK_EQ(pool.opened(2), "");
        CHECK_EQ(pool.wait(54min - 1ns), "");
        CHECK_EQ(pool.wait(6min), "close 2");
      }
    }
  }
}

SCENARIO("a connection in use is not recycled before it comes back") {
  GIVEN("a connection that is in use when it becomes too old, and a caller that comes then") {
    core_driver pool{recycling_rules(1)};
    pool.warm_up(1);
    pool.wait(53min);
    pool.acquire();
    CHECK_EQ(pool.wait(1h), "");
    pool.acquire();
    WHEN("it comes back") {
      auto todo = pool.released(1);
      THEN("it is closed, and the caller gets a new one") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "grant 2 to 2 (peek)");
      }
    }
  }
}

SCENARIO("a pool that does not recycle keeps its connections") {
  GIVEN("a pool with neither recycle nor keepalive") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    WHEN("a year passes") {
      auto todo = pool.wait(24h * 365);
      THEN("nothing happens") {
        CHECK_EQ(todo, "");
        CHECK(!pool.waits_for_time());
      }
    }
  }
}

SCENARIO("keepalive and recycle do not disturb each other") {
  GIVEN("a pool of one with a keepalive of 10 min and a recycle of one hour") {
    auto rules = recycling_rules(1);
    rules.keepalive = 10min;
    core_driver pool{rules};
    pool.warm_up(1);
    WHEN("an hour passes") {
      std::vector<std::string> todo;
      for (auto i = 0; i < 6; ++i) {
        todo.push_back(pool.wait(10min));
        pool.released(1);
      }
      THEN("the connection is pinged five times and then replaced") {
        CHECK_EQ(todo, std::vector<std::string>({"ping 1", "ping 1", "ping 1", "ping 1", "ping 1", "close 1"}));
      }
    }
  }
}

#define CAF_SUITE pool.core_budget

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A pool of four, and two more for peaks, with a budget.
pool_settings shared_rules() {
  auto result = quiet_rules(4, 2);
  result.budget.connections = 20;
  return result;
}

} // namespace

SCENARIO("a pool with a budget begins with one connection") {
  GIVEN("a pool of four with a budget") {
    core_driver pool{shared_rules()};
    WHEN("it starts, and is granted three") {
      auto first = pool.start();
      auto alone = pool.opened(1);
      auto before = pool.status();
      auto granted = pool.set_budget(3);
      THEN("it opens one, and the others then") {
        CHECK_EQ(first, "open 1");
        CHECK_EQ(alone, "");
        CHECK_EQ(before.limit, 1u);
        CHECK_EQ(before.budget, 20u);
        CHECK_EQ(before.share, 2u); // That which stops statements included.
        CHECK_EQ(granted, "open 2, open 3");
        CHECK_EQ(pool.status().limit, 3u);
        CHECK_EQ(pool.status().share, 4u);
      }
    }
  }
}

SCENARIO("a share that falls closes what is free at once, and the rest when it is released") {
  GIVEN("a pool with four connections, two of them in use") {
    core_driver pool{shared_rules()};
    pool.start();
    pool.opened(1);
    pool.set_budget(6);
    for (uint64_t id = 2; id <= 4; ++id)
      pool.opened(id);
    CHECK_EQ(pool.acquire(), "grant 1 to 4 (peek)");
    CHECK_EQ(pool.acquire(), "grant 2 to 3 (peek)");
    WHEN("its share falls to one") {
      auto at_once = pool.set_budget(1);
      pool.closed(1);
      pool.closed(2);
      auto waiting = pool.acquire();
      auto first = pool.released(3);
      pool.closed(3);
      auto second = pool.released(4);
      THEN("the last one goes on to serve") {
        CHECK_EQ(at_once, "close 1, close 2");
        CHECK_EQ(waiting, "");
        CHECK_EQ(first, "close 3");
        CHECK_EQ(second, "grant 3 to 4 (peek)");
        CHECK_EQ(pool.status().total_connections, 1u);
      }
    }
  }
}

SCENARIO("a connect that was under way when the share fell is closed when it is done") {
  GIVEN("a pool that opens its connections") {
    core_driver pool{shared_rules()};
    pool.start();
    pool.opened(1);
    CHECK_EQ(pool.set_budget(3), "open 2, open 3");
    WHEN("its share falls to two, and both succeed") {
      auto at_once = pool.set_budget(2);
      auto second = pool.opened(2);
      auto third = pool.opened(3);
      THEN("one of them is closed") {
        CHECK_EQ(at_once, "");
        CHECK_EQ(second, "close 2");
        CHECK_EQ(third, "");
      }
    }
  }
}

SCENARIO("new settings do not lift the share") {
  GIVEN("a pool with a share of two") {
    core_driver pool{shared_rules()};
    pool.start();
    pool.opened(1);
    pool.set_budget(2);
    pool.opened(2);
    WHEN("its size is raised, and all connections are replaced") {
      auto rules = shared_rules();
      rules.size = 8;
      auto renewed = pool.reconfigure(rules, true);
      auto next = pool.wait(1ms);
      auto replaced = pool.closed(1);
      THEN("one is closed, and only then is its replacement opened") {
        CHECK_EQ(renewed, "");
        CHECK_EQ(next, "close 1");
        CHECK_EQ(replaced, "open 3");
      }
    }
  }
}

SCENARIO("the budget's own request is served first, and is not kept out by a full queue") {
  GIVEN("a pool with one connection, which is in use, and as many waiting requests as may be") {
    auto rules = shared_rules();
    rules.max_waiting = 2;
    core_driver pool{rules};
    pool.start();
    pool.opened(1);
    pool.acquire();
    pool.acquire();
    pool.acquire();
    WHEN("such a request comes, and the connection is released") {
      auto accepted = pool.acquire_first();
      THEN("it gets the connection") {
        CHECK_EQ(accepted, "");
        CHECK_EQ(pool.released(1), "grant 4 to 1 (peek)");
        CHECK_EQ(pool.status().served, 1u);
      }
    }
  }
}

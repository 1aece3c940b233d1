#define CAF_SUITE pool.core_dispose

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("dispose replaces idle connections now") {
  GIVEN("an idle pool of one") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    WHEN("it is disposed") {
      auto todo = pool.dispose();
      THEN("the connection is closed and replaced when it is gone") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(pool.status().generation, 1u);
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "");
        CHECK_EQ(pool.acquire(), "grant 1 to 2 (peek)");
      }
    }
  }
}

SCENARIO("dispose replaces connections in use when they come back") {
  GIVEN("a pool of one that is in use, with a caller that waits") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    WHEN("it is disposed") {
      auto todo = pool.dispose();
      THEN("nothing happens until the connection comes back; the caller then gets the new one") {
        CHECK_EQ(todo, "");
        CHECK_EQ(pool.released(1), "close 1");
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "grant 2 to 2 (peek)");
        CHECK_EQ(pool.released(2), "");
      }
    }
  }
}

SCENARIO("dispose replaces a connection that is being pinged now") {
  GIVEN("a pool of one whose connection is being pinged") {
    auto rules = quiet_rules(1);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.warm_up(1);
    CHECK_EQ(pool.wait(30s), "ping 1");
    WHEN("it is disposed, and the ping is answered all the same") {
      auto todo = pool.dispose();
      auto answered = pool.released(1);
      THEN("the connection is closed, and the answer does not matter") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(answered, "");
        CHECK_EQ(pool.closed(1), "open 2");
      }
    }
  }
}

SCENARIO("dispose replaces connections that were being opened before") {
  GIVEN("a pool of one that is starting, with a caller that waits") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.acquire();
    CHECK_EQ(pool.dispose(), "");
    WHEN("the connect that was begun before succeeds") {
      auto todo = pool.opened(1);
      THEN("its connection is not used: it may lead to where it should not") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "grant 1 to 2 (peek)");
      }
    }
  }
}

SCENARIO("a connection opened after dispose stays when it comes back") {
  GIVEN("a pool of one that was disposed twice") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.dispose();
    pool.dispose();
    pool.closed(1);
    pool.opened(2);
    WHEN("its new connection is used and comes back") {
      pool.acquire();
      auto todo = pool.released(2);
      THEN("it stays") {
        CHECK_EQ(todo, "");
        CHECK_EQ(pool.status().generation, 2u);
        CHECK_EQ(pool.status().checked_in, 1u);
      }
    }
  }
}

SCENARIO("disposing a pool closes each idle connection once and opens as many at the usual pace") {
  GIVEN("an idle pool of six") {
    core_driver pool{quiet_rules(6)};
    pool.warm_up(6);
    WHEN("it is disposed and its connections are gone one by one") {
      auto closing = pool.dispose();
      std::vector<std::string> todo;
      for (uint64_t id = 1; id <= 6; ++id)
        todo.push_back(pool.closed(id));
      THEN("no more than four are opened at a time") {
        for (uint64_t id = 1; id <= 6; ++id)
          CHECK(closing.find("close " + std::to_string(id)) != std::string::npos);
        CHECK_EQ(todo, std::vector<std::string>({"open 7", "open 8", "open 9", "open 10", "", ""}));
        CHECK_EQ(pool.opened(7), "open 11");
      }
    }
  }
}

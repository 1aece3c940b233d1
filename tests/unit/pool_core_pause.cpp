#define CAF_SUITE pool.core_pause

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

pool_settings with_timeout(pool_settings rules, pool::duration timeout) {
  rules.timeout = timeout;
  return rules;
}

/// A paused pool of so many idle connections.
core_driver paused_pool(const pool_settings& rules) {
  core_driver result{rules};
  result.warm_up(rules.size);
  result.pause();
  return result;
}

} // namespace

SCENARIO("a paused pool gives nobody a connection until it is resumed") {
  GIVEN("a paused pool of two idle connections") {
    auto pool = paused_pool(quiet_rules(2, 5));
    WHEN("three callers come, time passes, and it is resumed") {
      std::vector came{pool.acquire(), pool.acquire_shared(), pool.acquire(), pool.wait(5s)};
      auto meanwhile = pool.status();
      auto resumed = pool.resume();
      THEN("they wait, no connection is opened for them, and then they are served in the order in which they came") {
        for (auto& x : came)
          CHECK_EQ(x, "");
        CHECK(meanwhile.paused);
        CHECK_EQ(meanwhile.waiting, 3u);
        CHECK_EQ(meanwhile.checked_in, 2u);
        CHECK(resumed.starts_with("grant 1 to 2"));
        CHECK(resumed.find("grant 2 to 1") != std::string::npos);
        CHECK(!pool.status().paused);
        CHECK(pool.waited(1) == 5s);
      }
    }
  }
}

SCENARIO("what has a connection goes on in a paused pool") {
  GIVEN("a pool of one connection in use, with a caller that waits") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    WHEN("it is paused, and the connection comes back") {
      auto paused = pool.pause();
      auto back = pool.released(1);
      THEN("it is kept free, and the pool is at rest") {
        CHECK_EQ(paused, "");
        CHECK_EQ(back, "");
        CHECK_EQ(pool.status().checked_in, 1u);
        CHECK_EQ(pool.status().checked_out, 0u);
        CHECK_EQ(pool.status().waiting, 1u);
        CHECK(pool.resume().starts_with("grant 2 to 1"));
      }
    }
  }
}

SCENARIO("nothing is added to a connection that is in use when the pool is paused") {
  GIVEN("a pool whose one connection carries a statement that others may share") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire_shared();
    WHEN("it is paused, and another one comes") {
      pool.pause();
      auto came = pool.acquire_shared();
      THEN("it waits, and is added when the pool is resumed") {
        CHECK_EQ(came, "");
        CHECK_EQ(pool.status().waiting, 1u);
        CHECK(pool.resume().starts_with("grant 2 to 1"));
      }
    }
  }
}

SCENARIO("who waits for a paused pool waits no longer than for a connection") {
  GIVEN("a paused pool with a timeout of 30 s") {
    auto pool = paused_pool(with_timeout(quiet_rules(1), 30s));
    pool.acquire();
    pool.acquire_within(2s);
    WHEN("the time passes") {
      auto second = pool.wait(2s);
      auto first = pool.wait(28s);
      THEN("each fails when its own time is up, and the text says why") {
        CHECK_EQ(second, "fail 2 (acquire_timeout)");
        CHECK_EQ(first, "fail 1 (acquire_timeout)");
        CHECK_EQ(pool.error_of(1).outcome, outcome::unavailable);
        CHECK_EQ(pool.error_of(1).text, "pool main is paused, given up after 30.0 s (in use 0, open 1, waiting 1); "
                                        "resume it, or ask again later");
        CHECK_EQ(pool.status().timed_out, 2u);
      }
    }
  }
}

SCENARIO("who does not want to wait is told at once that the pool is paused") {
  GIVEN("a pool whose one connection is in use, with a fail-fast request that waits") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire_fail_fast();
    WHEN("it is paused, and another fail-fast request comes") {
      auto waiting = pool.pause();
      auto coming = pool.acquire_fail_fast();
      THEN("both are refused") {
        CHECK_EQ(waiting, "fail 2 (acquire_timeout)");
        CHECK_EQ(coming, "fail 3 (acquire_timeout)");
        CHECK(pool.error_of(3).text.starts_with("pool main is paused"));
      }
    }
  }
}

SCENARIO("a server that is away during a pause fails nobody, and gets a fresh attempt afterwards") {
  GIVEN("a paused pool whose server goes away until the breaker opens, and a caller") {
    auto rules = with_timeout(quiet_rules(1), 1h);
    rules.breaker_after = 1s;
    auto pool = paused_pool(rules);
    pool.acquire();
    CHECK_EQ(pool.released(1, disposition::lost), "close 1");
    auto told = pool.closed(1);
    uint64_t last = 2;
    for (; pool.status().breaker == breaker_state::closed; ++last) {
      told += ", " + pool.open_failed(last);
      if (pool.status().breaker == breaker_state::closed)
        told += ", " + pool.wait(pool.next_event());
    }
    WHEN("it is resumed, and the server is back") {
      auto resumed = pool.resume();
      auto breaker = pool.status().breaker;
      auto opened = pool.opened(last);
      THEN("nobody has failed, a connect is tried at once, and the caller is served") {
        CHECK(told.find("fail") == std::string::npos);
        CHECK_EQ(resumed, "open " + std::to_string(last));
        CHECK_EQ(breaker, breaker_state::closed);
        CHECK(opened.starts_with("grant 1 to " + std::to_string(last)));
      }
    }
  }
}

SCENARIO("a slow statement's followers are not requeued during a pause") {
  GIVEN("a connection with two statements, the first of which is slow") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire_shared();
    pool.acquire_shared();
    pool.pause();
    WHEN("much time passes, and it is resumed") {
      auto meanwhile = pool.wait(20s);
      pool.resume();
      auto then = pool.wait(20s);
      THEN("the second is requeued only then: it would only have had to wait elsewhere") {
        CHECK_EQ(meanwhile, "");
        CHECK(then.find("requeue behind 1") != std::string::npos);
      }
    }
  }
}

SCENARIO("pausing and resuming twice does nothing more") {
  GIVEN("a paused pool") {
    auto pool = paused_pool(quiet_rules(1));
    pool.acquire();
    WHEN("it is paused again, resumed, and resumed again") {
      auto paused = pool.pause();
      auto resumed = pool.resume();
      auto again = pool.resume();
      THEN("only the first resume matters") {
        CHECK_EQ(paused, "");
        CHECK(resumed.starts_with("grant 1 to 1"));
        CHECK_EQ(again, "");
      }
    }
  }
}

SCENARIO("a drain ends a pause: what was accepted is served") {
  GIVEN("a paused pool with a caller") {
    auto pool = paused_pool(quiet_rules(1));
    pool.acquire();
    WHEN("it is drained, and paused again") {
      auto drained = pool.drain(30s);
      auto paused = pool.pause();
      THEN("the caller is served, then it ends") {
        CHECK(drained.starts_with("grant 1 to 1"));
        CHECK_EQ(paused, "");
        CHECK(!pool.status().paused);
        CHECK_EQ(pool.released(1), "close 1, finish");
      }
    }
  }
}

SCENARIO("all connections can be replaced during a pause") {
  GIVEN("a paused pool with a caller that waits") {
    auto pool = paused_pool(quiet_rules(1));
    pool.acquire();
    WHEN("it is disposed of, and its connection is replaced") {
      auto disposed = pool.dispose();
      auto closed = pool.closed(1);
      auto opened = pool.opened(2);
      THEN("the new one is kept, and the caller gets it afterwards") {
        CHECK_EQ(disposed, "close 1");
        CHECK_EQ(closed, "open 2");
        CHECK_EQ(opened, "");
        CHECK(pool.resume().starts_with("grant 1 to 2"));
      }
    }
  }
}

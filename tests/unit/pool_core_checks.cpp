#define CAF_SUITE pool.core_checks

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("without pre-ping connections are given away unchecked") {
  GIVEN("a pool without pre-ping whose connection was idle for long") {
    auto rules = quiet_rules(1);
    rules.pre_ping = false;
    core_driver pool{rules};
    pool.warm_up(1);
    pool.pass(1h);
    WHEN("a caller comes") {
      auto todo = pool.acquire();
      THEN("nothing is checked") {
        CHECK_EQ(todo, "grant 1 to 1 (none)");
      }
    }
  }
}

SCENARIO("a connection that was used a moment ago is only looked at, one that was idle for longer is pinged") {
  GIVEN("a pool of two with a pre-ping-idle of one second") {
    core_driver pool{quiet_rules(2)};
    pool.start();
    pool.opened(1);
    pool.pass(1ns);
    pool.opened(2);
    pool.pass(1s - 1ns);
    WHEN("two callers come when one connection was idle for a second and the other one for less") {
      std::vector todo{pool.acquire(), pool.acquire()};
      THEN("the latter is looked at and the former is pinged") {
        CHECK_EQ(todo, std::vector<std::string>({"grant 1 to 2 (peek)", "grant 2 to 1 (ping)"}));
      }
    }
  }
}

SCENARIO("a use counts as a sign of life") {
  GIVEN("a connection that is old and was used for long, until a moment ago") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.pass(1h);
    pool.acquire();
    WHEN("it is given to the next one right away, and to one that comes a little later") {
      auto next = pool.released(1);
      pool.released(1);
      pool.pass(999ms);
      auto later = pool.acquire();
      THEN("it is only looked at") {
        CHECK_EQ(next, "grant 2 to 1 (peek)");
        CHECK_EQ(later, "grant 3 to 1 (peek)");
      }
    }
  }
}

SCENARIO("with a pre-ping-idle of zero every grant is pinged") {
  GIVEN("a pool with a pre-ping-idle of zero, in use, and a caller that waits") {
    auto rules = quiet_rules(1);
    rules.pre_ping_idle = 0s;
    core_driver pool{rules};
    pool.warm_up(1);
    CHECK_EQ(pool.acquire(), "grant 1 to 1 (ping)");
    pool.acquire();
    WHEN("the connection comes back and goes on at once") {
      auto todo = pool.released(1);
      THEN("it is pinged all the same") {
        CHECK_EQ(todo, "grant 2 to 1 (ping)");
      }
    }
  }
}

SCENARIO("where an idle connection was lost the others are pinged before their next use") {
  GIVEN("a pool of three, one of which is in use when another one is lost") {
    core_driver pool{quiet_rules(3)};
    pool.warm_up(3);
    CHECK_EQ(pool.acquire(), "grant 1 to 3 (peek)");
    CHECK_EQ(pool.released(1, disposition::lost, "the server closed the connection while it was idle"), "close 1");
    WHEN("the others are used next, and once more") {
      std::vector first{pool.acquire(), pool.released(3), pool.acquire()};
      std::vector second{pool.released(2), pool.acquire()};
      THEN("an idle one is pinged, one whose use has ended well is not, and neither is pinged twice") {
        CHECK_EQ(first, std::vector<std::string>({"grant 2 to 2 (ping)", "", "grant 3 to 3 (peek)"}));
        CHECK_EQ(second, std::vector<std::string>({"", "grant 4 to 2 (peek)"}));
      }
    }
  }
}

SCENARIO("a connection that cenote gave up says nothing about the others") {
  GIVEN("a pool of two, one of which was broken by an oversized result") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    pool.acquire();
    CHECK_EQ(pool.released(2, disposition::broken, "too large"), "close 2");
    WHEN("the other one is used") {
      auto todo = pool.acquire();
      THEN("it is only looked at, and no loss is counted") {
        CHECK_EQ(todo, "grant 2 to 1 (peek)");
        CHECK_EQ(pool.status().lost, 0u);
        CHECK_EQ(pool.status().last_error, "");
      }
    }
  }
}

SCENARIO("an idle connection that reports its loss is replaced") {
  GIVEN("a pool of two idle connections") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    WHEN("one reports that the server has closed it") {
      auto todo = pool.released(1, disposition::lost, "the server closed the connection while it was idle");
      THEN("it is closed, another one is opened, and the remaining one is pinged before its next use") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(pool.status().lost, 1u);
        CHECK_EQ(pool.acquire(), "grant 1 to 2 (ping)");
        CHECK_EQ(pool.closed(1), "open 3");
      }
    }
  }
}

SCENARIO("an idle connection is pinged when keepalive says so, and again after that time") {
  GIVEN("a pool with a keepalive of 30 s") {
    auto rules = quiet_rules(1);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.warm_up(1);
    WHEN("time passes") {
      auto before = pool.wait(30s - 1ns);
      auto at = pool.wait(1ns);
      pool.pass(1ms);
      auto answered = pool.released(1);
      auto again = pool.wait(30s);
      THEN("it is pinged after 30 s, and 30 s after the ping was answered") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "ping 1");
        CHECK_EQ(answered, "");
        CHECK_EQ(again, "ping 1");
      }
    }
  }
}

SCENARIO("the keepalive of a connection starts anew with each use") {
  GIVEN("a connection that came back from a use after 20 s") {
    auto rules = quiet_rules(1);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.warm_up(1);
    pool.wait(10s);
    pool.acquire();
    pool.wait(10s);
    pool.released(1);
    WHEN("another 30 s pass") {
      auto before = pool.wait(30s - 1ns);
      auto at = pool.wait(1ns);
      THEN("it is pinged only then") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "ping 1");
      }
    }
  }
}

SCENARIO("a connection in use is not pinged") {
  GIVEN("a connection that is in use for ten minutes") {
    auto rules = quiet_rules(1);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.warm_up(1);
    pool.acquire();
    WHEN("the time for many pings has passed") {
      auto todo = pool.wait(10min);
      THEN("nothing was done") {
        CHECK_EQ(todo, "");
      }
    }
  }
}

SCENARIO("a caller that comes during a ping waits for that and not for a connect") {
  GIVEN("a pool of one with an overflow of one whose connection is being pinged") {
    auto rules = quiet_rules(1, 1);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.warm_up(1);
    CHECK_EQ(pool.wait(30s), "ping 1");
    WHEN("a caller comes, and then the ping is answered") {
      auto come = pool.acquire();
      auto answered = pool.released(1);
      THEN("it gets the connection, which needs no further ping") {
        CHECK_EQ(come, "");
        CHECK_EQ(answered, "grant 1 to 1 (peek)");
      }
    }
  }
}

SCENARIO("a ping that fails replaces the connection") {
  GIVEN("a connection that is being pinged, and a caller that waits for it") {
    auto rules = quiet_rules(1);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.warm_up(1);
    pool.wait(30s);
    pool.acquire();
    WHEN("the ping fails") {
      auto todo = pool.released(1, disposition::lost, "Server has gone away");
      THEN("the caller gets the next connection, and no error") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(pool.closed(1), "open 2");
        CHECK_EQ(pool.opened(2), "grant 1 to 2 (peek)");
        CHECK_EQ(pool.status().last_error, "Server has gone away");
      }
    }
  }
}

SCENARIO("a ping does not bring a connection that is not needed to the front") {
  GIVEN("a pool of two, of which only one is used every second") {
    auto rules = quiet_rules(2);
    rules.keepalive = 30s;
    core_driver pool{rules};
    pool.warm_up(2);
    for (auto i = 0; i < 29; ++i) {
      pool.wait(1s);
      CHECK_EQ(pool.acquire().find(" to 2 "), 7u + (i >= 9));
      pool.released(2);
    }
    CHECK_EQ(pool.wait(1s), "ping 1");
    pool.released(1);
    WHEN("the next caller comes") {
      auto todo = pool.acquire();
      THEN("it gets the one that is used") {
        CHECK_EQ(todo, "grant 30 to 2 (ping)");
      }
    }
  }
}

#define CAF_SUITE pool.core_growth

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("a pool opens one connection at the start to see whether that works, and then a few at a time") {
  GIVEN("a pool of six that opens up to four at a time") {
    auto rules = quiet_rules(6, 5);
    rules.max_connecting = 4;
    core_driver pool{rules};
    WHEN("it starts and its connects succeed one by one") {
      auto first = pool.start();
      std::vector<std::string> next;
      for (uint64_t id = 1; id <= 6; ++id)
        next.push_back(pool.opened(id));
      THEN("each makes room for one more, until all are there") {
        CHECK_EQ(first, "open 1");
        CHECK_EQ(next, std::vector<std::string>({"open 2, open 3, open 4, open 5", "open 6", "", "", "", ""}));
        CHECK_EQ(pool.status().checked_in, 6u);
        CHECK(!pool.waits_for_time());
      }
    }
  }
}

SCENARIO("a pool smaller than what may be opened at a time opens no more than its size") {
  GIVEN("a pool of two") {
    core_driver pool{quiet_rules(2, 5)};
    WHEN("it starts") {
      auto first = pool.start();
      auto next = pool.opened(1);
      THEN("it opens two") {
        CHECK_EQ(first, "open 1");
        CHECK_EQ(next, "open 2");
      }
    }
  }
}

SCENARIO("callers that come before the first connection get the first that is there") {
  GIVEN("a pool that is starting, and two callers") {
    core_driver pool{quiet_rules(3)};
    pool.start();
    for (auto i = 0; i < 3; ++i)
      CHECK_EQ(pool.acquire(), "");
    WHEN("the first connect succeeds, and the others in another order") {
      auto first = pool.opened(1);
      auto second = pool.opened(3);
      auto third = pool.opened(2);
      THEN("the first caller gets the first one, and so on") {
        CHECK_EQ(first, "grant 1 to 1 (peek), open 2, open 3");
        CHECK_EQ(second, "grant 2 to 3 (peek)");
        CHECK_EQ(third, "grant 3 to 2 (peek)");
      }
    }
  }
}

SCENARIO("a pool does not grow while a connection is free") {
  GIVEN("a pool of two with one connection in use") {
    core_driver pool{quiet_rules(2, 2)};
    pool.warm_up(2);
    pool.acquire();
    WHEN("another caller comes") {
      auto todo = pool.acquire();
      THEN("it gets the free one and nothing is opened") {
        CHECK_EQ(todo, "grant 2 to 1 (peek)");
        CHECK_EQ(pool.status().total_connections, 2u);
        CHECK_EQ(pool.status().connecting, 0u);
      }
    }
  }
}

SCENARIO("a pool grows by one for each caller that waits, up to its overflow") {
  GIVEN("a pool of two with an overflow of two, and both connections in use") {
    core_driver pool{quiet_rules(2, 2)};
    pool.warm_up(2);
    pool.acquire();
    pool.acquire();
    WHEN("three more callers come") {
      auto third = pool.acquire();
      auto fourth = pool.acquire();
      auto fifth = pool.acquire();
      THEN("a connection is opened for the first two of them, and the last one waits") {
        CHECK_EQ(third, "open 3");
        CHECK_EQ(fourth, "open 4");
        CHECK_EQ(fifth, "");
        CHECK_EQ(pool.opened(3), "grant 3 to 3 (peek)");
        CHECK_EQ(pool.opened(4), "grant 4 to 4 (peek)");
        CHECK_EQ(pool.status().waiting, 1u);
        CHECK_EQ(pool.status().overflow, 2u);
      }
    }
  }
}

SCENARIO("growth is paced like the start") {
  GIVEN("a pool of one with an overflow of eight that opens up to three at a time, its connection in use") {
    auto rules = quiet_rules(1, 8);
    rules.max_connecting = 3;
    core_driver pool{rules};
    pool.warm_up(1);
    pool.acquire();
    WHEN("five callers come") {
      std::string todo;
      for (auto i = 0; i < 5; ++i)
        todo += pool.acquire() + ";";
      THEN("three connects are started, and the next when one of them is done") {
        CHECK_EQ(todo, "open 2;open 3;open 4;;;");
        CHECK_EQ(pool.opened(3), "grant 2 to 3 (peek), open 5");
      }
    }
  }
}

SCENARIO("a caller gets the first connection that comes free even if one is being opened for it") {
  GIVEN("a pool of one with an overflow of one, and a caller for whom a connection is being opened") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    CHECK_EQ(pool.acquire(), "open 2");
    WHEN("the connection in use comes back first") {
      auto todo = pool.released(1);
      THEN("the caller gets that, and the new one is closed as soon as it is open") {
        CHECK_EQ(todo, "grant 2 to 1 (peek)");
        CHECK_EQ(pool.opened(2), "close 2");
        CHECK_EQ(pool.closed(2), "");
        CHECK_EQ(pool.status().total_connections, 1u);
      }
    }
  }
}

SCENARIO("an open connection is not given up for one that is still being opened") {
  GIVEN("a pool of one that is opening a second one for a caller who was served meanwhile") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    pool.released(1);
    WHEN("the connection comes back and nobody waits") {
      auto todo = pool.released(1);
      THEN("it stays, so that the next caller does not have to wait for the connect") {
        CHECK_EQ(todo, "");
        CHECK_EQ(pool.acquire(), "grant 3 to 1 (peek)");
        CHECK_EQ(pool.opened(2), "close 2");
      }
    }
  }
}

SCENARIO("overflow connections are closed when nobody waits") {
  GIVEN("a pool of one with an overflow of one, both connections in use") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    pool.opened(2);
    CHECK_EQ(pool.status().overflow, 1u);
    WHEN("both come back") {
      auto first = pool.released(1);
      auto second = pool.released(2);
      THEN("the first is closed, and the second is now within the size") {
        CHECK_EQ(first, "close 1");
        CHECK_EQ(second, "");
        CHECK_EQ(pool.closed(1), "");
        CHECK_EQ(pool.acquire(), "grant 3 to 2 (peek)");
      }
    }
  }
}

SCENARIO("an overflow connection that comes back serves a caller who waits") {
  GIVEN("a pool of one with an overflow of one, both in use, and a caller who waits") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    pool.opened(2);
    pool.acquire();
    WHEN("the overflow connection comes back") {
      auto todo = pool.released(2);
      THEN("it is given to the caller") {
        CHECK_EQ(todo, "grant 3 to 2 (peek)");
      }
    }
  }
}

SCENARIO("a connection that is being closed still counts") {
  GIVEN("a pool of one with an overflow of one, whose overflow connection is being closed") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    pool.opened(2);
    CHECK_EQ(pool.released(2), "close 2");
    WHEN("a caller comes") {
      auto todo = pool.acquire();
      THEN("a new one is opened only when the old one is gone") {
        CHECK_EQ(todo, "");
        CHECK_EQ(pool.closed(2), "open 3");
        CHECK_EQ(pool.opened(3), "grant 3 to 3 (peek)");
      }
    }
  }
}

SCENARIO("the connection used last is used next") {
  GIVEN("a pool of three whose connections come back in some order") {
    core_driver pool{quiet_rules(3)};
    pool.warm_up(3);
    for (auto i = 0; i < 3; ++i)
      pool.acquire();
    pool.released(2);
    pool.released(3);
    pool.released(1);
    WHEN("callers come one after the other") {
      std::vector todo{pool.acquire(), pool.acquire(), pool.acquire()};
      THEN("they get the connections in the opposite order, so that what is not needed stays idle") {
        CHECK_EQ(todo, std::vector<std::string>({"grant 4 to 1 (peek)", "grant 5 to 3 (peek)", "grant 6 to 2 (peek)"}));
      }
    }
  }
}

SCENARIO("a connection that ends by itself is replaced") {
  GIVEN("a pool of two, one of them in use") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    CHECK_EQ(pool.acquire(), "grant 1 to 2 (peek)");
    WHEN("both are suddenly gone") {
      auto idle = pool.closed(1);
      auto busy = pool.closed(2);
      THEN("two are opened, and what the old ones had to say does not matter") {
        CHECK_EQ(idle, "open 3");
        CHECK_EQ(busy, "open 4");
        CHECK_EQ(pool.released(2), "");
        CHECK_EQ(pool.closed(1), "");
        CHECK_EQ(pool.status().total_connections, 0u);
        CHECK_EQ(pool.status().connecting, 2u);
      }
    }
  }
}

#define CAF_SUITE pool.core_outage

#include "support/core_driver.hpp"

#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A pool whose first connect has failed.
core_driver failing_pool(errc code = errc::connect_failed, uint64_t seed = 1) {
  core_driver result{quiet_rules(1), seed};
  result.start();
  result.open_failed(1, code);
  return result;
}

} // namespace

SCENARIO("failed connects are tried again soon, one at a time, while callers wait for the server") {
  GIVEN("a pool of four whose first connect fails") {
    core_driver pool{quiet_rules(4)};
    CHECK_EQ(pool.start(), "open 1");
    CHECK_EQ(pool.open_failed(1), "");
    WHEN("the next ones fail, too") {
      std::vector<pool::duration> delays;
      std::vector<std::string> todo;
      for (uint64_t id = 2; id <= 12; ++id) {
        delays.push_back(pool.next_event());
        todo.push_back(pool.wait(pool.next_event()));
        CHECK_EQ(pool.open_failed(id), "");
      }
      THEN("the delay doubles once, less up to a half") {
        pool::duration longest = 100ms;
        for (size_t i = 0; i < delays.size(); ++i) {
          CHECK_EQ(todo[i], "open " + std::to_string(i + 2));
          CHECK_GT(delays[i], longest / 2);
          CHECK_LE(delays[i], longest);
          longest = 150ms;
        }
      }
    }
  }
}

SCENARIO("connects that were under way together count as one failure") {
  GIVEN("a pool of four with one idle connection and three connects under way") {
    core_driver pool{quiet_rules(4)};
    pool.start();
    CHECK_EQ(pool.opened(1), "open 2, open 3, open 4");
    WHEN("these fail") {
      std::vector todo{pool.open_failed(2), pool.open_failed(3), pool.open_failed(4)};
      auto delay = pool.next_event();
      auto next = pool.wait(delay);
      THEN("one is tried after the first delay") {
        CHECK_EQ(todo, std::vector<std::string>({"", "", ""}));
        CHECK_LE(delay, 100ms);
        CHECK_EQ(next, "open 5");
        CHECK_EQ(pool.opened(5), "open 6, open 7");
      }
    }
  }
}

SCENARIO("nothing is opened before the delay is over") {
  GIVEN("a pool whose connect failed, and callers that come meanwhile") {
    auto pool = failing_pool();
    auto delay = pool.next_event();
    WHEN("the time is one nanosecond short, and then there") {
      CHECK_EQ(pool.acquire(), "");
      pool.pass(delay - 1ns);
      auto before = pool.tick();
      CHECK_EQ(pool.acquire(), "");
      pool.pass(1ns);
      auto at = pool.tick();
      THEN("a connect is started only then") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "open 2");
      }
    }
  }
}

SCENARIO("pools that lost the same server do not come back at the same moment") {
  GIVEN("a hundred pools with different seeds whose connect failed") {
    std::set<pool::duration> delays;
    for (uint64_t seed = 1; seed <= 100; ++seed)
      delays.insert(failing_pool(errc::connect_failed, seed * 7919).next_event());
    WHEN("their delays are compared") {
      THEN("they are spread between 50 and 100 ms") {
        CHECK_GT(delays.size(), 90u);
        CHECK_GT(*delays.begin(), 50ms - 1ns);
        CHECK_LT(*delays.begin(), 60ms);
        CHECK_GT(*delays.rbegin(), 90ms);
        CHECK_LE(*delays.rbegin(), 100ms);
      }
    }
  }
}

SCENARIO("when the server is back the pool opens the others at its usual pace, and forgets the failures") {
  GIVEN("a pool of six that has failed several times and opens one to try") {
    core_driver pool{quiet_rules(6)};
    pool.start();
    pool.open_failed(1);
    for (uint64_t id = 2; id <= 6; ++id) {
      pool.wait(5s);
      pool.open_failed(id);
    }
    CHECK_EQ(pool.wait(5s), "open 7");
    WHEN("that succeeds, and then all others fail again") {
      auto todo = pool.opened(7);
      for (uint64_t id = 8; id <= 11; ++id)
        pool.open_failed(id);
      THEN("four are opened at once, and the delay starts anew") {
        CHECK_EQ(todo, "open 8, open 9, open 10, open 11");
        CHECK_LE(pool.next_event(), 100ms);
      }
    }
  }
}

SCENARIO("callers wait through an outage and are then served in their order") {
  GIVEN("a pool whose connects fail, and two callers") {
    auto pool = failing_pool();
    pool.acquire();
    pool.acquire();
    pool.wait(1s);
    pool.open_failed(2);
    pool.wait(1s);
    WHEN("a connect succeeds") {
      auto todo = pool.opened(3);
      THEN("the first one is served, and the other one next") {
        CHECK_EQ(todo, "grant 1 to 3 (peek)");
        CHECK_EQ(pool.released(3), "grant 2 to 3 (peek)");
        CHECK(pool.waited(2) == 2s);
      }
    }
  }
}

SCENARIO("a refused login fails all that wait and all that come, at once and with the reason") {
  GIVEN("a pool that has not connected yet, and two callers") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    pool.acquire();
    pool.acquire();
    WHEN("the server refuses the login") {
      auto todo = pool.open_failed(1, errc::login_refused, "Access denied for user 'bato'");
      auto next = pool.acquire();
      THEN("both fail, and so does the next one") {
        CHECK_EQ(todo, "fail 1 (login_refused), fail 2 (login_refused)");
        CHECK_EQ(next, "fail 3 (login_refused)");
        CHECK_EQ(pool.error_of(1).text, "pool main cannot connect: Access denied for user 'bato'");
        CHECK_EQ(pool.error_of(3).outcome, outcome::rejected);
        CHECK_EQ(pool.status().refused, 3u);
        CHECK_EQ(pool.status().waiting, 0u);
      }
    }
  }
}

SCENARIO("a refused login is tried again, but not soon, and then all is well") {
  GIVEN("a pool whose login was refused") {
    auto pool = failing_pool(errc::login_refused);
    WHEN("the longest delay is over and the login succeeds") {
      auto before = pool.wait(5s - 1ns);
      auto at = pool.wait(1ns);
      auto opened = pool.opened(2);
      THEN("callers are served again") {
        CHECK_EQ(before, "");
        CHECK_EQ(at, "open 2");
        CHECK_EQ(opened, "");
        CHECK_EQ(pool.acquire(), "grant 1 to 2 (peek)");
      }
    }
  }
}

SCENARIO("a refused login does not disturb those whom an open connection can serve") {
  GIVEN("a pool of one with an overflow of one, in use, and a caller for whom a connection is being opened") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    WHEN("that login is refused") {
      auto todo = pool.open_failed(2, errc::login_refused);
      THEN("the caller waits on and gets the open one") {
        CHECK_EQ(todo, "");
        CHECK_EQ(pool.released(1), "grant 2 to 1 (peek)");
      }
    }
  }
}

SCENARIO("when the last open connection is lost after a refused login, those that wait fail") {
  GIVEN("a pool with one open connection, in use, whose last login was refused, and a caller that waits") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    pool.open_failed(2, errc::login_refused);
    WHEN("the open one is lost") {
      auto todo = pool.released(1, disposition::lost, "gone");
      THEN("the caller fails: nothing will serve it") {
        CHECK_EQ(todo, "close 1, fail 2 (login_refused)");
      }
    }
  }
}

SCENARIO("a fail-fast caller fails with any failed connect, others wait on") {
  GIVEN("a pool that has not connected yet, with callers of both kinds") {
    core_driver pool{quiet_rules(1)};
    pool.start();
    CHECK_EQ(pool.acquire(), "");
    CHECK_EQ(pool.acquire_fail_fast(), "");
    CHECK_EQ(pool.acquire(), "");
    WHEN("the connect fails") {
      auto todo = pool.open_failed(1, errc::connect_failed, "Can't connect to server on '127.0.0.1' (111)");
      auto later = pool.acquire_fail_fast();
      THEN("the fail-fast one fails, and so does one that comes later") {
        CHECK_EQ(todo, "fail 2 (connect_failed)");
        CHECK_EQ(pool.error_of(2).text, "pool main cannot connect: Can't connect to server on '127.0.0.1' (111)");
        CHECK_EQ(later, "fail 4 (connect_failed)");
        CHECK_EQ(pool.status().waiting, 2u);
      }
    }
  }
}

SCENARIO("a fail-fast caller waits while a connection is open, in use or not, even if connects fail") {
  GIVEN("a pool with one connection in use that fails to open another, and a fail-fast caller") {
    core_driver pool{quiet_rules(1, 1)};
    pool.warm_up(1);
    pool.acquire();
    CHECK_EQ(pool.acquire_fail_fast(), "open 2");
    WHEN("the connect fails") {
      auto todo = pool.open_failed(2);
      THEN("it is served by the open one") {
        CHECK_EQ(todo, "");
        CHECK_EQ(pool.released(1), "grant 2 to 1 (peek)");
      }
    }
  }
}

SCENARIO("a lost connection is replaced at once, and with a delay if that fails") {
  GIVEN("a pool of one whose connection is lost") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.released(1, disposition::lost, "gone");
    WHEN("it is closed, and its replacement cannot be opened") {
      auto first = pool.closed(1);
      auto failed = pool.open_failed(2);
      THEN("the next one is tried after a delay") {
        CHECK_EQ(first, "open 2");
        CHECK_EQ(failed, "");
        CHECK_GT(pool.next_event(), 50ms - 1ns);
        CHECK_LE(pool.next_event(), 100ms);
      }
    }
  }
}

SCENARIO("a connect that hangs keeps no others from being opened") {
  GIVEN("a pool of three, one of whose connects hangs") {
    core_driver pool{quiet_rules(3, 2)};
    pool.start();
    pool.opened(1);
    pool.opened(2);
    pool.acquire();
    pool.acquire();
    WHEN("more callers come than that one would serve") {
      std::vector todo{pool.acquire(), pool.acquire()};
      THEN("another one is opened") {
        CHECK_EQ(todo, std::vector<std::string>({"", "open 4"}));
        CHECK_EQ(pool.opened(4), "grant 3 to 4 (peek)");
      }
    }
  }
}

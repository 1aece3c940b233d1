#define CAF_SUITE pool.core_resizing

#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A pool of one to four, and two more for peaks; what is not needed goes after a minute.
pool_settings elastic_rules() {
  auto result = quiet_rules(4, 2);
  result.min_size = 1;
  result.idle_timeout = 60s;
  return result;
}

/// The same with its first connection open, which took 10 ms.
core_driver elastic_pool(const pool_settings& rules = elastic_rules()) {
  core_driver pool{rules};
  CHECK_EQ(pool.start(), "open 1");
  pool.pass(10ms);
  CHECK_EQ(pool.opened(1), "");
  return pool;
}

} // namespace

SCENARIO("a caller waits for as long as a connect takes before one is started for it") {
  GIVEN("a pool whose only connection is in use") {
    auto pool = elastic_pool();
    CHECK_EQ(pool.acquire(), "grant 1 to 1 (peek)");
    WHEN("another caller comes and the connection does not come back") {
      auto at_once = pool.acquire();
      auto before = pool.wait(9'999us);
      auto then = pool.wait(1us);
      THEN("a connection is opened 10 ms later, and the caller gets it") {
        CHECK_EQ(at_once, "");
        CHECK_EQ(before, "");
        CHECK_EQ(then, "open 2");
        CHECK_EQ(pool.opened(2), "grant 2 to 2 (peek)");
      }
    }
  }
}

SCENARIO("callers that wait for shorter than a connect takes open nothing, however many they are") {
  GIVEN("a pool whose only connection is in use") {
    auto pool = elastic_pool();
    pool.acquire();
    WHEN("a hundred callers come, one each 9 ms, and each has the connection for 9 ms") {
      for (uint64_t i = 2; i <= 101; ++i) {
        CHECK_EQ(pool.acquire(), "");
        CHECK_EQ(pool.wait(9ms), "");
        CHECK_EQ(pool.released(1), "grant " + std::to_string(i) + " to 1 (peek)");
      }
      THEN("there is still one connection") {
        CHECK_EQ(pool.status().total_connections, 1u);
        CHECK_EQ(pool.status().connects, 1u);
      }
    }
  }
}

SCENARIO("reads that wait on a connection behind others count as waiting") {
  GIVEN("a pool whose reads usually take 4 ms, with one of them under way") {
    auto pool = elastic_pool();
    for (auto i = 0; i < 1000; ++i) {
      pool.acquire_shared();
      pool.pass(4ms);
      pool.ended(1, 1);
    }
    pool.acquire_shared();
    WHEN("further ones come") {
      auto second = pool.acquire_shared();
      auto third = pool.acquire_shared();
      CHECK_EQ(pool.wait(0ms), "");
      auto fourth = pool.acquire_shared();
      auto opened = pool.wait(0ms);
      auto fifth = pool.acquire_shared();
      THEN("they share it; one connection is opened as soon as one waits for longer than a connect takes") {
        CHECK_EQ(second, "grant 1002 to 1 (none)");
        CHECK_EQ(third, "grant 1003 to 1 (none)");
        CHECK_EQ(fourth, "grant 1004 to 1 (none)");
        CHECK_EQ(opened, "open 2");
        CHECK_EQ(fifth, "grant 1005 to 1 (none)");
      }
    }
  }
}

SCENARIO("a connection beyond the minimum goes when nobody has needed it for the idle timeout") {
  GIVEN("a pool that has grown to three, all free now, one of them in use again and again") {
    auto pool = elastic_pool();
    for (auto i = 0; i < 3; ++i)
      pool.acquire();
    CHECK_EQ(pool.wait(10ms), "open 2, open 3");
    pool.opened(2);
    pool.opened(3);
    for (uint64_t id = 1; id <= 3; ++id)
      pool.released(id);
    WHEN("a minute passes") {
      CHECK_EQ(pool.wait(30s), "");
      CHECK_EQ(pool.acquire(), "grant 4 to 3 (ping)");
      CHECK_EQ(pool.released(3), "");
      auto first = pool.wait(30s);
      auto later = pool.wait(1h);
      THEN("the others go, until the minimum is left; the one that is in use stays") {
        CHECK_EQ(first, "close 1, close 2");
        CHECK_EQ(later, "");
        CHECK_EQ(pool.status().total_connections, 1u);
      }
    }
  }
}

SCENARIO("a ping is no use") {
  GIVEN("a pool that pings idle connections every 20 s and has grown to two") {
    auto rules = elastic_rules();
    rules.keepalive = 20s;
    auto pool = elastic_pool(rules);
    pool.acquire();
    pool.acquire();
    CHECK_EQ(pool.wait(10ms), "open 2");
    pool.opened(2);
    pool.released(1);
    pool.released(2);
    WHEN("nobody comes for a minute") {
      auto pings = pool.wait(20s);
      pool.released(1);
      pool.released(2);
      pings += "; " + pool.wait(20s);
      pool.released(1);
      pool.released(2);
      auto end = pool.wait(20s);
      THEN("one goes although it was pinged meanwhile") {
        CHECK_EQ(pings, "ping 1, ping 2; ping 2, ping 1");
        CHECK_EQ(end, "close 2, ping 1");
      }
    }
  }
}

SCENARIO("a pool that is not needed any more shrinks to its minimum, and grows again when it is") {
  GIVEN("a pool of one to four with an overflow of two") {
    auto pool = elastic_pool();
    WHEN("twenty callers come and go, twice") {
      std::vector<std::string> opened, closed;
      for (uint64_t round = 0; round < 2; ++round) {
        uint64_t left = round == 0 ? 1 : 2; // The connection that was used last.
        uint64_t first = round * 5 + 2;     // The first one of this round.
        for (auto i = 0; i < 20; ++i)
          pool.acquire();
        opened.push_back(pool.wait(10ms));
        for (auto id = first; id < first + 4; ++id)
          pool.opened(id);
        pool.opened(first + 4);
        CHECK_EQ(pool.status().total_connections, 6u);
        CHECK_EQ(pool.status().overflow, 2u);
        for (uint64_t i = 0; i < 20; ++i)
          pool.released(i % 6 == 0 ? left : first + i % 6 - 1);
        CHECK_EQ(pool.status().checked_out, 0u);
        closed.push_back(pool.wait(60s));
        for (uint64_t id = 1; id < first + 5; ++id)
          if (id != first)
            pool.closed(id);
        CHECK_EQ(pool.status().total_connections, 1u);
        pool.wait(1h);
      }
      THEN("each time it opens what it needs once, no more") {
        CHECK_EQ(opened,
                 std::vector<std::string>({"open 2, open 3, open 4, open 5", "open 7, open 8, open 9, open 10"}));
        CHECK_EQ(closed, std::vector<std::string>({"close 3, close 4, close 5, close 6, close 1",
                                                   "close 8, close 9, close 10, close 11, close 2"}));
        CHECK_EQ(pool.status().connects, 11u);
      }
    }
  }
}

SCENARIO("after a loss a pool comes back with its minimum, and the rest when it is needed") {
  GIVEN("a pool of two to four that had grown to four, all in use") {
    auto rules = elastic_rules();
    rules.min_size = 2;
    core_driver pool{rules};
    pool.warm_up(2);
    for (auto i = 0; i < 4; ++i)
      pool.acquire();
    pool.wait(1ms);
    pool.opened(3);
    pool.opened(4);
    WHEN("one is lost, and the others come back") {
      pool.released(1, disposition::lost, "gone");
      for (uint64_t id = 2; id <= 4; ++id)
        pool.released(id);
      for (uint64_t id = 1; id <= 4; ++id)
        pool.closed(id);
      pool.wait(1s);
      pool.opened(5);
      pool.wait(1s);
      pool.opened(6);
      auto later = pool.wait(1h);
      THEN("two are opened") {
        CHECK_EQ(later, "");
        CHECK_EQ(pool.status().total_connections, 2u);
        CHECK_EQ(pool.status().connects, 6u);
      }
    }
  }
}

SCENARIO("overflow that is needed now and then is not opened each time") {
  GIVEN("a pool of one with an overflow of one that keeps what it has for a minute") {
    auto rules = quiet_rules(1, 1);
    rules.idle_timeout = 60s;
    auto pool = elastic_pool(rules);
    WHEN("two callers come at a time, again and again") {
      for (auto i = 0; i < 100; ++i) {
        pool.acquire();
        pool.acquire();
        if (i == 0) {
          CHECK_EQ(pool.wait(10ms), "open 2");
          pool.opened(2);
        }
        CHECK_EQ(pool.wait(1s), "");
        pool.released(1);
        pool.released(2);
      }
      THEN("the second connection was opened once") {
        CHECK_EQ(pool.status().connects, 2u);
        CHECK_EQ(pool.wait(60s), "close 1");
      }
    }
  }
}

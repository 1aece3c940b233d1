#define CAF_SUITE pool.error_streak

#include "pool/error_streak.hpp"

#include "pool/replacement_pace.hpp"
#include "support/core_driver.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// How many requests that fail like this it takes until the connection is suspect; zero if it never is.
size_t needed(uint32_t number, std::string_view sqlstate, uint64_t callers) {
  pool::error_streak x;
  for (size_t i = 1; i <= 1000; ++i) {
    x.failed(number, sqlstate, i % callers);
    if (x.is_suspect())
      return i;
  }
  return 0;
}

} // namespace

SCENARIO("a connection on which requests fail in turn for no good reason is suspect") {
  GIVEN("errors that are about the session") {
    struct error {
      uint32_t number;
      std::string_view sqlstate;
    };
    WHEN("requests of one caller, or of several, get them in turn") {
      THEN("several need fewer") {
        for (auto x : {error{1031, "HY000"}, error{1046, "3D000"}, error{1100, "HY000"}, error{1192, "HY000"},
                       error{1399, "XAE07"}, error{1400, "XAE09"}, error{1568, "25001"}, error{1223, "HY000"},
                       error{4099, "HY000"}}) {
          MESSAGE(x.number);
          CHECK_EQ(needed(x.number, x.sqlstate, 2), 3u);
          CHECK_EQ(needed(x.number, x.sqlstate, 1), 6u);
        }
      }
    }
  }
}

SCENARIO("bad statements and bad luck do not make a connection suspect") {
  GIVEN("errors that statements earn by themselves") {
    struct error {
      uint32_t number;
      std::string_view sqlstate;
    };
    WHEN("every request gets one") {
      THEN("the connection stays") {
        for (auto x : {error{1064, "42000"}, error{1146, "42S02"}, error{1054, "42S22"}, error{1062, "23000"},
                       error{1452, "23000"}, error{1213, "40001"}, error{1205, "HY000"}, error{1264, "22003"},
                       error{1292, "22007"}, error{1366, "HY000"}, error{1364, "HY000"}, error{1644, "45000"},
                       error{1317, "70100"}, error{1969, "70100"}, error{1142, "42000"}, error{1136, "21S01"},
                       error{1290, "HY000"}, error{1792, "25006"}}) {
          MESSAGE(x.number);
          CHECK_EQ(needed(x.number, x.sqlstate, 3), 0u);
        }
      }
    }
  }
}

SCENARIO("one success shows that a connection is in order, and an ordinary error shows nothing") {
  GIVEN("a connection on which two callers have failed") {
    pool::error_streak x;
    x.failed(1031, "HY000", 1);
    x.failed(1031, "HY000", 2);
    WHEN("an ordinary error comes, and a third failure") {
      x.failed(1064, "42000", 3);
      auto before = x.is_suspect();
      x.failed(1031, "HY000", 3);
      THEN("it is suspect with the failure") {
        CHECK(!before);
        CHECK(x.is_suspect());
      }
    }
  }
  GIVEN("the same") {
    pool::error_streak x;
    x.failed(1031, "HY000", 1);
    x.failed(1031, "HY000", 2);
    WHEN("a request succeeds before") {
      x.succeeded();
      x.failed(1031, "HY000", 3);
      x.failed(1031, "HY000", 1);
      THEN("it is not") {
        CHECK(!x.is_suspect());
      }
    }
  }
}

SCENARIO("a suspect connection is replaced, and others only if that helps") {
  GIVEN("a pool of two") {
    core_driver pool{quiet_rules(2)};
    pool.warm_up(2);
    WHEN("both are suspect after their use, and then the new one") {
      pool.acquire();
      auto first = pool.released(2, disposition::suspect, "errors");
      auto replaced = pool.closed(2);
      pool.opened(3);
      pool.acquire();
      auto too_soon = pool.released(3, disposition::suspect, "errors");
      pool.wait(1s);
      pool.acquire();
      auto later = pool.released(3, disposition::suspect, "errors");
      THEN("the first is closed and another one opened, the next only after a second") {
        CHECK_EQ(first, "close 2");
        CHECK_EQ(replaced, "open 3");
        CHECK_EQ(too_soon, "");
        CHECK_EQ(later, "close 3");
        CHECK_EQ(pool.status().lost, 0u);
        CHECK_EQ(pool.status().generation, 0u);
      }
    }
  }
  GIVEN("a pool of one with somebody who waits") {
    core_driver pool{quiet_rules(1)};
    pool.warm_up(1);
    pool.acquire();
    pool.acquire();
    WHEN("its connection is suspect") {
      auto todo = pool.released(1, disposition::suspect, "errors");
      auto next = pool.closed(1);
      auto served = pool.opened(2);
      THEN("the one who waits gets the new one") {
        CHECK_EQ(todo, "close 1");
        CHECK_EQ(next, "open 2");
        CHECK_EQ(served, "grant 2 to 2 (peek)");
      }
    }
  }
}

SCENARIO("statements that are wrong everywhere do not make a pool connect all the time") {
  GIVEN("a pool whose connections are suspect after every request") {
    pool::replacement_pace pace;
    WHEN("that goes on for a day") {
      size_t replaced = 0;
      pool::time_point now{1h};
      for (; now < pool::time_point{25h}; now += 100ms)
        replaced += pace.take(now);
      THEN("few are replaced") {
        CHECK(replaced > 100);
        CHECK(replaced < 200);
      }
      AND("after a day of peace the first one is replaced at once, and the next one soon") {
        now += 24h;
        CHECK(pace.take(now));
        CHECK(!pace.take(now + 999ms));
        CHECK(pace.take(now + 1s));
        CHECK(!pace.take(now + 2s));
      }
    }
  }
}

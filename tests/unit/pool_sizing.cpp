#define CAF_SUITE pool.sizing

#include "pool/backoff.hpp"
#include "pool/sizing.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

pool_settings rules_of(size_t size, size_t max_overflow, size_t max_connecting) {
  pool_settings result;
  result.size = size;
  result.max_overflow = max_overflow;
  result.max_connecting = max_connecting;
  return result;
}

struct sizing_row {
  const char* description;
  head_count now; ///< total, opening, about to be free, in need
  size_t limit;
  size_t wanted;
};

void check_rows(const pool_settings& rules, const std::vector<sizing_row>& rows) {
  for (auto& x : rows) {
    MESSAGE(x.description);
    CHECK_EQ(connects_wanted(rules, x.now, rules.kept(), x.limit), x.wanted);
  }
}

/// The largest value that is asked for below 1.
constexpr auto nearly_one = 1.0 - 1e-9;

} // namespace

SCENARIO("the pool opens its size and, for callers that wait, its overflow") {
  GIVEN("a pool of 10 with an overflow of 5 that opens up to 4 at a time") {
    auto rules = rules_of(10, 5, 4);
    WHEN("connects succeed") {
      THEN("the number of connects to start is that of the table") {
        check_rows(rules, {
                              {"at the start: as many as may be opened at a time", {0, 0, 0, 0}, 15, 4},
                              {"those under way count", {3, 3, 0, 0}, 15, 1},
                              {"enough are under way", {4, 4, 0, 0}, 15, 0},
                              {"some are open", {7, 1, 0, 0}, 15, 3},
                              {"fewer are missing than may be opened", {8, 0, 0, 0}, 15, 2},
                              {"none is missing", {10, 0, 0, 0}, 15, 0},
                              {"missing ones are opened however few wait", {8, 0, 0, 1}, 15, 2},
                              {"and more if more wait", {8, 0, 0, 3}, 15, 3},
                              {"somebody waits", {10, 0, 0, 1}, 15, 1},
                              {"three wait", {10, 0, 0, 3}, 15, 3},
                              {"very many wait", {10, 0, 0, 100'000}, 15, 4},
                              {"two wait and one is being opened for them", {11, 1, 0, 2}, 15, 1},
                              {"two wait and two are being opened for them", {12, 2, 0, 2}, 15, 0},
                              {"two wait and one will be free in a moment", {10, 0, 1, 2}, 15, 1},
                              {"two wait and two will be free in a moment", {10, 0, 2, 2}, 15, 0},
                              {"more will be free than wait", {10, 0, 5, 2}, 15, 0},
                              {"there is room for one more", {14, 0, 0, 9}, 15, 1},
                              {"the limit is reached", {15, 0, 0, 9}, 15, 0},
                              {"the limit is reached with some under way", {15, 3, 0, 9}, 15, 0},
                              {"connections that close count until they are gone", {15, 0, 0, 1}, 15, 0},
                          });
      }
    }
  }
}

SCENARIO("a pool that is limited opens no more than it may have") {
  GIVEN("a pool of 10 with an overflow of 5 that opens up to 4 at a time") {
    auto rules = rules_of(10, 5, 4);
    WHEN("the server has no room for all of them") {
      THEN("the number of connects to start is that of the table") {
        check_rows(rules, {
                              {"the limit is below the size", {3, 0, 0, 0}, 5, 2},
                              {"and reached", {5, 0, 0, 100}, 5, 0},
                              {"and exceeded, because some were under way", {7, 2, 0, 100}, 5, 0},
                              {"it is between size and all", {10, 0, 0, 3}, 12, 2},
                              {"there is no room at all", {0, 0, 0, 7}, 0, 0},
                          });
      }
    }
  }
}

SCENARIO("a pool with a minimum opens no more than that as long as nobody waits") {
  GIVEN("a pool of 2 to 10 with an overflow of 5 that opens up to 4 at a time") {
    auto rules = rules_of(10, 5, 4);
    rules.min_size = 2;
    WHEN("callers come and go") {
      THEN("the number of connects to start is that of the table") {
        check_rows(rules, {
                              {"at the start", {0, 0, 0, 0}, 15, 2},
                              {"the minimum is there", {2, 0, 0, 0}, 15, 0},
                              {"somebody waits", {2, 0, 0, 1}, 15, 1},
                              {"very many wait", {2, 0, 0, 1000}, 15, 4},
                              {"four are being opened for them", {6, 4, 0, 1000}, 15, 0},
                              {"there is no size in between", {10, 0, 0, 3}, 15, 3},
                              {"all are there", {15, 0, 0, 1000}, 15, 0},
                              {"nobody waits any more", {15, 0, 0, 0}, 15, 0},
                          });
      }
    }
  }
}

SCENARIO("what a connect usually takes follows what connects take") {
  GIVEN("a price that nobody knows yet") {
    connect_price x;
    CHECK(x.usual() == 0s);
    WHEN("connects take 4 ms, then 12 ms") {
      x.add(4ms);
      CHECK(x.usual() == 4ms);
      x.add(12ms);
      THEN("the first counts at once, and each further one for an eighth") {
        CHECK(x.usual() == 5ms);
      }
    }
  }
  GIVEN("a first connect that hung for 9 s") {
    connect_price x;
    x.add(9s);
    WHEN("the price is asked for") {
      THEN("it counts as 100 ms, so that nobody waits for very long because of it") {
        CHECK(x.usual() == 100ms);
      }
    }
  }
}

SCENARIO("a pool of one without overflow never has two") {
  GIVEN("the smallest pool there is") {
    auto rules = rules_of(1, 0, 1);
    WHEN("more callers wait than it can serve") {
      THEN("it wants one connection and no more") {
        check_rows(rules, {
                              {"at the start", {0, 0, 0, 0}, 1, 1},
                              {"it is being opened", {1, 1, 0, 7}, 1, 0},
                              {"it is open", {1, 0, 0, 7}, 1, 0},
                              {"it is being pinged", {1, 0, 1, 7}, 1, 0},
                              {"it was lost", {0, 0, 0, 7}, 1, 1},
                          });
      }
    }
  }
}

SCENARIO("a delay doubles with each attempt up to its limit") {
  GIVEN("an initial delay of 1 s and a limit of 30 s") {
    WHEN("the delays of the first seven attempts are asked for") {
      std::vector<duration> delays;
      for (size_t attempt = 1; attempt <= 7; ++attempt)
        delays.push_back(exponential_delay(1s, 30s, attempt));
      THEN("they are 1, 2, 4, 8, 16, 30 and 30 s") {
        CHECK_EQ(delays, std::vector<duration>({1s, 2s, 4s, 8s, 16s, 30s, 30s}));
      }
    }
  }
}

SCENARIO("a delay has no odd values at the edges") {
  GIVEN("limits that are odd") {
    constexpr auto for_ever = duration::max();
    WHEN("delays are asked for") {
      THEN("they neither exceed the limit nor overflow") {
        CHECK(exponential_delay(5s, 2s, 1) == 2s);
        CHECK(exponential_delay(5s, 2s, 4) == 2s);
        CHECK(exponential_delay(5s, 5s, 2) == 5s);
        CHECK(exponential_delay(0s, 5s, 20) == 0s);
        CHECK(exponential_delay(1s, for_ever, 1'000'000'000) == for_ever);
        CHECK(exponential_delay(for_ever / 2 + 1ns, for_ever, 2) == for_ever);
        CHECK(exponential_delay(1s, 30s, 0) == 1s);
      }
    }
  }
}

SCENARIO("a connection is used for as long as recycle says, less up to a tenth") {
  GIVEN("a pool that recycles its connections after an hour") {
    pool_settings rules;
    rules.recycle = 1h;
    WHEN("the lifetime of a connection is asked for") {
      THEN("it lies between 54 and 60 minutes") {
        CHECK(lifetime(rules, 0.0) == 60min);
        CHECK(lifetime(rules, 0.5) == 57min);
        CHECK_GE(lifetime(rules, nearly_one), 54min);
        CHECK_LT(lifetime(rules, nearly_one), 54min + 1ms);
      }
    }
  }
}

SCENARIO("a pool that does not recycle uses its connections for ever") {
  GIVEN("a pool with a recycle of zero") {
    pool_settings rules;
    rules.recycle = 0s;
    WHEN("the lifetime of a connection is asked for") {
      THEN("it never ends") {
        CHECK(lifetime(rules, 0.0) == duration::max());
        CHECK(lifetime(rules, nearly_one) == duration::max());
      }
    }
  }
}

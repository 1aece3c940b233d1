// Pools with one account that may have nine connections together.

#define CAF_SUITE budget_server.shares

#include "integration/budget_support.hpp"
#include "support/callers.hpp"

#include <algorithm>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

constexpr auto lease_time = 2s;

struct fixture : budget_fixture {
  fixture() { must(admin(), write("GRANT CREATE ON cenote.* TO 'shared'@'%'")); }

  static pool_settings shared_rules(const std::string& name) {
    auto result = rules_for(6);
    result.name = name;
    result.min_size = 1;
    result.budget.connections = budget;
    result.budget.lease = lease_time;
    return result;
  }

  pool_actor start(const std::string& name) {
    auto result = start_pool(account(), shared_rules(name));
    await_status(result, [](auto& now) { return now.total_connections == 1; });
    return result;
  }

  /// Waits until this pool may have so many connections.
  void await_limit(const pool_actor& pool, uint64_t connections) {
    await_status(pool, [connections](auto& now) { return now.limit == connections; });
  }

  /// Waits until all have had time to write their rows into the new table.
  void await_first_lease() {
    CHECK(eventually([this] { return run(admin(), read("SELECT 1 FROM cenote_node")).has_value(); }));
    CHECK(eventually([this] {
      return number("SELECT COUNT(*) FROM cenote_node WHERE id = '' AND expires < UTC_TIMESTAMP(6)") == 1;
    }));
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("pools with a budget never have more connections together, and the busy one has most") {
  GIVEN("three pools of six with a budget of nine") {
    auto a = start("a");
    auto b = start("b");
    auto c = start("c");
    await_first_lease();
    WHEN("load moves from one to another, and one of them is drained") {
      callers first{system(), a, 30, busy_for_a_while};
      await_limit(a, 3);
      await_status(a, [](auto& now) { return now.total_connections == 3; });
      auto others = std::max(status(b).limit, status(c).limit);
      first.stop();
      callers second{system(), b, 30, busy_for_a_while};
      await_limit(b, 3);
      auto left = status(a).limit;
      CHECK(drain(c, 10s).get());
      await_limit(b, 5);
      second.stop();
      THEN("each has one at least, what is returned is taken, and there were never more than nine") {
        CHECK_EQ(others, 1u);
        CHECK_EQ(left, 1u);
        CHECK_LE(highest(), budget);
        CHECK_GE(highest(), 5u);
        CHECK_EQ(number("SELECT COUNT(*) FROM cenote_node"), 3u);
      }
    }
  }
}

SCENARIO("the share of a process that has vanished is free when its lease ends") {
  GIVEN("a busy pool, and the row of a process that was killed a moment ago and had five connections") {
    auto a = start("a");
    await_first_lease();
    await_limit(a, 6);
    must(admin(), write("INSERT INTO cenote_node (id, budget, granted, held, wanted, expires) VALUES ('dead', 9, 5, 5, "
                        "5, UTC_TIMESTAMP(6) + INTERVAL 3 SECOND)"));
    callers crowd{system(), a, 30, busy_for_a_while};
    WHEN("time passes") {
      await_limit(a, 3);
      stopwatch watch;
      await_limit(a, 6);
      auto waited = watch.elapsed();
      crowd.stop();
      THEN("the pool makes room for it, and takes all when it is over; the row is removed") {
        CHECK_LE(waited, 10s);
        CHECK_EQ(number("SELECT COUNT(*) FROM cenote_node WHERE id = 'dead'"), 0u);
      }
    }
  }
}

SCENARIO("a pool that cannot use the table keeps what it has and takes no more") {
  GIVEN("two pools, one of which has three connections") {
    auto rules = shared_rules("a");
    rules.idle_timeout = 60s;
    auto a = start_pool(account(), rules);
    auto b = start("b");
    await_first_lease();
    callers first{system(), a, 3, busy_for_a_while};
    await_status(a, [](auto& now) { return now.total_connections == 3; });
    first.stop();
    WHEN("another table is in the place of theirs for two leases, and callers come") {
      must(admin(), write("RENAME TABLE cenote_node TO away"));
      must(admin(), write("CREATE TABLE cenote_node (nothing INT)"));
      await_limit(a, 3);
      callers second{system(), a, 30, busy_for_a_while};
      stopwatch watch;
      uint64_t most = 0;
      uint64_t least = UINT64_MAX;
      while (watch.elapsed() < 2 * lease_time) {
        auto now = status(a).total_connections;
        most = std::max(most, now);
        least = std::min(least, now);
      }
      must(admin(), write("DROP TABLE cenote_node"));
      must(admin(), write("RENAME TABLE away TO cenote_node"));
      await_limit(a, 5);
      second.stop();
      THEN("it has three all the time, and takes more when the table is back") {
        CHECK_EQ(most, 3u);
        CHECK_EQ(least, 3u);
        CHECK_LE(highest(), budget);
      }
    }
  }
}

SCENARIO("an account that may not create the table makes do with one connection until somebody has") {
  GIVEN("a pool whose account may not create tables") {
    auto poor = plain_user("poor", "secret");
    auto pool = start_pool(poor, shared_rules("poor"));
    callers crowd{system(), pool, 10, busy_for_a_while};
    WHEN("an administrator does it after a while") {
      stopwatch watch;
      uint64_t most = 0;
      while (watch.elapsed() < lease_time)
        most = std::max(most, status(pool).limit);
      must(admin(), write("CREATE TABLE cenote_node (id VARCHAR(32) NOT NULL PRIMARY KEY, pool VARCHAR(100), process "
                          "VARCHAR(100), budget INT NOT NULL, granted INT NOT NULL, held INT NOT NULL, wanted INT NOT "
                          "NULL, expires DATETIME(6) NOT NULL)"));
      await_limit(pool, 6);
      crowd.stop();
      THEN("it had one before, and has all that it can use then") {
        CHECK_EQ(most, 1u);
        CHECK_EQ(status(pool).limit, 6u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

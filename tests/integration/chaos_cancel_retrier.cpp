// The same through a retrier, which stands between the pool and the caller.

#define CAF_SUITE chaos.cancel

#include "integration/chaos_support.hpp"

#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : chaos_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));

  /// Ends with the pool.
  pool_actor retrier =
      spawn_retrier(system(), pool, {.max_retries = 1'000'000, .initial_delay = 10ms, .max_delay = 20ms});

  /// A statement that leaves a row and then fails, as if in a deadlock. Called idempotent, it is repeated after some
  /// milliseconds although it may have had an effect.
  statement hopeless(const std::string& table) {
    must(admin(), write("CREATE TABLE " + table + " (id INT AUTO_INCREMENT PRIMARY KEY)"));
    return idempotent_write("BEGIN NOT ATOMIC INSERT INTO " + table
                            + " VALUES (); SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END");
  }

  uint64_t tries(const std::string& table) { return count("SELECT COUNT(*) FROM " + table); }

  void await_tries(const std::string& table, uint64_t wanted) {
    if (!eventually([&] { return tries(table) >= wanted; }))
      throw std::runtime_error{"it is not tried again"};
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a retrier passes on that its caller has vanished") {
  GIVEN("a statement that runs for a caller of the retrier") {
    auto before = session_of(retrier);
    auto caller = caller_of(retrier, read("SELECT SLEEP(120) /* orphan */"));
    await_running("%/* orphan */", 1);
    WHEN("the caller vanishes") {
      vanish(caller);
      THEN("the server stops it, and the same connection serves the next one") {
        await_running("%/* orphan */", 0);
        CHECK_EQ(session_of(retrier), before);
        CHECK_EQ(await_free(pool, 1).lost, 0u);
      }
    }
  }
}

SCENARIO("what waits behind a retrier never runs when its caller vanishes") {
  GIVEN("a pool of one that is busy, and a caller that waits") {
    must(admin(), write("CREATE TABLE t (id INT)"));
    auto busy = ask(retrier, read("SELECT SLEEP(120) /* busy */"));
    await_running("%/* busy */", 1);
    auto caller = caller_of(retrier, write("INSERT INTO t VALUES (1)"));
    await_status(pool, [](auto& x) { return x.waiting == 1; });
    WHEN("the caller vanishes and the connection comes free") {
      vanish(caller);
      must(admin(), write("KILL QUERY ?", session_running("%/* busy */")));
      busy.get();
      must(retrier, write("INSERT INTO t VALUES (2)"));
      THEN("only the others were served") {
        CHECK_EQ(count("SELECT SUM(id) FROM t"), 2u);
        await_free(pool, 1);
      }
    }
  }
}

SCENARIO("retries end with their caller") {
  GIVEN("a statement that is repeated again and again") {
    auto caller = caller_of(retrier, hopeless("abandoned"));
    await_tries("abandoned", 3);
    WHEN("its caller vanishes, and another one's is repeated twenty times") {
      vanish(caller);
      auto last = tries("abandoned");
      auto other = caller_of(retrier, hopeless("wanted"));
      await_tries("wanted", 20);
      THEN("the first was tried once more at most") {
        CHECK(tries("abandoned") <= last + 1);
        vanish(other);
      }
    }
  }
}

END_FIXTURE_SCOPE()

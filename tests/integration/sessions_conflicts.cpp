// Transactions that get into each other's way.

#define CAF_SUITE sessions.conflicts

#include "support/both_ways.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/send.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

retry_settings quick() {
  retry_settings result;
  result.max_retries = 50;
  result.initial_delay = 1ms;
  result.max_delay = 5ms;
  return result;
}

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(2));
  pool_actor retrier = spawn_retrier(system(), pool, quick());
  pool_actor other_pool = start_full_pool(server.settings(), rules_for(1));
  session_user other{system(), other_pool};
  session_id gates = other.checkout();

  fixture() : pool_fixture{{"--innodb-lock-wait-timeout=1"}} {
    must(pool, write("CREATE TABLE accounts (id INT PRIMARY KEY, amount INT)"));
  }

  ~fixture() { caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown); }

  void reset() { must(pool, write("REPLACE INTO accounts VALUES (1, 0), (2, 0)")); }

  int total() { return must(admin(), read("SELECT CAST(SUM(amount) AS INT) FROM accounts"))[0].get<int>(0); }

  void close_gates() {
    for (auto name : {"gate 1", "gate 2"})
      other.must(gates, read("SELECT GET_LOCK(?, 0)", name));
  }

  void open_gates() { other.must(gates, read("SELECT RELEASE_ALL_LOCKS()")); }

  /// Adds to one account, waits at a gate, and adds to the other.
  static transaction transfer(int first, const std::string& gate) {
    return all_or_nothing(write("UPDATE accounts SET amount = amount + 1 WHERE id = ?", first),
                          read("SELECT GET_LOCK(?, 60), RELEASE_LOCK(?)", gate, gate),
                          write("UPDATE accounts SET amount = amount + 1 WHERE id = ?", 3 - first));
  }

  /// Two transactions that must meet in a deadlock.
  std::pair<answer<std::vector<result>>, answer<std::vector<result>>> collide(const pool_actor& handle,
                                                                              const way& form) {
    reset();
    close_gates();
    auto first = ask(handle, form(transfer(1, "gate 1")));
    auto second = ask(handle, form(transfer(2, "gate 2")));
    await_running("%GET_LOCK('gate 1'%", 1);
    await_running("%GET_LOCK('gate 2'%", 1);
    open_gates();
    return {first.get(), second.get()};
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("one of two transactions in a deadlock is rolled back as a whole") {
  GIVEN("two transactions that lock two rows in opposite order") {
    WHEN("they meet, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto [first, second] = collide(pool, way);
        THEN("one is done and the other undone") {
          REQUIRE_NE(first.has_value(), second.has_value());
          auto& error = first ? second.error() : first.error();
          CHECK_EQ(to_string(error.code), "deadlock");
          CHECK_EQ(to_string(error.outcome), "rolled_back");
          CHECK_EQ(error.statement_index.value_or(99), 2u);
          CHECK_EQ(total(), 2);
        }
      }
      CHECK_EQ(await_free(pool, 2).lost, 0u);
    }
  }
}

SCENARIO("a retrier replays a transaction until it is done") {
  GIVEN("two transactions that lock two rows in opposite order") {
    WHEN("they meet behind a retrier, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto [first, second] = collide(retrier, way);
        THEN("both are done, each once") {
          CHECK(first.has_value());
          CHECK(second.has_value());
          CHECK_EQ(total(), 4);
        }
      }
    }
  }
}

SCENARIO("a transaction that waits too long for a lock is rolled back as a whole") {
  GIVEN("a row that somebody has locked") {
    reset();
    REQUIRE(other.begin(gates).has_value());
    other.must(gates, write("UPDATE accounts SET amount = 0 WHERE id = 2"));
    auto request = all_or_nothing(write("UPDATE accounts SET amount = amount + 10 WHERE id = 1"),
                                  write("UPDATE accounts SET amount = amount + 10 WHERE id = 2"));
    WHEN("transactions want to change it, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto came = run(pool, way(request));
        THEN("they are rolled back, what they did before included") {
          REQUIRE(!came.has_value());
          CHECK_EQ(to_string(came.error().code), "lock_wait");
          CHECK_EQ(to_string(came.error().outcome), "rolled_back");
          CHECK_EQ(came.error().statement_index.value_or(99), 1u);
          CHECK_EQ(total(), 0);
        }
      }
    }
  }
}

SCENARIO("a retrier repeats a transaction until the lock is free") {
  GIVEN("a row that somebody has locked") {
    reset();
    REQUIRE(other.begin(gates).has_value());
    other.must(gates, write("UPDATE accounts SET amount = 0 WHERE id = 2"));
    WHEN("a transaction has waited in vain for it before it is unlocked") {
      auto served = status(pool).served;
      auto asked = ask(retrier, all_or_nothing(write("UPDATE accounts SET amount = amount + 10 WHERE id = 1"),
                                               write("UPDATE accounts SET amount = amount + 10 WHERE id = 2")));
      await_status(pool, [&](auto& x) { return x.served >= served + 2; });
      REQUIRE(other.commit(gates).has_value());
      auto came = asked.get();
      THEN("it is done in the end, and once") {
        CHECK(came.has_value());
        CHECK_EQ(total(), 20);
      }
    }
  }
}

END_FIXTURE_SCOPE()

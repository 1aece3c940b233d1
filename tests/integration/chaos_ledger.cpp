// What callers are told about their writes is true, whatever happens meanwhile.

#define CAF_SUITE chaos.ledger

#include "integration/chaos_faults.hpp"
#include "support/callers.hpp"

#include <chrono>
#include <map>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

constexpr int how_many_faults = 30;

struct fixture : chaos_fixture {
  fault_proxy network{server.settings().port};
  uint32_t seed = faults::choose_seed();

  fixture() {
    // Without a key: what is written twice is there twice.
    must(admin(), write("CREATE TABLE ledger (id BIGINT UNSIGNED) ENGINE=InnoDB"));
    must(admin(), write("CREATE TABLE settled (id BIGINT UNSIGNED PRIMARY KEY) ENGINE=InnoDB"));
    MESSAGE("CENOTE_TEST_SEED=" << seed);
  }

  pool_actor start() {
    auto target = server.settings();
    target.port = network.port();
    target.connect_timeout = 2s;
    auto rules = rules_for(6, 2);
    // Callers that are refused at once would only spin while the server restarts.
    rules.breaker_after = 0s;
    rules.io_threads = 2;
    return start_full_pool(target, rules);
  }

  /// Disturbs the callers. Each fault meets some that are at work again.
  void disturb(callers& crowd) {
    faults all{*this, network, seed};
    for (int i = 0; i < how_many_faults; ++i) {
      auto goal = crowd.succeeded() + 100;
      if (!eventually([&] { return crowd.succeeded() >= goal; }))
        throw std::runtime_error{"the callers make no progress any more, after " + all.summary()};
      all.cause_one();
    }
    MESSAGE(all.summary());
  }

  std::map<uint64_t, int> rows_of(const std::string& table) {
    std::map<uint64_t, int> result;
    for (auto row : must(admin(), read("SELECT id FROM " + table)))
      ++result[row.get<uint64_t>(0)];
    return result;
  }
};

/// What is wrong with the answers, given what is in the table.
struct audit {
  size_t missing = 0;  ///< Acknowledged, and not there.
  size_t doubled = 0;  ///< There twice.
  size_t unwanted = 0; ///< Said not to have run, and there.
  std::map<std::string, size_t> failures;

  void add(const callers::record& x, int found) {
    doubled += found > 1;
    if (!x.error)
      missing += found == 0;
    else if (x.error->outcome != outcome::unknown)
      unwanted += found != 0;
    if (x.error)
      ++failures[to_string(x.error->code) + " " + to_string(x.error->outcome)];
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("what a pool says about writes is true under random faults") {
  GIVEN("callers that write one row after another, some of them with little time") {
    auto pool = start();
    auto next = [](uint64_t number) {
      auto result = write("INSERT INTO ledger VALUES (?)", number);
      return number % 7 == 0 ? std::move(result).within(20ms) : result;
    };
    callers crowd{system(), pool, 20, next};
    WHEN("the server, its sessions and the network are disturbed") {
      disturb(crowd);
      auto records = crowd.stop();
      THEN("every acknowledged write is there once, and of the failed ones only the unknown ones may be") {
        auto rows = rows_of("ledger");
        audit books;
        for (auto& x : records)
          books.add(x, rows[x.number]);
        MESSAGE(records.size() << " writes");
        for (auto& [cause, number] : books.failures)
          MESSAGE(number << " failed: " << cause);
        CHECK_EQ(books.missing, 0u);
        CHECK_EQ(books.doubled, 0u);
        CHECK_EQ(books.unwanted, 0u);
        await_free(pool, 6);
      }
    }
  }
}

SCENARIO("a retrier doubles nothing under random faults and lets idempotent writes succeed") {
  GIVEN("callers of a retrier, whose every second write may be repeated") {
    auto pool = start();
    auto retrier = spawn_retrier(system(), pool, {.max_retries = 1000, .initial_delay = 10ms, .max_delay = 50ms});
    auto next = [](uint64_t number) {
      if (number % 2 == 0)
        return idempotent_write("INSERT IGNORE INTO settled VALUES (?)", number);
      return write("INSERT INTO ledger VALUES (?)", number);
    };
    callers crowd{system(), retrier, 20, next};
    WHEN("the server, its sessions and the network are disturbed") {
      disturb(crowd);
      auto records = crowd.stop();
      THEN("the books are right, and nobody was told of an error that a repetition would have got over") {
        auto written = rows_of("ledger");
        auto settled = rows_of("settled");
        audit books;
        audit repeated;
        for (auto& x : records)
          (x.number % 2 == 0 ? repeated : books).add(x, (x.number % 2 == 0 ? settled : written)[x.number]);
        MESSAGE(records.size() << " writes");
        for (auto& [cause, number] : books.failures)
          MESSAGE(number << " failed: " << cause);
        CHECK_EQ(books.missing + repeated.missing, 0u);
        CHECK_EQ(books.doubled, 0u);
        CHECK_EQ(books.unwanted + repeated.unwanted, 0u);
        // What somebody has stopped on purpose is not repeated.
        books.failures.erase("interrupted rejected");
        books.failures.erase("connection_lost unknown");
        repeated.failures.erase("interrupted rejected");
        for (auto* x : {&books.failures, &repeated.failures})
          for (auto& [cause, number] : *x)
            CAF_CHECK_EQUAL(cause, "");
        await_free(pool, 6);
      }
    }
  }
}

END_FIXTURE_SCOPE()

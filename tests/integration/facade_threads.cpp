// The blocking facade, used by many threads at once.

#define CAF_SUITE facade.threads

#include "integration/facade_support.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

constexpr int threads = 16;
constexpr int rounds = 25;

struct fixture : facade_fixture {
  fixture() : facade_fixture{4} {
    // nop
  }
};

/// Runs `f(thread, round)` in all threads.
template <class F>
void all_at_once(F f) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i)
    running.emplace_back([f, i] {
      for (int j = 0; j < rounds; ++j)
        f(i, j);
    });
  for (auto& x : running)
    x.join();
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("many threads share few connections") {
  GIVEN("16 threads and 4 connections") {
    std::atomic<int> wrong = 0;
    WHEN("all read through calls of their own") {
      all_at_once([&](int i, int j) {
        auto sent = i * rounds + j;
        try {
          wrong += db.execute(read("SELECT ?", sent))[0].get<int>(0) != sent;
        } catch (const std::exception&) {
          ++wrong;
        }
      });
      THEN("each got its own answer, and no connection too many was opened") {
        CHECK_EQ(wrong, 0);
        await_all_back();
        CHECK_EQ(db.get_pool_status().connects, 4u);
      }
    }
  }
}

SCENARIO("transactions of many threads do not mix") {
  GIVEN("16 threads and 4 connections") {
    std::atomic<int> wrong = 0;
    WHEN("each inserts in transactions, every fifth of which throws") {
      all_at_once([&](int i, int j) {
        auto fails = j % 5 == 0;
        try {
          db.with_transaction([&](database::session& s) {
            s.execute(insert(2 * (i * rounds + j)));
            s.execute(insert(2 * (i * rounds + j) + 1));
            if (fails)
              throw i;
          });
          wrong += fails;
        } catch (int thrown) {
          wrong += !fails || thrown != i;
        } catch (const std::exception&) {
          ++wrong;
        }
      });
      THEN("exactly the others are there, and all connections are back") {
        CHECK_EQ(wrong, 0);
        CHECK_EQ(rows(), 2u * threads * (rounds - rounds / 5));
        await_all_back();
        CHECK_EQ(db.get_pool_status().connects, 4u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

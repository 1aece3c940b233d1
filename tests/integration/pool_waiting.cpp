// Callers that wait too long, and queues that are full.

#define CAF_SUITE pool_server.waiting

#include "support/heap.hpp"
#include "support/pool_fixture.hpp"

#include <chrono>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  /// A pool of one connection, which is in use.
  pool_actor busy_pool(pool_settings rules) {
    rules.size = 1;
    rules.max_overflow = 0;
    auto result = start_full_pool(server.settings(), rules);
    // Cut when the fixture ends.
    running_.push_back(ask(result, read("SELECT SLEEP(60) /* holder */")));
    await_running("%/* holder */", running_.size());
    return result;
  }

private:
  std::vector<awaited<result>> running_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("callers that wait too long are told the pool's numbers") {
  GIVEN("a busy pool of one with a timeout of 300 ms") {
    pool_settings rules;
    rules.name = "narrow";
    rules.timeout = 300ms;
    auto pool = busy_pool(rules);
    WHEN("five callers want it at the same time") {
      stopwatch watch;
      std::vector<awaited<result>> asked;
      for (int i = 0; i < 5; ++i)
        asked.push_back(ask(pool, write("SELECT 1")));
      THEN("each fails after that time, unsent, and is told why") {
        for (auto& x : asked) {
          auto came = x.get();
          REQUIRE(!came.has_value());
          auto& error = came.error();
          MESSAGE(to_string(error));
          CHECK_EQ(to_string(error.code), "acquire_timeout");
          CHECK_EQ(to_string(error.outcome), "unavailable");
          CHECK_EQ(error.number, 0u);
          CHECK(error.waited >= 300ms);
          CHECK(error.waited < 3s);
          CHECK(contains(error.text, "pool narrow"));
          CHECK(contains(error.text, "size 1 overflow 0"));
          CHECK(contains(error.text, "in use 1"));
          CHECK(contains(error.text, "waiting "));
        }
        CHECK(watch.elapsed() >= 300ms);
      }
      AND("the status counts them") {
        auto now = status(pool);
        CHECK_EQ(now.timed_out, 5u);
        CHECK_EQ(now.waiting, 0u);
        CHECK_EQ(now.checked_out, 1u);
      }
    }
  }
}

SCENARIO("one caller more than may wait is refused at once") {
  GIVEN("a busy pool in which three may wait") {
    pool_settings rules;
    rules.max_waiting = 3;
    auto pool = busy_pool(rules);
    std::vector<awaited<result>> asked;
    for (int i = 0; i < 3; ++i)
      asked.push_back(ask(pool, read("SELECT 1")));
    await_status(pool, [](auto& x) { return x.waiting == 3; });
    WHEN("a fourth comes") {
      auto came = run(pool, read("SELECT 1"));
      THEN("it is refused, and the others still wait") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "queue_full");
        CHECK_EQ(to_string(came.error().outcome), "unavailable");
        CHECK(contains(came.error().text, "3 callers are waiting"));
        auto now = status(pool);
        CHECK_EQ(now.waiting, 3u);
        CHECK_EQ(now.refused, 1u);
        for (auto& x : asked)
          CHECK(!x.arrived());
      }
    }
  }
}

SCENARIO("a request that waits takes less than 1 KiB, with what its caller keeps for it") {
  GIVEN("a busy pool") {
    auto pool = busy_pool({});
    WHEN("a hundred thousand requests wait") {
      // An actor of CAF's looks through all its pending requests for each further one: many actors with few each.
      constexpr size_t actors = 330;
      constexpr size_t each = 300;
      constexpr size_t count = actors * each;
      auto before = heap_in_use();
      for (size_t n = 0; n < actors; ++n)
        system().spawn([pool](caf::event_based_actor* self) {
          for (size_t i = 0; i < each; ++i)
            self->request(pool, caf::infinite, execute_atom_v, read("SELECT title FROM manga WHERE id = ?", i))
                .then([](const result&) {}, [](const caf::error&) {});
        });
      await_status(pool, [](auto& x) { return x.waiting == count; });
      THEN("each takes so much of the heap") {
        CHECK_LT((heap_in_use() - before) / count, 1024u);
      }
    }
  }
}

SCENARIO("a caller that has ended does not take a connection from the next one") {
  GIVEN("a pool of one with a short statement running, and a caller that ends while it waits") {
    auto pool = start_full_pool(server.settings(), rules_for(1));
    must(pool, write("CREATE TABLE marks (id INT)"));
    auto holder = ask(pool, read("SELECT SLEEP(0.5) /* holder */"));
    await_running("%/* holder */", 1);
    system().spawn([pool](caf::event_based_actor* self) {
      self->request(pool, caf::infinite, execute_atom_v, write("INSERT INTO marks VALUES (1)"))
          .then([](const result&) {}, [](const caf::error&) {});
      self->quit(caf::exit_reason::user_shutdown);
    });
    await_status(pool, [](auto& x) { return x.waiting == 1; });
    WHEN("another one waits behind it") {
      auto next = run(pool, write("INSERT INTO marks VALUES (2)"));
      THEN("the other is served, and the dead one's statement is not run") {
        CHECK(next.has_value());
        CHECK(holder.get().has_value());
        auto rows = must(pool, read("SELECT id FROM marks"));
        REQUIRE_EQ(rows.size(), 1u);
        CHECK_EQ(rows[0].get<int>(0), 2);
      }
    }
  }
}

END_FIXTURE_SCOPE()

// Many callers on few connections.

#define CAF_SUITE pool_server.load

#include "support/callers.hpp"
#include "support/pool_fixture.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// Sends `count` statements in one go from one actor.
/// @returns their numbers in the order of the answers; failed ones are left out.
std::vector<size_t> order_of_answers(actor_fixture& world, const pool_actor& pool, size_t count) {
  auto order = std::make_shared<std::vector<size_t>>();
  auto left = std::make_shared<size_t>(count);
  auto done = std::make_shared<std::promise<void>>();
  auto finished = done->get_future();
  world.system().spawn([=](caf::event_based_actor* self) {
    auto answered = [left, done] {
      if (--*left == 0)
        done->set_value();
    };
    for (size_t i = 0; i < count; ++i)
      self->request(pool, caf::infinite, execute_atom_v, read("SELECT ?", i))
          .then(
              [order, answered](const result& x) {
                order->push_back(x[0].get<size_t>(0));
                answered();
              },
              [answered](const caf::error&) { answered(); });
  });
  if (finished.wait_for(patience) != std::future_status::ready)
    throw std::runtime_error{"not all requests were answered"};
  return *order;
}

/// How many answers at most were still due when a later one came.
size_t overtaken_at_most(const std::vector<size_t>& order) {
  std::set<size_t> due;
  size_t next = 0;
  size_t result = 0;
  for (auto x : order) {
    for (; next <= x; ++next)
      due.insert(next);
    due.erase(x);
    result = std::max(result, due.size());
  }
  return result;
}

} // namespace

BEGIN_FIXTURE_SCOPE(pool_fixture)

SCENARIO("ten thousand callers on four connections are all served") {
  GIVEN("a pool of four") {
    auto pool = start_full_pool(server.settings(), rules_for(4));
    WHEN("ten thousand actors send a statement each at the same time") {
      callers crowd{system(), pool, 10'000, [](uint64_t number) { return read("SELECT ?", number); }, 1};
      auto records = crowd.finish();
      THEN("each gets its answer, and there never were more connections") {
        CHECK_EQ(records.size(), 10'000u);
        CHECK_EQ(std::ranges::count_if(records, [](auto& x) { return x.error.has_value(); }), 0);
        auto now = status(pool);
        CHECK_EQ(now.served, 10'000u);
        CHECK_EQ(now.waiting, 0u);
        CHECK_EQ(now.timed_out, 0u);
        CHECK_EQ(now.connects, 4u);
      }
    }
  }
}

SCENARIO("callers are served in the order in which they came") {
  GIVEN("a pool of four in which each statement has its connection alone") {
    auto rules = rules_for(4);
    rules.pipeline_depth = 1;
    auto pool = start_full_pool(server.settings(), rules);
    WHEN("one actor sends ten thousand statements in one go") {
      auto order = order_of_answers(*this, pool, 10'000);
      THEN("at no time are more than three still due that came before one that is answered") {
        REQUIRE_EQ(order.size(), 10'000u);
        CHECK(overtaken_at_most(order) <= 3);
      }
    }
  }
}

SCENARIO("a single connection keeps the order exactly") {
  GIVEN("a pool of one in which each statement has the connection alone") {
    auto rules = rules_for(1);
    rules.pipeline_depth = 1; // Else one that comes back from behind a slow one may be overtaken on its way.
    auto pool = start_full_pool(server.settings(), rules);
    WHEN("one actor sends a thousand statements in one go") {
      auto order = order_of_answers(*this, pool, 1'000);
      THEN("the answers come in that order") {
        CHECK_EQ(order.size(), 1'000u);
        CHECK(std::ranges::is_sorted(order));
      }
    }
  }
}

SCENARIO("overflow connections are opened for waiting callers and closed afterwards") {
  GIVEN("a pool of two with an overflow of three") {
    auto pool = start_full_pool(server.settings(), rules_for(2, 3));
    WHEN("ten callers keep their connections busy for a while") {
      std::vector<awaited<result>> asked;
      for (int i = 0; i < 10; ++i)
        asked.push_back(ask(pool, write("SELECT SLEEP(0.5) /* busy */"))); // Each has its connection alone.
      auto peak = await_status(pool, [](auto& x) { return x.checked_out == 5; });
      for (auto& x : asked)
        CHECK(x.get().has_value());
      THEN("three more were opened, never a fourth, and only two are kept") {
        CHECK_EQ(peak.overflow, 3u);
        CHECK_EQ(peak.total_connections, 5u);
        auto now = await_free(pool, 2);
        CHECK_EQ(now.connects, 5u);
        CHECK_EQ(now.overflow, 0u);
        CHECK(eventually([&] { return sessions().size() == 2; }));
      }
    }
  }
}

SCENARIO("callers in a pool over two I/O threads are all served") {
  GIVEN("a pool of four with two I/O threads") {
    auto rules = rules_for(4);
    rules.io_threads = 2;
    auto pool = start_full_pool(server.settings(), rules);
    WHEN("two hundred callers make twenty requests each") {
      callers crowd{system(), pool, 200, [](uint64_t number) { return read("SELECT ?", number); }, 20};
      auto records = crowd.finish();
      THEN("each gets its answer") {
        CHECK_EQ(records.size(), 4'000u);
        CHECK_EQ(crowd.succeeded(), 4'000u);
      }
    }
  }
}

SCENARIO("two pools in one system do not disturb each other") {
  GIVEN("two pools for the same server, one of them fully busy") {
    auto busy = start_full_pool(server.settings(), rules_for(1));
    auto free_one = start_full_pool(server.settings(), rules_for(2));
    auto slow = ask(busy, read("SELECT SLEEP(30) /* slow */"));
    await_running("%/* slow */", 1);
    WHEN("callers use the other one") {
      callers crowd{system(), free_one, 20, [](uint64_t number) { return read("SELECT ?", number); }, 20};
      auto records = crowd.finish();
      THEN("they are served, and the first is still at it") {
        CHECK_EQ(crowd.succeeded(), 400u);
        CHECK_EQ(records.size(), 400u);
        CHECK(!slow.arrived());
        CHECK_EQ(status(busy).served, 1u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

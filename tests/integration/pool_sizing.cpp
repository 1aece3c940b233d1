// Pools that grow and shrink with their load.

#define CAF_SUITE pool_server.sizing

#include "support/callers.hpp"
#include "support/pool_fixture.hpp"

#include <algorithm>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// A statement that takes a while and has its connection alone.
statement busy_for_a_while(uint64_t) {
  return write("SELECT SLEEP(0.02)");
}

bool all_served(const std::vector<callers::record>& records) {
  return std::ranges::none_of(records, [](auto& x) { return x.error.has_value(); });
}

pool_settings elastic_rules() {
  auto result = rules_for(5, 2);
  result.min_size = 1;
  result.idle_timeout = 300ms;
  return result;
}

} // namespace

BEGIN_FIXTURE_SCOPE(pool_fixture)

SCENARIO("a pool follows a load that rises and falls, and opens no connection twice for it") {
  GIVEN("a pool of one to five connections, and two more for peaks") {
    auto pool = start_pool(server.settings(), elastic_rules());
    auto at_first = await_free(pool, 1);
    CHECK_EQ(at_first.connects, 1u);
    WHEN("thirty callers come, go, and come again") {
      std::vector<uint64_t> connects;
      for (auto round = 0; round < 2; ++round) {
        callers crowd{system(), pool, 30, busy_for_a_while};
        await_status(pool, [](auto& x) { return x.checked_out == 7; });
        CHECK(all_served(crowd.stop()));
        connects.push_back(await_status(pool, [](auto& x) { return x.total_connections == 1; }).connects);
      }
      THEN("each time it had all its connections, and one in between") {
        CHECK_EQ(connects, std::vector<uint64_t>({7, 13}));
        CHECK(eventually([&] { return sessions().size() == 1; }));
      }
    }
  }
}

SCENARIO("reads that share a connection make the pool grow if they are long") {
  GIVEN("a pool of one to five connections") {
    auto pool = start_pool(server.settings(), elastic_rules());
    await_free(pool, 1);
    WHEN("four callers read for 100 ms each, again and again") {
      callers crowd{system(), pool, 4, [](uint64_t) { return read("SELECT SLEEP(0.1)"); }};
      auto grown = await_status(pool, [](auto& x) { return x.checked_out >= 4 && x.waiting == 0; });
      auto records = crowd.stop();
      THEN("each has a connection of its own in the end") {
        CHECK(all_served(records));
        CHECK_GE(grown.connects, 4u);
      }
    }
  }
}

SCENARIO("a pool that has shrunk to its minimum survives the loss of that") {
  GIVEN("a pool of one to five connections with one open") {
    auto pool = start_pool(server.settings(), elastic_rules());
    await_free(pool, 1);
    WHEN("the server ends that one, and callers come") {
      end_session(sessions().front());
      callers crowd{system(), pool, 10, busy_for_a_while, 5};
      crowd.finish();
      THEN("all are served") {
        CHECK_EQ(crowd.succeeded(), 50u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

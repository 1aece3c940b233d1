// Connections and pools that come and go leave nothing behind.

#define CAF_SUITE pool_server.lifecycle

#include "support/pool_fixture.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

size_t entries_of(const char* folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator{folder}, {}));
}

/// What a process may leak.
struct belongings {
  size_t descriptors = entries_of("/proc/self/fd");
  size_t threads = entries_of("/proc/self/task");
};

struct fixture : pool_fixture {
  /// Waits until the process has no more than it had.
  bool is_back_to(const belongings& before) {
    return eventually([&] {
      belongings now;
      return now.descriptors <= before.descriptors && now.threads <= before.threads;
    });
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a thousand connections that come and go leave nothing behind") {
  GIVEN("a pool of two that has been in use") {
    auto pool = start_full_pool(server.settings(), rules_for(2));
    must(pool, read("SELECT 1"));
    REQUIRE(eventually([&] { return sessions().size() == 2; }));
    belongings before;
    WHEN("its connections are replaced five hundred times") {
      for (uint64_t round = 1; round <= 500; ++round) {
        dispose(pool);
        await_status(pool, [round](auto& x) { return x.generation == round && x.total_connections == 2; });
        must(pool, read("SELECT 1"));
      }
      THEN("a thousand have been opened, and descriptors, threads and sessions are those of before") {
        CHECK_EQ(status(pool).connects, 1002u);
        CHECK_EQ(status(pool).lost, 0u);
        CHECK(is_back_to(before));
        CHECK(eventually([&] { return sessions().size() == 2; }));
      }
    }
  }
}

SCENARIO("a hundred pools that come and go leave nothing behind") {
  GIVEN("a system in which a pool has been started and ended") {
    auto round = [this] {
      auto pool = start_pool(server.settings(), rules_for(1));
      auto came = verify(pool);
      auto report = drain(pool, 10s).get();
      return came.has_value() && report.has_value();
    };
    REQUIRE(round());
    admin();
    REQUIRE(eventually([&] { return sessions().empty(); }));
    belongings before;
    WHEN("a hundred more are started, used and drained") {
      int good = 0;
      for (int i = 0; i < 100; ++i)
        good += round();
      THEN("all have worked, and descriptors, threads and sessions are those of before") {
        CHECK_EQ(good, 100);
        CHECK(is_back_to(before));
        CHECK(eventually([&] { return sessions().empty(); }));
      }
    }
  }
}

SCENARIO("connects that fail leave nothing behind") {
  GIVEN("a pool whose server is down, and which tries again all the time") {
    auto target = server.settings();
    server.stop();
    auto rules = rules_for(4);
    rules.reconnect_delay = 1ms;
    rules.max_reconnect_delay = 1ms;
    belongings before;
    auto pool = start_pool(target, rules);
    WHEN("a hundred statements that need a connection have been verified in vain") {
      int failed = 0;
      for (int i = 0; i < 100; ++i)
        failed += !verify(pool).has_value();
      drain(pool, 0s).get();
      THEN("descriptors and threads are those of before") {
        CHECK_EQ(failed, 100);
        CHECK(is_back_to(before));
      }
    }
  }
}

SCENARIO("dispose replaces connections in use only when they come back") {
  GIVEN("a pool of two, one of them in use") {
    auto pool = start_full_pool(server.settings(), rules_for(2));
    auto old_sessions = sessions();
    auto slow = ask(pool, read("SELECT SLEEP(1), CONNECTION_ID() /* slow */"));
    await_running("%/* slow */", 1);
    WHEN("it is told to replace all") {
      dispose(pool);
      await_status(pool, [](auto& x) { return x.generation == 1 && x.checked_in == 1 && x.checked_out == 1; });
      auto idle_replaced = !slow.arrived();
      auto came = slow.get();
      THEN("the idle one goes at once, and the other after its statement has ended well") {
        CHECK(idle_replaced);
        CHECK(came.has_value());
        await_free(pool, 2);
        REQUIRE(eventually([&] { return sessions().size() == 2; }));
        for (auto id : sessions())
          CHECK(!std::ranges::binary_search(old_sessions, id));
      }
    }
  }
}

END_FIXTURE_SCOPE()

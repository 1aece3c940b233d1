// Connects that hang delay no statement.

#define CAF_SUITE pool_server.hanging_connects

#include "support/pool_fixture.hpp"
#include "support/silent_listener.hpp"

#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

BEGIN_FIXTURE_SCOPE(pool_fixture)

SCENARIO("statements go on while another pool's connects hang") {
  GIVEN("a healthy pool, and one whose first connect hangs") {
    silent_listener nobody;
    server_settings dead_end;
    dead_end.port = nobody.port();
    dead_end.user = "nobody";
    dead_end.connect_timeout = 3s;
    auto healthy = start_full_pool(server.settings(), rules_for(2));
    auto hanging = start_pool(dead_end, rules_for(8));
    await_status(hanging, [](auto& x) { return x.connecting == 1; });
    WHEN("two hundred statements run one after the other") {
      for (int i = 0; i < 200; ++i)
        must(healthy, read("SELECT 1"));
      THEN("all of them are answered before the connect is given up, and no other is tried") {
        auto now = status(hanging);
        CHECK_EQ(now.connecting, 1u);
        CHECK_EQ(now.last_error, "");
      }
    }
  }
}

SCENARIO("statements go on while further connections of the same pool hang") {
  GIVEN("a pool with two open connections whose further ones hang in the set-up query") {
    must(admin(), write("CREATE TABLE gate (seconds INT)"));
    must(admin(), write("INSERT INTO gate VALUES (0)"));
    auto target = server.settings();
    target.init_command = "DO (SELECT SLEEP(seconds) FROM gate)";
    auto pool = start_full_pool(target, rules_for(2, 2));
    must(admin(), write("UPDATE gate SET seconds = 4"));
    WHEN("callers that wait make the pool open more, and a connection comes free meanwhile") {
      // Each has its connection alone, so that the others have to wait.
      auto first = ask(pool, write("SELECT SLEEP(1) /* holder */"));
      auto second = ask(pool, write("SELECT SLEEP(1) /* holder */"));
      await_running("%/* holder */", 2);
      auto third = ask(pool, read("SELECT 1"));
      auto fourth = ask(pool, read("SELECT 2"));
      CHECK(third.get().has_value());
      CHECK(fourth.get().has_value());
      for (int i = 0; i < 200; ++i)
        must(pool, read("SELECT 1"));
      THEN("the callers have been served while the new connections still hung") {
        auto now = status(pool);
        CHECK_EQ(now.connects, 2u);
        CHECK_EQ(now.connecting, 2u);
      }
    }
  }
}

SCENARIO("a pool that hangs in connecting can be drained at once") {
  GIVEN("a pool whose connects hang, and callers that wait for it") {
    silent_listener nobody;
    server_settings dead_end;
    dead_end.port = nobody.port();
    dead_end.user = "nobody";
    dead_end.connect_timeout = 2s;
    auto hanging = start_pool(dead_end, rules_for(2));
    auto first = ask(hanging, read("SELECT 1"));
    auto second = ask(hanging, write("SELECT 2"));
    await_status(hanging, [](auto& x) { return x.connecting == 1 && x.waiting == 2; });
    WHEN("it is drained without patience") {
      auto report = drain(hanging, 0s).get();
      THEN("everybody gets an answer though no connect has ended") {
        REQUIRE(report.has_value());
        CHECK_EQ(report->finished, 0u);
        CHECK_EQ(report->cut, 2u);
        for (auto* x : {&first, &second}) {
          auto came = x->get();
          REQUIRE(!came.has_value());
          CHECK_EQ(to_string(came.error().code), "shutting_down");
          CHECK_EQ(to_string(came.error().outcome), "unavailable");
        }
      }
    }
  }
}

END_FIXTURE_SCOPE()

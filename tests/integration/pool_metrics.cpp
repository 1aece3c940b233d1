// What is measured while a pool works with a server.

#define CAF_SUITE pool_server.metrics

#include "support/exposition_text.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

constexpr auto durations = "db_client_operation_duration_seconds_count";

pool_settings measured_rules() {
  auto rules = rules_for(2);
  rules.name = "measured";
  return rules;
}

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), measured_rules());

  /// The sum of the pool's series.
  double sum(const std::string& name, const std::string& label = {}) {
    double result = 0;
    for (auto& [series, value] : metrics_of(system()).values)
      if (series.starts_with(name + "{") && series.find("pool_name=\"measured\"") != std::string::npos
          && series.find(label) != std::string::npos)
        result += value;
    return result;
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("each statement is counted exactly once, before its caller has the answer") {
  GIVEN("a full pool of two connections") {
    WHEN("it runs 50 reads, 20 writes, a transaction, and a statement that the server refuses") {
      for (int i = 0; i < 50; ++i)
        must(pool, read("SELECT 'abcd'"));
      for (int i = 0; i < 20; ++i)
        must(pool, write("DO 1"));
      REQUIRE(run(pool, all_or_nothing(write("DO 1"), write("DO 2"))).has_value());
      REQUIRE(!run(pool, read("SELECT nonsense")).has_value());
      THEN("the numbers are these") {
        CHECK_EQ(sum(durations, "db_operation_name=\"read\",db_system_name=\"mariadb\"}"), 50);
        CHECK_EQ(sum(durations, "error_type=\"rejected\""), 1);
        CHECK_EQ(sum(durations, "\"write\""), 20);
        CHECK_EQ(sum(durations, "\"transaction\""), 1);
        CHECK_EQ(sum(durations), 72);
        CHECK_EQ(sum("cenote_result_bytes_total"), 50 * 4);
        CHECK_EQ(sum("db_client_connection_wait_time_seconds_count"), 72);
        CHECK_EQ(sum("cenote_connections_opened_total"), 2);
        CHECK_EQ(sum("db_client_connection_create_time_seconds_count"), 2);
        CHECK(sum("db_client_connection_create_time_seconds_sum") > 0);
      }
      AND("nothing is in flight any more") {
        await_free(pool, 2);
        CHECK(eventually([&] { return sum("cenote_requests_in_flight") == 0; }));
        CHECK_EQ(sum("db_client_connection_count", "idle"), 2);
      }
    }
  }
}

SCENARIO("a statement that takes too long and a connection that is killed are counted") {
  GIVEN("a full pool") {
    WHEN("a statement runs into its time limit, and the connection of another is killed") {
      REQUIRE(!run(pool, write("SELECT SLEEP(10)").within(200ms)).has_value());
      await_free(pool, 2);
      auto victim = ask(pool, write("SELECT SLEEP(30) /* victim */"));
      await_running("%/* victim */", 1);
      auto busy = sum("db_client_connection_count", "used");
      auto id = must(admin(), read("SELECT ID FROM information_schema.PROCESSLIST"
                                   " WHERE ID <> CONNECTION_ID() AND INFO LIKE '%/* victim */'"));
      end_session(id[0].get<uint64_t>(0));
      REQUIRE(!victim.get().has_value());
      await_free(pool, 2);
      THEN("both have an unknown outcome, and one connection is lost and closed") {
        CHECK_EQ(busy, 1);
        CHECK_EQ(sum(durations, "error_type=\"unknown\""), 2);
        CHECK_EQ(sum("cenote_connections_lost_total"), 1);
        CHECK_EQ(sum("cenote_connections_closed_total", "reason=\"lost\""), 1);
        CHECK(sum("cenote_pool_generation") > 0);
      }
    }
  }
}

SCENARIO("requests that get no connection in time are counted as timeouts") {
  GIVEN("a full pool whose two connections are in use") {
    auto first = ask(pool, write("SELECT SLEEP(3)"));
    auto second = ask(pool, write("SELECT SLEEP(3)"));
    await_running("SELECT SLEEP(3)", 2);
    WHEN("another request may wait for 200 ms") {
      auto came = run(pool, write("DO 1").within(200ms));
      THEN("it is refused and counted") {
        REQUIRE(!came.has_value());
        CHECK_EQ(sum("db_client_connection_timeouts_total"), 1);
        CHECK_EQ(sum("cenote_requests_refused_total", "acquire_timeout"), 1);
        CHECK_EQ(sum(durations, "error_type=\"unavailable\""), 1);
      }
    }
  }
}

SCENARIO("sessions are counted while they are held, and their commands as operations") {
  GIVEN("a session") {
    session_user user{system(), pool};
    auto id = user.checkout();
    WHEN("it runs three statements and is checked in") {
      for (int i = 0; i < 3; ++i)
        user.must(id, read("SELECT 1"));
      auto held = sum("cenote_sessions_held");
      auto since = sum("cenote_session_oldest_checkout_timestamp_seconds");
      REQUIRE(user.checkin(id).has_value());
      await_free(pool, 2);
      THEN("it was there, since a moment ago, and is not any more") {
        CHECK_EQ(held, 1);
        auto now = std::chrono::duration<double>{std::chrono::system_clock::now().time_since_epoch()}.count();
        CHECK(since <= now);
        CHECK(since > now - 120);
        CHECK_EQ(sum("cenote_sessions_held"), 0);
        CHECK_EQ(sum("cenote_session_oldest_checkout_timestamp_seconds"), 0);
        CHECK_EQ(sum(durations, "\"session_command\""), 3);
        CHECK_EQ(sum(durations), 3);
      }
    }
  }
}

SCENARIO("statements that are taken back from behind a slow one are counted, and are one operation each") {
  GIVEN("a pool of one connection") {
    auto rules = rules_for(1);
    rules.name = "crowded";
    auto crowded = start_full_pool(server.settings(), rules);
    auto total = [this](const std::string& name) { return metrics_of(system()).sum(name, "\"crowded\""); };
    WHEN("reads are sent behind slow ones until some of them are taken back") {
      auto asked = 0;
      auto taken_back = eventually([&] {
        std::vector<awaited<result>> all;
        all.push_back(ask(crowded, read("SELECT SLEEP(0.2)")));
        for (int i = 0; i < 20; ++i)
          all.push_back(ask(crowded, read("SELECT 1")));
        for (auto& x : all)
          CHECK(x.get().has_value());
        asked += 21;
        return total("cenote_statements_requeued_total") > 0;
      });
      THEN("they are counted, and each was answered once") {
        CHECK(taken_back);
        CHECK_EQ(total(durations), asked);
      }
    }
  }
}

SCENARIO("the CPU time of the I/O thread is measured, not the time that it waits for the server") {
  GIVEN("a pool that has done nothing yet but connect") {
    auto cpu_time = [this] { return sum("cenote_io_thread_cpu_seconds_total", "thread=\"0\""); };
    auto before = cpu_time();
    WHEN("it runs statements until its thread has worked for 50 ms, and waits for a second then") {
      auto worked = eventually([&] {
        for (int i = 0; i < 100; ++i)
          must(pool, read("SELECT 'abcd'"));
        return cpu_time() > before + 0.05;
      });
      auto at_work = cpu_time();
      must(pool, write("SELECT SLEEP(1)"));
      must(pool, write("DO 1"));
      THEN("the work counts, and the waiting does not") {
        CHECK(before > 0);
        CHECK(worked);
        CHECK(cpu_time() < at_work + 0.5);
      }
    }
  }
}

END_FIXTURE_SCOPE()

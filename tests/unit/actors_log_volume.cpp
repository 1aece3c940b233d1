// How much the log gets when very many requests meet the same.

#define CAF_SUITE actors.log_volume

#include "support/kept_log.hpp"
#include "support/pool_under_test.hpp"

#include "support/retried_pool.hpp" // After the one before: it defines what that one uses as a name.

#include <algorithm>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

SCENARIO("retries of many requests are one line, and their number with the next one") {
  GIVEN("a hundred reads that are repeated") {
    kept_log lines;
    retried_pool x;
    auto fail = [&](errc code) {
      for (auto n = x.pool.open(); n > 0; --n)
        x.pool.answer(make_failure(code, outcome::unavailable, "no server"));
    };
    for (auto i = 0; i < 100; ++i)
      x.execute(read("a"));
    WHEN("all fail in the same way, and again after the delay, and once more later") {
      fail(errc::circuit_open);
      auto first = lines.take("retry ");
      x.pass(1s);
      fail(errc::circuit_open);
      auto second = lines.take("retry ");
      x.pass(2s);
      fail(errc::server_full);
      auto other = lines.take("retry ");
      x.pass(8s);
      fail(errc::circuit_open);
      auto last = lines.take("retry ");
      THEN("there is a line for each kind, and another one after ten seconds") {
        REQUIRE_EQ(first.size(), 1u);
        CHECK_EQ(first[0], "warning retry 1 of 5 in 1000 ms: no server (unavailable)");
        CHECK_EQ(second.size(), 0u);
        CHECK_EQ(other.size(), 1u);
        REQUIRE_EQ(last.size(), 1u);
        CHECK(last[0].ends_with("(and 199 more since the last such line)"));
      }
    }
  }
}

SCENARIO("statements that are stopped are one line in ten seconds") {
  GIVEN("a pool whose connection stops one statement after the other") {
    kept_log lines;
    auto rules = still_rules(1);
    rules.pipeline_depth = 16;
    pool_under_test x{rules, 1};
    auto stop = [&](uint32_t count) {
      x.tell(x.pool, released_atom_v, connection_id{1}, released{disposition::reusable, {}, 0, 0, count});
    };
    WHEN("it does so thirty times in thirty seconds") {
      for (auto i = 0; i < 30; ++i, x.pass(1s))
        stop(2);
      auto told = lines.take("were stopped on the server");
      THEN("there are three lines") {
        REQUIRE_EQ(told.size(), 3u);
        CHECK(told[0].starts_with("info pool main: 2 statements were stopped"));
        CHECK(told[1].starts_with("info pool main: 20 statements were stopped"));
        CHECK(told[2].starts_with("info pool main: 20 statements were stopped"));
      }
    }
  }
}

SCENARIO("a connection that is gone is one line, whatever was on it") {
  GIVEN("a connection that hands a statement back and reports its loss as well") {
    kept_log lines;
    pool_under_test x{still_rules(1), 1};
    x.execute(read("a"));
    WHEN("it is dead") {
      x.connections.hand_back(1);
      x.connections.report(1, disposition::lost, "gone");
      auto told = lines.take("connection 1 is gone");
      THEN("that is told once") {
        CHECK_EQ(told.size(), 1u);
      }
    }
  }
}

SCENARIO("failed connects are a line for each kind, however many texts there are") {
  GIVEN("a pool that cannot connect") {
    kept_log lines;
    auto rules = still_rules(1);
    rules.breaker_after = 0s;
    pool_under_test x{rules};
    uint64_t id = 0;
    auto fail = [&](errc code, const std::string& text) {
      x.connections.refuse(++id, code, text);
      x.pass(10s);
    };
    WHEN("each connect fails after another time, then in another way, then in ever new ways") {
      for (auto i = 0; i < 50; ++i)
        fail(errc::connect_failed, "no answer after " + std::to_string(i) + " ms");
      auto same = lines.take("cannot connect");
      fail(errc::server_full, "too many");
      auto other = lines.take("cannot connect");
      THEN("there is a line for each kind") {
        CHECK_EQ(same.size(), 1u);
        CHECK_EQ(other.size(), 1u);
      }
      AND("after a success they are told again") {
        x.connections.succeed(++id);
        CHECK_EQ(lines.take("connected to scripted").size(), 1u);
        x.connections.report(id, disposition::lost, "gone");
        x.pass(10s);
        fail(errc::connect_failed, "no answer after 99 ms");
        CHECK_EQ(lines.take("cannot connect").size(), 1u);
      }
    }
  }
}

// A pool that is used from another node.

#define CAF_SUITE pool_server.remote

#include "support/callers.hpp"
#include "support/pool_fixture.hpp"

#include <chrono>

#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(2));

  /// Another node: an actor system of its own that knows no database.
  actor_fixture node;

  /// The pool as the other node sees it.
  pool_actor proxy;

  fixture() {
    auto port = system().middleman().publish(pool, 0, "127.0.0.1");
    if (!port)
      throw std::runtime_error{"cannot publish: " + to_string(port.error())};
    auto handle = node.system().middleman().remote_actor<pool_actor>("127.0.0.1", *port);
    if (!handle)
      throw std::runtime_error{"cannot connect: " + to_string(handle.error())};
    proxy = *handle;
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("statements and their results pass to another node unchanged") {
  GIVEN("a table with values of several types") {
    node.must(proxy, write("CREATE TABLE kinds (a INT PRIMARY KEY, b BIGINT UNSIGNED, c DOUBLE, d TEXT, e BLOB,"
                           " f DECIMAL(30, 10), g DATETIME(6), h TIME(6))"));
    WHEN("they are written and read from the other node") {
      auto written = node.must(
          proxy, write("INSERT INTO kinds VALUES (?, ?, ?, ?, ?, ?, ?, ?), (2, ?, ?, ?, ?, ?, ?, ?)", 1, UINT64_MAX,
                       0.1, "it's \u732b", bytes{std::string{"\0\xff", 2}}, decimal{"-1.0000000001"},
                       datetime{2024, 1, 31, 1, 2, 3, 4}, cenote::time{true, 838, 59, 58, 999999}, nullptr, nullptr,
                       nullptr, nullptr, nullptr, nullptr, nullptr));
      auto there = node.must(proxy, read("SELECT * FROM kinds ORDER BY a"));
      auto here = must(pool, read("SELECT * FROM kinds ORDER BY a"));
      THEN("both nodes see the same") {
        CHECK_EQ(written.affected_rows(), 2u);
        REQUIRE_EQ(there.size(), 2u);
        CHECK(there == here);
        CHECK_EQ(there[0].get<uint64_t>("b"), UINT64_MAX);
        CHECK(there[0].get<cenote::bytes>("e").data == std::string("\0\xff", 2));
        CHECK(there[1].is_null("h"));
      }
    }
  }
}

SCENARIO("a failure says on another node what it says at home") {
  GIVEN("statements that fail") {
    std::vector<statement> all{read("SELECT * FROM absent"), write("SELEC"), write("SELECT ?"),
                               read("SELECT SLEEP(10)").within(100ms)};
    WHEN("they are run on both nodes") {
      for (auto& x : all) {
        await_free(pool, 2);
        auto here = run(pool, x);
        await_free(pool, 2);
        auto there = node.run(proxy, x);
        REQUIRE(!here.has_value());
        REQUIRE(!there.has_value());
        MESSAGE(to_string(here.error()));
        THEN("code, outcome, number, sqlstate and text are the same") {
          CHECK_NE(to_string(there.error().code), "internal");
          CHECK(there.error() == here.error());
        }
      }
    }
  }
}

SCENARIO("the other messages of a pool work from another node") {
  GIVEN("a pool and its remote handle") {
    WHEN("it is verified and asked for its status") {
      auto verified = node.verify(proxy);
      auto there = node.status(proxy);
      THEN("the answers are those of the pool") {
        REQUIRE(verified.has_value());
        CHECK(!verified->server_version.empty());
        CHECK(there == status(pool));
      }
    }
  }
}

SCENARIO("many callers on another node are served") {
  GIVEN("two hundred callers there") {
    WHEN("each makes ten requests") {
      callers crowd{node.system(), proxy, 200, [](uint64_t number) { return read("SELECT ?", number); }, 10};
      auto records = crowd.finish();
      THEN("all are answered") {
        CHECK_EQ(records.size(), 2'000u);
        CHECK_EQ(crowd.succeeded(), 2'000u);
      }
    }
  }
}

SCENARIO("a remote drain shuts the pool down") {
  GIVEN("a statement that runs") {
    auto slow = node.ask(proxy, read("SELECT SLEEP(0.3) /* slow */"));
    await_running("%/* slow */", 1);
    WHEN("the other node drains the pool") {
      auto report = node.drain(proxy, 30s).get();
      THEN("the statement is finished and the pool is closed") {
        REQUIRE(report.has_value());
        CHECK_EQ(report->cut, 0u);
        CHECK(slow.get().has_value());
        CHECK(eventually([&] { return sessions().empty(); }));
      }
    }
  }
}

END_FIXTURE_SCOPE()

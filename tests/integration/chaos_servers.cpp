// Several servers, of which one takes writes.

#define CAF_SUITE chaos.servers

#include "integration/chaos_support.hpp"
#include "support/callers.hpp"

#include <chrono>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// The first server is the fixture's. Both have the same users; replication is not needed to see who is asked.
struct fixture : chaos_fixture {
  private_server second;
  pool_actor second_admin;
  server_settings both;

  fixture() {
    auto there = second.settings();
    second_admin = start_full_pool(there, rules_for(1));
    for (auto& on : {admin(), second_admin}) {
      must(on, write("CREATE USER ada@'%' IDENTIFIED BY 'a password'"));
      must(on, write("GRANT SELECT, INSERT ON cenote.* TO ada@'%'"));
      must(on, write("CREATE TABLE t (id INT) ENGINE=InnoDB"));
    }
    both = server.settings();
    both.other_hosts = {{there.host, there.port}};
    both.user = "ada";
    both.password = secret{"a password"};
  }

  /// The port of the server that serves a statement.
  uint16_t serves(const pool_actor& pool) { return must(pool, read("SELECT @@port"))[0].get<uint16_t>(0); }

  uint16_t first_port() { return server.settings().port; }
  uint16_t second_port() { return second.settings().port; }

  bool comes_to_serve(const pool_actor& pool, uint16_t port) {
    return eventually([&] {
      auto came = run(pool, read("SELECT @@port"));
      return came && (*came)[0].get<uint16_t>(0) == port;
    });
  }

  void make_read_only(const pool_actor& which, bool x) { must(which, write("SET GLOBAL read_only = ?", x)); }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("the first server that is a primary is used") {
  GIVEN("two servers that take writes") {
    WHEN("a pool is started") {
      auto pool = start_full_pool(both, rules_for(3));
      THEN("all its connections are to the first") {
        CHECK_EQ(serves(pool), first_port());
        CHECK_EQ(sessions().size(), 3u);
      }
    }
  }
}

SCENARIO("the second server is used when the first is killed") {
  GIVEN("a pool on the first server, with callers that write") {
    auto pool = start_full_pool(both, rules_for(3));
    callers crowd{system(), pool, 10, [](uint64_t x) { return write("INSERT INTO t VALUES (?)", x); }};
    REQUIRE(eventually([&] { return crowd.succeeded() > 100; }));
    WHEN("the first is killed") {
      server.kill9();
      auto goal = crowd.succeeded() + 100;
      CHECK(eventually([&] { return crowd.succeeded() > goal; }));
      auto records = crowd.stop();
      THEN("the writes go to the second, and only those under way have failed") {
        CHECK_EQ(serves(pool), second_port());
        size_t failed = 0;
        for (auto& x : records)
          if (x.error) {
            ++failed;
            CHECK_EQ(to_string(x.error->code), "connection_lost");
          }
        CHECK(failed <= 3);
        auto there = must(second_admin, read("SELECT COUNT(*) FROM t"))[0].get<uint64_t>(0);
        CHECK(there >= 100);
        await_free(pool, 3);
        server.start();
      }
    }
  }
}

SCENARIO("a server that is read-only is passed over") {
  GIVEN("a first server that is read-only") {
    make_read_only(admin(), true);
    WHEN("a pool is started") {
      auto pool = start_full_pool(both, rules_for(3));
      THEN("it uses the second") {
        CHECK_EQ(serves(pool), second_port());
        CHECK(eventually([&] { return sessions().empty(); }));
      }
    }
  }
}

SCENARIO("a writer finds the new primary after a failover") {
  GIVEN("a pool on the first server, and the second still read-only") {
    make_read_only(second_admin, true);
    auto pool = start_full_pool(both, rules_for(3));
    must(pool, write("INSERT INTO t VALUES (1)"));
    WHEN("they change places, and somebody writes") {
      make_read_only(admin(), true);
      make_read_only(second_admin, false);
      auto error = fails(pool, write("INSERT INTO t VALUES (2)"));
      THEN("the first write tells of it, and the next ones get to the new primary") {
        CHECK_EQ(to_string(error.code), "read_only_server");
        CHECK_EQ(error.number, 1290u);
        must(pool, write("INSERT INTO t VALUES (3)"));
        CHECK_EQ(serves(pool), second_port());
        CHECK_EQ(must(second_admin, read("SELECT GROUP_CONCAT(id) FROM t"))[0].get<std::string>(0), "3");
        CHECK(eventually([&] { return sessions().empty(); }));
        await_free(pool, 3);
      }
    }
  }
}

SCENARIO("callers are told when no server is there") {
  GIVEN("a pool in use with a breaker that opens soon") {
    auto rules = rules_for(3);
    rules.breaker_after = 300ms;
    auto pool = start_full_pool(both, rules);
    WHEN("both are killed") {
      server.kill9();
      second.kill9();
      await_status(pool, [](auto& x) { return x.breaker != breaker_state::closed; });
      auto error = fails(pool, write("INSERT INTO t VALUES (1)"));
      THEN("they are refused with the cause") {
        CHECK_EQ(to_string(error.code), "circuit_open");
        CHECK_EQ(to_string(error.outcome), "unavailable");
        CHECK(!error.last_connect_error.empty());
      }
      AND("the one that comes back is used") {
        second.start();
        CHECK(comes_to_serve(pool, second_port()));
        await_free(pool, 3);
        server.start();
      }
    }
  }
}

SCENARIO("nobody is served by a read-only server alone") {
  GIVEN("two servers that are both read-only") {
    make_read_only(admin(), true);
    make_read_only(second_admin, true);
    auto rules = rules_for(2);
    rules.timeout = 500ms;
    auto pool = start_pool(both, rules);
    WHEN("somebody writes") {
      auto error = fails(pool, write("INSERT INTO t VALUES (1)"));
      THEN("it is not sent, and the reason is told") {
        CHECK_EQ(to_string(error.outcome), "unavailable");
        CHECK(error.last_connect_error.find("read-only") != std::string::npos);
      }
      AND("it is when one of them is promoted") {
        make_read_only(second_admin, false);
        CHECK(comes_to_serve(pool, second_port()));
      }
    }
  }
}

END_FIXTURE_SCOPE()

// Sessions that are stopped and ended on their own server and on no other, whatever lies between.

#define CAF_SUITE reset.identity

#include "integration/chaos_support.hpp"
#include "support/fault_proxy.hpp"

#include <algorithm>
#include <chrono>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// A second server, and a proxy that leads to the first one until it is told otherwise.
struct fixture : chaos_fixture {
  private_server second;
  pool_actor second_admin = start_full_pool(second.settings(), rules_for(1));
  fault_proxy network{server.settings().port};

  fixture() {
    for (auto& on : {admin(), second_admin}) {
      // As if both had been made from one image, with the same users.
      must(on, write("CREATE USER ada@'%' IDENTIFIED BY 'a password'"));
      must(on, write("GRANT ALL ON *.* TO ada@'%'"));
      must(on, write("CREATE TABLE t (id INT) ENGINE=InnoDB"));
    }
  }

  server_settings ada_at(uint16_t port) {
    auto target = server.settings();
    target.port = port;
    target.user = "ada";
    target.password = secret{"a password"};
    target.connect_timeout = 2s;
    return target;
  }

  pool_actor start(size_t size = 1) { return start_full_pool(ada_at(network.port()), rules_for(size)); }

  uint16_t second_port() { return second.settings().port; }

  /// A pool of one on the first server, and one beside the proxy on the second, whose sessions have the same number.
  std::pair<pool_actor, pool_actor> start_twins() {
    auto one = start();
    auto other = start_full_pool(ada_at(second_port()), rules_for(1));
    for (int i = 0; i < 200; ++i) {
      auto here = session_of(one);
      auto there = session_of(other);
      if (here == there)
        return {one, other};
      auto& behind = here < there ? one : other;
      dispose(behind);
      await_status(behind, [](auto& x) { return x.total_connections == 1 && x.connecting == 0; });
    }
    throw std::runtime_error{"the numbers of the sessions do not meet"};
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a statement is never stopped on another server") {
  GIVEN("a balancer that leads to another server by now, where an unrelated session has the same number") {
    auto [pool, unrelated] = start_twins();
    auto before = session_of(pool);
    network.forward_to({second_port()});
    auto victim = ask(unrelated, read("SELECT SLEEP(1.5), 'untouched'"));
    WHEN("a statement takes too long") {
      auto error = fails(pool, write("SELECT SLEEP(60) /* orphan */").within(200ms));
      auto untouched = victim.get();
      THEN("its caller is told that it may go on, and the other one's goes on") {
        CHECK_EQ(to_string(error.code), "statement_timeout");
        CHECK_EQ(to_string(error.outcome), "unknown");
        REQUIRE(untouched.has_value());
        CHECK_EQ((*untouched)[0].get<int>(0), 0);
        CHECK_EQ((*untouched)[0].get<std::string>(1), "untouched");
      }
      AND("its connection has been cut, and it is ended as soon as its own server can be reached") {
        CHECK_EQ(must(pool, read("SELECT @@port"))[0].get<uint16_t>(0), second_port());
        CHECK_EQ(running("%/* orphan */"), 1u);
        network.forward_to({server.settings().port});
        await_running("%/* orphan */", 0);
        auto left = sessions();
        CHECK(std::ranges::find(left, before) == left.end());
      }
    }
  }
}

SCENARIO("a session is never ended on another server") {
  GIVEN("a balancer that leads to another server by now, where an unrelated session has the same number") {
    auto [pool, unrelated] = start_twins();
    network.forward_to({second_port()});
    auto victim = ask(unrelated, read("SELECT SLEEP(1.5), 'untouched'"));
    auto asked = ask(pool, write("SELECT SLEEP(60) /* orphan */"));
    await_running("%/* orphan */", 1);
    WHEN("the connection is cut") {
      network.cut_all();
      auto came = asked.get();
      auto untouched = victim.get();
      THEN("the unrelated session is still there") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        REQUIRE(untouched.has_value());
        CHECK_EQ((*untouched)[0].get<int>(0), 0);
        CHECK_EQ(status(unrelated).lost, 0u);
      }
    }
  }
}

SCENARIO("behind a balancer the right server is found by trying again") {
  GIVEN("a balancer over two servers, in turn, and a pool of one") {
    network.forward_to({server.settings().port, second_port()});
    auto pool = start();
    auto before = session_of(pool);
    auto port = must(pool, read("SELECT @@port"))[0].get<uint16_t>(0);
    WHEN("statements take too long") {
      for (int i = 0; i < 4; ++i) {
        auto error = fails(pool, write("SELECT SLEEP(60)").within(100ms));
        CHECK_EQ(to_string(error.code), "statement_timeout");
        // The next connect leads to the other one, in whichever order.
        if (i % 2 == 0)
          run(start_pool(ada_at(network.port()), rules_for(1)), read("SELECT 1"));
      }
      THEN("each is stopped, and its connection kept") {
        CHECK_EQ(session_of(pool), before);
        CHECK_EQ(must(pool, read("SELECT @@port"))[0].get<uint16_t>(0), port);
        CHECK_EQ(await_free(pool, 1).lost, 0u);
      }
    }
  }
}

SCENARIO("what was cut off is ended when the network is back") {
  GIVEN("a write that holds its locks, and a network that is gone") {
    auto pool = start(2);
    must(admin(), write("INSERT INTO t VALUES (1)"));
    auto asked = ask(pool, write("UPDATE t SET id = 2 WHERE id = 1 AND SLEEP(60) = 0 /* cut */"));
    await_running("%/* cut */", 1);
    network.refuse(true);
    network.cut_all();
    auto came = asked.get();
    REQUIRE(!came.has_value());
    CHECK_EQ(to_string(came.error().outcome), "unknown");
    await_status(pool, [](auto& x) { return x.total_connections == 0 && !x.last_error.empty(); });
    CHECK_EQ(running("%/* cut */"), 1u);
    WHEN("it is there again") {
      network.refuse(false);
      THEN("the statement is ended on the server, with its locks, and has done nothing") {
        await_running("%/* cut */", 0);
        must(admin(), write("UPDATE t SET id = 3 WHERE id = 1"));
        CHECK_EQ(count("SELECT SUM(id) FROM t"), 3u);
        await_free(pool, 2);
      }
    }
  }
}

SCENARIO("reads and transactions are ended as well when they are cut off") {
  GIVEN("a read on a connection that others may share, and a transaction") {
    auto pool = start(2);
    std::vector<awaited<result>> asked;
    asked.push_back(ask(pool, read("SELECT SLEEP(60) /* shared */")));
    await_running("%/* shared */", 1);
    auto both = ask(pool, all_or_nothing(write("INSERT INTO t VALUES (7)"), write("SELECT SLEEP(60) /* shared */")));
    await_running("%SLEEP(60) /* shared */%", 2);
    WHEN("the network is cut") {
      network.cut_all();
      for (auto& x : asked)
        CHECK(!x.get().has_value());
      CHECK(!both.get().has_value());
      THEN("none of them is left on the server, nor what they had locked") {
        await_running("%SLEEP(60) /* shared */%", 0);
        must(admin(), write("INSERT INTO t VALUES (8)"));
        CHECK_EQ(count("SELECT SUM(id) FROM t"), 8u);
        await_free(pool, 2);
      }
    }
  }
}

SCENARIO("a server that restarts takes what was cut off with it, and no stranger is hit") {
  GIVEN("a statement whose connection ends with its server") {
    auto pool = start();
    auto number = session_of(pool);
    auto asked = ask(pool, write("SELECT SLEEP(60)"));
    await_running("SELECT SLEEP(60)", 1);
    network.refuse(true);
    WHEN("the server is back, and a stranger has that number") {
      server.kill9();
      CHECK(!asked.get().has_value());
      server.start();
      std::vector<pool_actor> strangers;
      auto direct = ada_at(server.settings().port);
      for (uint64_t last = 0; last < number && strangers.size() < 100;) {
        strangers.push_back(start_full_pool(direct, rules_for(1)));
        last = session_of(strangers.back());
      }
      network.refuse(false);
      await_free(pool, 1);
      fails(pool, write("SELECT SLEEP(60)").within(100ms)); // The control session is there, too.
      await_free(pool, 1);
      THEN("none of them was ended") {
        for (auto& x : strangers)
          CHECK_EQ(status(x).lost, 0u);
        CHECK(session_of(strangers.back()) >= number);
      }
    }
  }
}

END_FIXTURE_SCOPE()

// What one client may have, how several share a pool, and what is left of a client that is gone.

#define CAF_SUITE nodes.quotas

#include "support/callers.hpp"
#include "support/fault_proxy.hpp"
#include "support/nodes_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/test/bdd_dsl.hpp>

#include <algorithm>
#include <functional>
#include <memory>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : nodes_fixture {
  fixture() { must(admin(), write("CREATE TABLE things (id INT PRIMARY KEY, n INT)")); }
};

/// A client that has nearly no limits of its own.
remote_settings greedy_rules() {
  auto out = client_rules("greedy");
  out.max_in_flight = 100'000;
  return out;
}

size_t in_flight(const node_status& x) {
  return x.clients.at(0).in_flight;
}

/// Keeps a pool's only connection, so that requests wait in vain: the second one until the first is given up.
void check_waits(nodes_fixture& nodes, const pool_actor& pool, const pool_actor& remote) {
  session_user user{nodes.clients().system(), pool};
  user.checkout();
  auto first = nodes.clients().ask(remote, write("DO 1").within(200ms));
  auto second = nodes.clients().ask(remote, write("DO 2").within(500ms));
  for (auto& [pending, limit] : {std::pair{&first, 200ms}, std::pair{&second, 500ms}}) {
    auto refused = pending->get();
    REQUIRE(!refused);
    MESSAGE(to_string(refused.error()));
    CHECK_EQ(refused.error().code, errc::acquire_timeout);
    CHECK_EQ(refused.error().outcome, outcome::unavailable);
    CHECK(refused.error().waited >= limit);
  }
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a client has no more requests with the pool than it may, and all are answered") {
  GIVEN("a node that permits three") {
    auto pool = start_local_pool(4);
    auto rules = node_rules();
    rules.max_in_flight = 3;
    auto node = publish(pool, rules);
    auto remote = reach(node.port, greedy_rules());
    WHEN("a client sends thirty") {
      std::vector<awaited<result>> pending;
      for (auto i = 0; i < 30; ++i)
        pending.push_back(clients().ask(remote, i % 2 == 0 ? read("SELECT SLEEP(0.05)") : write("DO SLEEP(0.05)")));
      size_t most = 0;
      await_node(node.node, [&](const node_status& x) {
        if (x.clients.empty())
          return false;
        most = std::max(most, in_flight(x));
        return x.clients[0].answered >= 30;
      });
      for (auto& each : pending)
        CHECK(each.get().has_value());
      CHECK_LE(most, 3u);
      CHECK_GT(most, 0u);
      auto end = status_of(node.node).clients.at(0);
      CHECK_EQ(end.in_flight, 0u);
      CHECK_EQ(end.waiting, 0u);
      CHECK_EQ(end.failed, 0u);
    }
  }
}

SCENARIO("a client has no more sessions than it may, and gets the next one when it returns one") {
  GIVEN("a client with the two sessions that the node permits") {
    auto pool = start_local_pool(4);
    auto rules = node_rules();
    rules.max_sessions = 2;
    auto node = publish(pool, rules);
    auto remote = reach(node.port);
    session_user user{clients().system(), remote};
    auto first = user.checkout();
    user.checkout();
    WHEN("it asks for a third one") {
      session_options terms;
      terms.acquire_timeout = 200ms;
      auto refused = user.ask_checkout(terms).get();
      REQUIRE(!refused);
      MESSAGE(to_string(refused.error()));
      CHECK_EQ(refused.error().code, errc::acquire_timeout);
      CHECK_EQ(refused.error().outcome, outcome::unavailable);
      auto waiting = user.ask_checkout();
      CHECK(clients().run(remote, read("SELECT 1")).has_value());
      CHECK(clients().run(remote, write("DO 1")).has_value());
      CHECK(!waiting.arrived());
      CHECK(user.checkin(first).has_value());
      CHECK(waiting.get().has_value());
      CHECK_EQ(status_of(node.node).clients.at(0).sessions, 2u);
      CHECK(clients().run(reach(node.port), read("SELECT 1")).has_value());
    }
  }
}

SCENARIO("a failure tells the whole wait: at the client, at the node's gate and in the pool") {
  GIVEN("a pool with one connection") {
    auto pool = start_local_pool(1);
    WHEN("the node lets one request through at a time") {
      auto rules = node_rules();
      rules.max_in_flight = 1;
      auto node = publish(pool, rules);
      check_waits(*this, pool, reach(node.port, greedy_rules()));
    }
    WHEN("the client sends one request at a time") {
      auto node = publish(pool);
      auto rules = client_rules("modest");
      rules.max_in_flight = 1;
      check_waits(*this, pool, reach(node.port, rules));
    }
  }
}

SCENARIO("more requests than may wait are refused at once, and the others are not") {
  GIVEN("a node that lets one through and five wait") {
    auto pool = start_local_pool(2);
    auto rules = node_rules();
    rules.max_in_flight = 1;
    rules.max_waiting = 5;
    auto node = publish(pool, rules);
    auto remote = reach(node.port, greedy_rules());
    CHECK(clients().verify(remote).has_value());
    WHEN("twenty come") {
      std::vector<awaited<result>> pending;
      for (auto i = 0; i < 20; ++i)
        pending.push_back(clients().ask(remote, write("DO SLEEP(0.1)")));
      size_t served = 0;
      for (auto& each : pending) {
        auto answered = each.get();
        if (answered) {
          ++served;
          continue;
        }
        CHECK_EQ(answered.error().code, errc::queue_full);
        CHECK_EQ(answered.error().outcome, outcome::unavailable);
        CHECK(contains(answered.error().text, "node.max-waiting 5"));
      }
      CHECK_GE(served, 5u);
      CHECK_LT(served, 20u);
      CHECK(clients().run(remote, read("SELECT 1")).has_value());
    }
  }
}

SCENARIO("a client with thousands of statements does not keep another one waiting") {
  GIVEN("a client with a long queue") {
    auto pool = start_local_pool(2);
    auto node = publish(pool);
    auto greedy = reach(node.port, greedy_rules());
    auto modest = reach(node.port);
    CHECK(clients().verify(modest).has_value());
    CHECK(clients().verify(greedy).has_value());
    std::vector<awaited<result>> pending;
    stopwatch whole;
    for (auto i = 0; i < 5000; ++i)
      pending.push_back(clients().ask(greedy, i % 4 == 0 ? write("DO SLEEP(0.002)") : read("SELECT SLEEP(0.002)")));
    await_node(node.node, [](const node_status& x) {
      return std::ranges::any_of(x.clients, [](auto& each) { return each.waiting > 1000; });
    });
    WHEN("another one asks now and then") {
      std::chrono::nanoseconds longest{0};
      auto asked = 0;
      for (; asked < 20 && !pending.back().arrived(); ++asked) {
        stopwatch watch;
        CHECK(clients().run(modest, asked % 2 == 0 ? read("SELECT 1") : write("DO 1")).has_value());
        longest = std::max(longest, watch.elapsed());
      }
      for (auto& each : pending)
        CHECK(each.get().has_value());
      MESSAGE("at most " << longest << " of " << whole.elapsed() << ", asked " << asked << " times");
      CHECK_LT(longest, whole.elapsed() / 4);
      CHECK_GT(asked, 3);
    }
  }
}

SCENARIO("three clients that write get about the same share, however much they ask for") {
  GIVEN("a client with a hundred callers, and two with ten") {
    auto pool = start_local_pool(2);
    auto node = publish(pool);
    auto busy = [](uint64_t) { return write("DO SLEEP(0.003)"); };
    std::vector<std::unique_ptr<callers>> loads;
    for (size_t n : {100, 10, 10})
      loads.push_back(std::make_unique<callers>(clients().system(), reach(node.port, greedy_rules()), n, busy));
    auto counts = [&] {
      std::vector<uint64_t> out;
      for (auto& each : loads)
        out.push_back(each->succeeded());
      return out;
    };
    REQUIRE(eventually([&] { return std::ranges::min(counts()) > 5; }));
    WHEN("they have worked for a while") {
      auto before = counts();
      REQUIRE(eventually([&] {
        auto now = counts();
        return now[0] + now[1] + now[2] >= before[0] + before[1] + before[2] + 600;
      }));
      auto after = counts();
      for (size_t i = 0; i < 3; ++i)
        after[i] -= before[i];
      MESSAGE("shares " << after[0] << ", " << after[1] << ", " << after[2]);
      CHECK_LT(std::ranges::max(after), 2 * std::ranges::min(after));
      for (auto& each : loads)
        for (auto& record : each->stop())
          CHECK(!record.error);
    }
  }
}

SCENARIO("a client that is gone leaves nothing behind, however it went") {
  struct {
    const char* title;
    std::function<void(fixture&, fault_proxy&, const pool_actor&)> end;
  } rows[] = {
      {"its connection is cut", [](fixture&, fault_proxy& network, const pool_actor&) { network.cut_all(); }},
      {"nothing comes through", [](fixture&, fault_proxy& network, const pool_actor&) { network.swallow(true); }},
      {"nothing comes from it",
       [](fixture&, fault_proxy& network, const pool_actor&) { network.swallow_requests(true); }},
      {"nothing reaches it", [](fixture&, fault_proxy& network, const pool_actor&) { network.swallow_replies(true); }},
      {"it is ended",
       [](fixture&, fault_proxy&, const pool_actor& remote) { caf::anon_send_exit(remote, caf::exit_reason::kill); }},
      {"its system ends", [](fixture& world, fault_proxy&, const pool_actor&) { world.end_clients(); }},
  };
  auto pool = start_local_pool(3);
  must(admin(), write("INSERT INTO things VALUES (1, 0)"));
  for (auto& x : rows) {
    MESSAGE(x.title);
    auto node = publish(pool);
    fault_proxy network{node.port};
    auto remote = reach(network.port(), greedy_rules());
    auto user = std::make_unique<session_user>(clients().system(), remote);
    auto session = user->checkout();
    REQUIRE(user->begin(session));
    user->must(session, write("UPDATE things SET n = 7 WHERE id = 1"));
    auto other = user->checkout();
    auto in_session = user->ask(other, read("SELECT SLEEP(61)"));
    auto plain = clients().ask(remote, write("DO SLEEP(61)"));
    await_running("%SLEEP(61)%", 2);
    std::vector<awaited<result>> behind;
    for (auto i = 0; i < 20; ++i)
      behind.push_back(clients().ask(remote, write("DO 1")));
    auto checkout_behind = user->ask_checkout();
    await_node(node.node, [](const node_status& s) { return s.clients.at(0).waiting + in_flight(s) > 10; });
    stopwatch watch;
    if (std::string_view{x.title} == "its system ends")
      user.reset();
    network.refuse(true); // It would come back, and ask for a session again.
    x.end(*this, network, remote);
    await_running("%SLEEP(61)%", 0);
    CHECK_LT(watch.elapsed(), short_give_up + 10s);
    must(admin(), write("SET innodb_lock_wait_timeout = 20"));
    CHECK(run(admin(), write("UPDATE things SET n = n + 1 WHERE id = 1")).has_value());
    auto status = await_free(pool, 3);
    CHECK_EQ(status.waiting, 0u);
    await_clients(node.node, 0);
    CHECK_LT(watch.elapsed(), short_give_up + 15s);
    CHECK(run(pool, write("DO 1")).has_value());
    cut(node.node);
    if (!user)
      continue;
    // And the other side knows it as well.
    auto lost = plain.get();
    REQUIRE(!lost);
    CHECK_EQ(lost.error().outcome, outcome::unknown);
    CHECK(!in_session.get().has_value());
    caf::anon_send_exit(remote, caf::exit_reason::user_shutdown);
    for (auto& each : behind)
      CHECK(!each.get().has_value());
    CHECK(!checkout_behind.get().has_value());
  }
  CHECK_EQ(must(admin(), read("SELECT n FROM things"))[0].get<int>(0), 6);
}

END_FIXTURE_SCOPE()

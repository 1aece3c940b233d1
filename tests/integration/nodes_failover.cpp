// Nodes that are lost, leave, freeze and come back: what their clients are told, and how soon others serve them.

#define CAF_SUITE nodes.failover

#include "cenote/database.hpp"
#include "support/callers.hpp"
#include "support/certificates.hpp"
#include "support/fault_proxy.hpp"
#include "support/nodes_fixture.hpp"
#include "support/raw_peer.hpp"
#include "support/session_user.hpp"
#include "support/silent_listener.hpp"

#include <caf/test/bdd_dsl.hpp>

#include <future>
#include <optional>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// Within this, whatever depends on a lost node is answered, on a slow machine.
constexpr auto soon = short_give_up + 10s;

/// A node, its pool, and the network between it and its clients.
struct place {
  pool_actor pool;
  published_pool node;
  std::unique_ptr<fault_proxy> network;

  std::string address() const { return "127.0.0.1:" + std::to_string(network->port()); }
};

struct fixture : nodes_fixture {
  fixture() { must(admin(), write("CREATE TABLE things (id INT PRIMARY KEY, n INT)")); }

  place make_place(size_t connections = 2) {
    place out;
    out.pool = start_local_pool(connections);
    out.node = publish(out.pool);
    out.network = std::make_unique<fault_proxy>(out.node.port);
    return out;
  }

  /// A client of several places. `current` and `other` are those that it uses, and does not.
  pool_actor reach_places(const remote_settings& rules = client_rules()) {
    auto remote = reach({places[0].network->port(), places[1].network->port()}, rules);
    if (!clients().verify(remote))
      throw std::runtime_error{"no node is reached"};
    auto first = await_either();
    current = &places[first ? 0 : 1];
    other = &places[first ? 1 : 0];
    return remote;
  }

  /// @returns whether the client has chosen the first.
  bool await_either() {
    size_t counts[2];
    auto settled = [&] {
      for (auto i : {0, 1})
        counts[i] = status_of(places[i].node.node).clients.size();
      return counts[0] + counts[1] == 1;
    };
    if (!eventually(settled))
      throw std::runtime_error{"the client keeps two nodes"};
    return counts[0] == 1;
  }

  size_t things() { return must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0); }

  place places[2] = {make_place(), make_place()};
  place* current = nullptr;
  place* other = nullptr;
};

statement insert(uint64_t id) {
  return write("INSERT INTO things VALUES (?, 1)", id);
}

/// A port where nobody listens.
uint16_t free_port() {
  return silent_listener{}.port();
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("reads through a retrier do not notice that a node is lost") {
  GIVEN("callers of a retrier in front of two nodes") {
    auto remote = reach_places();
    auto& x = clients();
    auto retrier = spawn_retrier(x.system(), remote);
    callers load{x.system(), retrier, 4, [](uint64_t n) { return read("SELECT ?", n); }};
    REQUIRE(eventually([&] { return load.succeeded() > 50; }));
    WHEN("the node that they use is cut") {
      cut(current->node.node);
      stopwatch watch;
      auto before = load.succeeded();
      REQUIRE(eventually([&] { return load.succeeded() > before + 8; }));
      MESSAGE("served again after " << watch.elapsed());
      CHECK_LT(watch.elapsed(), 1s + 5s); // A noisy machine.
      REQUIRE(eventually([&] { return load.succeeded() > before + 100; }));
      THEN("none has failed") {
        for (auto& each : load.stop())
          if (each.error)
            CHECK_EQ(to_string(*each.error), "");
        CHECK_EQ(status_of(other->node.node).clients.size(), 1u);
      }
    }
    caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("what a lost node was doing is unknown, and what it had not been sent is done by another one") {
  GIVEN("a statement at a node, and requests behind it that have not been sent") {
    auto rules = client_rules();
    rules.max_in_flight = 1;
    auto remote = reach_places(rules);
    auto& x = clients();
    auto running = x.ask(remote, write("DO SLEEP(60)"));
    await_running("%SLEEP(60)%", 1);
    auto read_behind = x.ask(remote, read("SELECT 1"));
    auto write_behind = x.ask(remote, insert(1));
    session_user user{x.system(), remote};
    auto checkout_behind = user.ask_checkout();
    WHEN("the node is lost") {
      cut(current->node.node);
      stopwatch watch;
      auto lost = running.get();
      REQUIRE(!lost);
      MESSAGE(to_string(lost.error()));
      CHECK_EQ(lost.error().code, errc::pool_gone);
      CHECK_EQ(lost.error().outcome, outcome::unknown);
      CHECK(contains(lost.error().text, current->address()));
      CHECK(read_behind.get().has_value());
      CHECK(write_behind.get().has_value());
      auto session = checkout_behind.get();
      REQUIRE(session);
      CHECK(user.run(*session, read("SELECT 1")).has_value());
      CHECK_LT(watch.elapsed(), soon);
      await_running("%SLEEP(60)%", 0);
      CHECK_EQ(things(), 1u);
    }
  }
}

SCENARIO("a checkout that waits at a lost node is repeated at another one") {
  GIVEN("a node whose connections are all in use, with a checkout of a client") {
    auto remote = reach_places();
    session_user local{system(), current->pool};
    local.checkout();
    local.checkout();
    session_user user{clients().system(), remote};
    auto waiting = user.ask_checkout();
    await_node(current->node.node, [](const node_status& x) { return x.clients.at(0).in_flight == 1; });
    WHEN("the node is lost") {
      cut(current->node.node);
      auto session = waiting.get();
      REQUIRE(session);
      CHECK(user.run(*session, read("SELECT 1")).has_value());
    }
  }
}

SCENARIO("the transaction of a session on a lost node is rolled back, and its holder is told so") {
  GIVEN("a session with an open transaction and a statement that runs, and one without") {
    auto remote = reach_places();
    auto& x = clients();
    session_user user{x.system(), remote};
    auto session = user.checkout();
    auto idle = user.checkout();
    REQUIRE(user.begin(session));
    user.must(session, insert(1));
    auto running = user.ask(session, read("SELECT SLEEP(60)"));
    await_running("%SLEEP(60)%", 1);
    WHEN("the node is lost") {
      cut(current->node.node);
      auto lost = running.get();
      REQUIRE(!lost);
      CHECK_EQ(lost.error().outcome, outcome::rolled_back);
      CHECK(contains(lost.error().text, current->address()));
      auto later = user.run(session, read("SELECT 1"));
      REQUIRE(!later);
      CHECK_EQ(later.error().code, errc::session_ended);
      CHECK_EQ(later.error().outcome, outcome::rolled_back);
      auto commit = user.commit(session);
      REQUIRE(!commit);
      CHECK_EQ(commit.error().outcome, outcome::rolled_back);
      auto unused = user.run(idle, read("SELECT 1"));
      REQUIRE(!unused);
      CHECK_EQ(unused.error().code, errc::session_ended);
      CHECK_EQ(unused.error().outcome, outcome::rejected);
      THEN("the row is free, and a session is to be had elsewhere") {
        CHECK(x.run(remote, insert(1)).has_value());
        auto next = user.checkout();
        CHECK(user.run(next, read("SELECT 1")).has_value());
        // Returning what has ended is no mistake.
        CHECK(user.checkin(session).has_value());
        CHECK(user.checkin(next).has_value());
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

SCENARIO("a COMMIT that was sent to a lost node is unknown") {
  GIVEN("an open transaction, and a network that has stopped") {
    auto remote = reach_places();
    session_user user{clients().system(), remote};
    auto session = user.checkout();
    REQUIRE(user.begin(session));
    user.must(session, insert(1));
    current->network->swallow(true);
    WHEN("COMMIT is sent, and the connection breaks") {
      auto commit = user.ask_commit(session);
      auto behind = user.ask(session, read("SELECT 1"));
      auto lost = commit.get(); // Given up, as nothing comes back.
      REQUIRE(!lost);
      CHECK_EQ(lost.error().code, errc::pool_gone);
      CHECK_EQ(lost.error().outcome, outcome::unknown);
      auto lost_too = behind.get();
      REQUIRE(!lost_too);
      CHECK_EQ(lost_too.error().outcome, outcome::unknown);
      auto later = user.run(session, read("SELECT 1"));
      REQUIRE(!later);
      CHECK_EQ(later.error().code, errc::session_ended);
      CHECK(later.error().outcome != outcome::rolled_back);
    }
  }
}

SCENARIO("a node that leaves ends what it has begun, sessions included, and another one gets the rest") {
  GIVEN("a statement that runs, and a session with an open transaction") {
    auto remote = reach_places();
    auto& x = clients();
    session_user user{x.system(), remote};
    auto session = user.checkout();
    REQUIRE(user.begin(session));
    user.must(session, insert(1));
    auto running = x.ask(remote, read("SELECT SLEEP(0.5)"));
    await_running("%SLEEP(0.5)%", 1);
    WHEN("the node is drained") {
      auto drained = leave(current->node.node, 30s);
      await_clients(other->node.node, 1);
      CHECK(x.run(remote, insert(2)).has_value());
      CHECK(running.get().has_value());
      CHECK(user.run(session, insert(3)).has_value());
      CHECK(!drained.arrived());
      CHECK(user.commit(session).has_value());
      CHECK(user.checkin(session).has_value());
      CHECK(drained.get().has_value());
      THEN("all of it has happened, and a pool serves on without its node") {
        CHECK_EQ(things(), 3u);
        CHECK(run(current->pool, read("SELECT 1")).has_value());
        CHECK(x.run(remote, read("SELECT 1")).has_value());
      }
    }
  }
}

SCENARIO("a node that leaves without any time cuts what it has begun") {
  GIVEN("a statement that runs, and a session with an open transaction") {
    auto remote = reach_places();
    auto& x = clients();
    session_user user{x.system(), remote};
    auto session = user.checkout();
    REQUIRE(user.begin(session));
    user.must(session, insert(1));
    auto running = x.ask(remote, read("SELECT SLEEP(60)"));
    await_running("%SLEEP(60)%", 1);
    WHEN("the node is drained with no time") {
      CHECK(leave(current->node.node, 0s).get().has_value());
      auto late = user.run(session, insert(3));
      REQUIRE(!late);
      CHECK_EQ(late.error().code, errc::session_ended);
      CHECK_EQ(late.error().outcome, outcome::rolled_back);
      auto lost = running.get();
      REQUIRE(!lost);
      CHECK_EQ(lost.error().outcome, outcome::unknown);
      CHECK(x.run(remote, insert(1)).has_value());
      CHECK_EQ(things(), 1u);
      await_running("%SLEEP(60)%", 0);
    }
  }
}

SCENARIO("a node that freezes is given up in time, in whichever direction nothing comes through") {
  using freezing = void (fault_proxy::*)(bool);
  for (auto freeze : {freezing{&fault_proxy::swallow}, freezing{&fault_proxy::swallow_requests},
                      freezing{&fault_proxy::swallow_replies}}) {
    auto remote = reach_places();
    auto& x = clients();
    auto retrier = spawn_retrier(x.system(), remote);
    auto running = x.ask(remote, write("DO SLEEP(60)"));
    await_running("%SLEEP(60)%", 1);
    ((*current->network).*freeze)(true);
    stopwatch watch;
    auto read_again = x.ask(retrier, read("SELECT 1"));
    auto lost = running.get();
    REQUIRE(!lost);
    MESSAGE(to_string(lost.error()) << " after " << watch.elapsed());
    CHECK_EQ(lost.error().code, errc::pool_gone);
    CHECK_EQ(lost.error().outcome, outcome::unknown);
    CHECK_LT(watch.elapsed(), soon);
    CHECK(read_again.get().has_value());
    CHECK(x.run(remote, read("SELECT 1")).has_value());
    // The node gives its client up as well, and stops what that one has asked for.
    await_running("%SLEEP(60)%", 0);
    await_clients(current->node.node, 0);
    ((*current->network).*freeze)(false);
    CHECK(x.run(remote, read("SELECT 1")).has_value());
    caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(remote, caf::exit_reason::user_shutdown);
    await_clients(other->node.node, 0);
  }
}

SCENARIO("addresses that never answer do not delay those that do") {
  GIVEN("nodes that take a connection and are silent, one before and one behind the good one") {
    silent_listener silent;
    silent_listener more;
    auto rules = client_rules();
    rules.give_up = 30s;
    rules.timeout = 60s;
    WHEN("a client has all three") {
      stopwatch watch;
      auto remote = reach({silent.port(), places[0].network->port(), more.port()}, rules);
      CHECK(clients().run(remote, read("SELECT 1")).has_value());
      CHECK_LT(watch.elapsed(), 15s);
    }
  }
  GIVEN("an address to which no packet comes back, before that of a node with TLS") {
    auto& made = certificates::get();
    auto node = publish(places[0].pool, with_tls(node_rules(), made.node("good")));
    auto rules = with_tls(client_rules(), made.client("good"));
    rules.nodes = "192.0.2.1:4243, 127.0.0.1:" + std::to_string(node.port);
    rules.give_up = 30s;
    rules.timeout = 60s;
    WHEN("a client has both") {
      stopwatch watch;
      CHECK(clients().run(reach({}, rules), read("SELECT 1")).has_value());
      CHECK_LT(watch.elapsed(), 15s);
    }
  }
}

SCENARIO("what a node says after it was given up changes nothing") {
  GIVEN("a node whose words take three seconds from now on") {
    auto remote = reach_places();
    auto& x = clients();
    current->network->delay(3s);
    WHEN("it is asked, and given up") {
      auto slow = x.ask(remote, insert(1));
      auto lost = slow.get();
      REQUIRE(!lost);
      CHECK_EQ(lost.error().outcome, outcome::unknown);
      CHECK(x.run(remote, read("SELECT 1")).has_value());
      // It learns of the end as late as of the request.
      await_clients(current->node.node, 0);
      REQUIRE(eventually([&] { return current->network->open_connections() == 0; }));
      THEN("its client asks the other one") {
        for (auto i = 0; i < 10; ++i)
          CHECK_EQ(x.must(remote, read("SELECT ?", i))[0].get<int>(0), i);
        CHECK_LT(things(), 2u);
      }
    }
  }
}

SCENARIO("without any node requests fail in their time, and questions at once") {
  GIVEN("a client of two addresses where nobody listens") {
    auto rules = client_rules();
    rules.timeout = 1s;
    std::initializer_list<uint16_t> ports = {free_port(), free_port()};
    auto remote = reach(ports, rules);
    auto& x = clients();
    WHEN("it is asked") {
      stopwatch watch;
      auto verified = x.verify(remote);
      auto asked = x.request<pool_status>(remote, status_atom_v).get();
      MESSAGE("questions took " << watch.elapsed());
      CHECK_LT(watch.elapsed(), 900ms + 3s);
      stopwatch waiting;
      auto failed = x.run(remote, read("SELECT 1"));
      CHECK_GE(waiting.elapsed(), 1s);
      CHECK_LT(waiting.elapsed(), 10s);
      auto shorter = x.run(remote, read("SELECT 1").within(50ms));
      session_user user{x.system(), remote};
      auto checkout = user.ask_checkout().get();
      for (auto each : {verified ? failure{} : verified.error(), asked ? failure{} : asked.error(),
                        failed ? failure{} : failed.error(), shorter ? failure{} : shorter.error(),
                        checkout ? failure{} : checkout.error()}) {
        MESSAGE(to_string(each));
        CHECK_EQ(each.code, errc::connect_failed);
        CHECK_EQ(each.outcome, outcome::unavailable);
        for (auto port : ports)
          CHECK(contains(each.text, "127.0.0.1:" + std::to_string(port)));
      }
    }
  }
}

SCENARIO("a node that comes back is used again, also by those who wait for it") {
  GIVEN("a client whose only node is lost") {
    auto pool = start_local_pool();
    auto node = publish(pool);
    auto remote = reach(node.port);
    auto& x = clients();
    CHECK(x.verify(remote).has_value());
    WHEN("it comes back") {
      for (auto i = 0; i < 3; ++i) {
        cut(node.node);
        REQUIRE(eventually([&] { return !x.verify(remote).has_value(); }));
        auto waiting = x.ask(remote, read("SELECT 1"));
        auto rules = node_rules();
        rules.listen = "127.0.0.1:" + std::to_string(node.port);
        node = publish(pool, rules);
        CHECK(waiting.get().has_value());
      }
    }
  }
}

SCENARIO("a rolling restart of all nodes fails no request") {
  GIVEN("three nodes, with readers through a retrier and writers without one") {
    std::vector<pool_actor> pools;
    std::vector<published_pool> nodes;
    for (auto i = 0; i < 3; ++i) {
      pools.push_back(start_local_pool());
      nodes.push_back(publish(pools.back()));
    }
    auto remote = reach({nodes[0].port, nodes[1].port, nodes[2].port});
    auto& x = clients();
    auto retrier = spawn_retrier(x.system(), remote);
    callers readers{x.system(), retrier, 4, [](uint64_t n) { return read("SELECT ?", n); }};
    callers writers{x.system(), remote, 4, insert};
    auto go_on = [&] {
      auto reads = readers.succeeded() + 50;
      auto writes = writers.succeeded() + 20;
      return eventually([&] { return readers.succeeded() >= reads && writers.succeeded() >= writes; });
    };
    REQUIRE(go_on());
    WHEN("they are restarted one after the other, twice") {
      for (size_t i = 0; i < 6; ++i) {
        auto& node = nodes[i % 3];
        CHECK(leave(node.node, 20s).get().has_value());
        auto rules = node_rules();
        rules.listen = "127.0.0.1:" + std::to_string(node.port);
        node = publish(pools[i % 3], rules);
        REQUIRE(go_on());
      }
      THEN("none has failed, and every write was done once") {
        for (auto& each : readers.stop())
          if (each.error)
            CHECK_EQ(to_string(*each.error), "");
        size_t written = 0;
        for (auto& each : writers.stop())
          if (each.error)
            CHECK_EQ(to_string(*each.error), "");
          else
            ++written;
        CHECK_EQ(things(), written);
      }
    }
    caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("a holder that ends leaves nothing behind on its node") {
  GIVEN("a holder with a lock on a row, and in the middle of a statement") {
    auto remote = reach_places();
    auto& x = clients();
    must(admin(), insert(1));
    session_user user{x.system(), remote};
    auto session = user.checkout();
    auto other_session = user.checkout();
    REQUIRE(user.begin(session));
    user.must(session, write("UPDATE things SET n = 2 WHERE id = 1"));
    auto running = user.ask(other_session, read("SELECT SLEEP(60)"));
    await_running("%SLEEP(60)%", 1);
    WHEN("it ends") {
      user.end();
      await_running("%SLEEP(60)%", 0);
      CHECK(run(admin(), write("UPDATE things SET n = n + 10 WHERE id = 1")).has_value());
      CHECK_EQ(must(admin(), read("SELECT n FROM things"))[0].get<int>(0), 11);
      await_free(current->pool, 2);
      await_node(current->node.node, [](const node_status& s) { return s.clients.at(0).sessions == 0; });
    }
  }
}

SCENARIO("the statement of a caller that ends is stopped on the server") {
  GIVEN("a caller with a statement that takes a minute") {
    auto remote = reach_places();
    auto caller = clients().system().spawn([remote](caf::event_based_actor* self) -> caf::behavior {
      self->send(remote, execute_atom_v, read("SELECT SLEEP(60)"));
      return {[](const result&) {}};
    });
    await_running("%SLEEP(60)%", 1);
    WHEN("it ends") {
      caf::anon_send_exit(caller, caf::exit_reason::kill);
      await_running("%SLEEP(60)%", 0);
      await_free(current->pool, 2);
      CHECK_EQ(status_of(current->node.node).clients.at(0).in_flight, 0u);
    }
  }
}

SCENARIO("a thread that waits for a lost node goes on") {
  GIVEN("threads that wait for a statement, in a session and without one") {
    auto remote = reach_places();
    database db{clients().system(), remote};
    auto text_of_failure = [](auto f) -> std::string {
      try {
        f();
      } catch (const database_error& error) {
        return to_string(error.details());
      }
      return "";
    };
    auto plain =
        std::async(std::launch::async, [&] { return text_of_failure([&] { db.execute(write("DO SLEEP(60)")); }); });
    auto held = std::async(std::launch::async, [&] {
      return text_of_failure([&] { db.with_session([](auto& s) { s.execute(write("DO SLEEP(60)")); }); });
    });
    await_running("%SLEEP(60)%", 2);
    WHEN("the node freezes") {
      current->network->swallow(true);
      stopwatch watch;
      for (auto* each : {&plain, &held}) {
        auto text = each->get();
        MESSAGE(text);
        CHECK(contains(text, current->address()));
      }
      CHECK_LT(watch.elapsed(), soon);
      CHECK_EQ(db.execute(read("SELECT 5"))[0].get<int>(0), 5);
      current->network->swallow(false);
    }
    db.close();
  }
}

END_FIXTURE_SCOPE()

// What is measured of the clients of a pool node.

#define CAF_SUITE actors.node_metrics

#include "metrics/node_metrics.hpp"
#include "support/exposition_text.hpp"
#include "support/virtual_time.hpp"

#include <optional>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using metrics::turned_away_reason;

namespace {

std::string of_client(const std::string& name, const std::string& client, const std::string& more = {}) {
  return name + "{client=\"" + client + "\"" + more + "}";
}

} // namespace

SCENARIO("the gauges of a client follow what it has, and go back when it goes") {
  GIVEN("a node with two clients, each with requests and sessions") {
    virtual_time x;
    metrics::node_metrics node{x.sys.metrics()};
    std::optional<metrics::client_metrics> worker{node.client_came("worker")};
    auto web = node.client_came("web");
    worker->set(3, 2, 1);
    web.set(7, 0, 0);
    WHEN("one has been answered twice, and is lost") {
      worker->answered(true);
      worker->answered(false);
      auto before = metrics_of(x.sys);
      node.client_lost();
      worker.reset();
      auto after = metrics_of(x.sys);
      THEN("its gauges are zero, its counters stay, and the other is as it was") {
        CHECK_EQ(before[of_client("cenote_node_clients", "worker")], 1);
        CHECK_EQ(before[of_client("cenote_node_requests_in_flight", "worker")], 3);
        CHECK_EQ(before[of_client("cenote_node_requests_waiting", "worker")], 2);
        CHECK_EQ(before[of_client("cenote_node_sessions_held", "worker")], 1);
        CHECK_EQ(after[of_client("cenote_node_clients", "worker")], 0);
        CHECK_EQ(after[of_client("cenote_node_requests_in_flight", "worker")], 0);
        CHECK_EQ(after[of_client("cenote_node_requests_waiting", "worker")], 0);
        CHECK_EQ(after[of_client("cenote_node_sessions_held", "worker")], 0);
        CHECK_EQ(after[of_client("cenote_node_requests_total", "worker", ",result=\"success\"")], 1);
        CHECK_EQ(after[of_client("cenote_node_requests_total", "worker", ",result=\"failure\"")], 1);
        CHECK_EQ(after["cenote_node_clients_lost_total"], 1);
        CHECK_EQ(after[of_client("cenote_node_requests_in_flight", "web")], 7);
      }
    }
  }
}

SCENARIO("clients of the same name are added up") {
  GIVEN("two clients with one name") {
    virtual_time x;
    metrics::node_metrics node{x.sys.metrics()};
    auto first = node.client_came("worker");
    std::optional<metrics::client_metrics> second{node.client_came("worker")};
    first.set(3, 0, 0);
    second->set(4, 0, 0);
    WHEN("one goes") {
      auto before = metrics_of(x.sys);
      second.reset();
      auto after = metrics_of(x.sys);
      THEN("what the other has is left") {
        CHECK_EQ(before[of_client("cenote_node_clients", "worker")], 2);
        CHECK_EQ(before[of_client("cenote_node_requests_in_flight", "worker")], 7);
        CHECK_EQ(after[of_client("cenote_node_clients", "worker")], 1);
        CHECK_EQ(after[of_client("cenote_node_requests_in_flight", "worker")], 3);
      }
    }
  }
}

SCENARIO("a client without a name of its own is counted by its host, however often it is started") {
  GIVEN("a node") {
    virtual_time x;
    metrics::node_metrics node{x.sys.metrics()};
    WHEN("two processes of a host come, and some whose names only look like that") {
      std::vector<metrics::client_metrics> clients;
      for (auto name : {"host/4711", "host/4712", "a/b", "a/", "/7", "7"})
        clients.push_back(node.client_came(name));
      auto now = metrics_of(x.sys);
      THEN("only the process ids are left out") {
        CHECK_EQ(now[of_client("cenote_node_clients", "host")], 2);
        for (auto name : {"a/b", "a/", "/7", "7"})
          CHECK_EQ(now[of_client("cenote_node_clients", name)], 1);
      }
    }
  }
}

SCENARIO("the number of series is bounded, whatever clients call themselves") {
  GIVEN("a node") {
    virtual_time x;
    metrics::node_metrics node{x.sys.metrics()};
    WHEN("300 clients of different names come, and the first comes again") {
      std::vector<metrics::client_metrics> clients;
      for (auto i = 0; i < 300; ++i)
        clients.push_back(node.client_came("client" + std::to_string(i)));
      clients.push_back(node.client_came("client0"));
      auto now = metrics_of(x.sys);
      THEN("100 have series of their own, and the further ones share one") {
        CHECK_EQ(now.sum("cenote_node_clients"), 301);
        CHECK_EQ(now[of_client("cenote_node_clients", "client0")], 2);
        CHECK_EQ(now[of_client("cenote_node_clients", "client99")], 1);
        CHECK_EQ(now[of_client("cenote_node_clients", "client100")], 0);
        CHECK_EQ(now[of_client("cenote_node_clients", "other")], 200);
      }
    }
  }
}

SCENARIO("connections that never become clients are counted by reason, from the start") {
  GIVEN("a node") {
    virtual_time x;
    metrics::node_metrics node{x.sys.metrics()};
    WHEN("one has the wrong token") {
      auto before = metrics_of(x.sys);
      node.turned_away(turned_away_reason::token);
      auto after = metrics_of(x.sys);
      THEN("all reasons are there, and that one has gone up") {
        for (auto reason : {"protocol", "tls", "version", "token", "full"}) {
          auto series = std::string{"cenote_node_turned_away_total{reason=\""} + reason + "\"}";
          CHECK_EQ(before.values.count(series), 1u);
          CHECK_EQ(after[series], series.find("token\"") != std::string::npos ? 1 : 0);
        }
        CHECK_EQ(after["cenote_node_clients_lost_total"], 0);
      }
    }
  }
}

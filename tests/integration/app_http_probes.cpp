// Probes while the pool is as busy as it can be.

#define CAF_SUITE app.http_probes

#include "app/http_service.hpp"
#include "app/pool_host.hpp"
#include "cenote/statement.hpp"
#include "integration/app_http_client.hpp"
#include "support/server.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <caf/scoped_actor.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::app;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

constexpr auto interval = 5s;

/// A pool of two connections that answers HTTP as `cenote serve` does.
struct service {
  explicit service(const private_server& server) : config{rules(server)}, host{config, {}} {
    auto current = std::make_shared<const settings>(config);
    service_control control;
    control.current = [current] { return current; };
    auto watch = std::make_shared<pool_watch>(host.system(), host.pool(), config.http.probe_interval);
    http = std::make_unique<http_service>(host, config, std::move(watch), "", true, std::move(control));
  }

  static settings rules(const private_server& server) {
    settings out;
    out.server = server.settings();
    out.pool.size = 2;
    out.pool.max_overflow = 0;
    out.pool.keepalive = 0s;
    out.http.listen = "127.0.0.1:0";
    out.http.probe_interval = interval;
    return out;
  }

  uint16_t port() const { return http->port(); }

  pool_status status() { return host.ask<pool_status>(status_atom_v).value(); }

  settings config;
  pool_host host;
  std::unique_ptr<http_service> http;
};

/// What many probes were answered.
struct tally {
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
};

/// Asks a thousand times a second, or as often as this machine can, in two threads.
void probe_for(std::chrono::seconds time, uint16_t port, tally& out) {
  auto end = clock_type::now() + time;
  auto ask_for = [&](const char* path) {
    for (auto next = clock_type::now(); next < end; next += 2ms) {
      std::this_thread::sleep_until(next);
      (ask(port, path).status == 200 ? out.good : out.bad)++;
    }
  };
  std::thread other{[&] { ask_for("GET /livez"); }};
  ask_for("GET /readyz");
  other.join();
}

} // namespace

SCENARIO("a thousand probes a second neither wait for connections that are all in use nor send the server anything") {
  private_server server;
  service serve{server};
  REQUIRE(within(20s, [&] { return ask(serve.port(), "GET /readyz").status == 200; }));
  REQUIRE(within(20s, [&] { return serve.status().checked_in == 2; }));
  std::optional<caf::scoped_actor> caller{std::in_place, serve.host.system()};
  for (int i = 0; i < 2; ++i)
    (*caller)->send(serve.host.pool(), execute_atom_v, write("DO SLEEP(100)"));
  REQUIRE(within(10s, [&] { return serve.status().checked_out == 2; }));
  statement_count statements{server.uri()};
  tally probes;
  std::atomic<bool> done = false;
  uint64_t longest_queue = 0;
  std::thread watcher{[&] {
    for (; !done; std::this_thread::sleep_for(10ms))
      longest_queue = std::max(longest_queue, serve.status().waiting);
  }};
  probe_for(6s, serve.port(), probes);
  done = true;
  watcher.join();
  auto still_busy = serve.status().checked_out == 2;
  auto sent = statements.take();
  MESSAGE("probes: " << probes.good << ", refused: " << probes.bad << ", statements: " << sent);
  CHECK(still_busy);
  CHECK_GT(probes.good, 100);
  CHECK_EQ(probes.bad, 0);
  CHECK_EQ(longest_queue, 0u);
  CHECK_EQ(sent, 0);
  // With a free connection there is one per interval.
  caller.reset(); // Its statements are stopped.
  REQUIRE(within(30s, [&] { return serve.status().checked_in == 2; }));
  statements.take();
  auto begin = clock_type::now();
  tally more;
  probe_for(6s, serve.port(), more);
  auto elapsed = clock_type::now() - begin;
  sent = statements.take();
  MESSAGE("probes: " << more.good << ", refused: " << more.bad << ", statements: " << sent);
  CHECK_EQ(more.bad, 0);
  CHECK_GE(sent, 1);
  CHECK_LE(sent, elapsed / interval + 1);
}

// What `cenote serve` answers over HTTP, also to those who mean no good.

#define CAF_SUITE app.http

#include "integration/app_http_client.hpp"
#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

constexpr auto token = "Authorization: Bearer t0ken\r\n";

} // namespace

SCENARIO("every endpoint answers, and with a token only who shows it") {
  temporary_folder folder;
  auto file = folder.write("token", "t0ken\n");
  program serve{{"cenote", "serve", "--http-token-file", file}, serve_environment(shared_server().uri())};
  auto port = port_of(serve);
  REQUIRE(port != 0);
  CHECK(within(10s, [&] { return ask(port, "GET /readyz").status == 200; }));
  CHECK_EQ(ask(port, "GET /livez").body, "ok\n");
  CHECK_EQ(ask(port, "HEAD /livez").body, "");
  for (auto path : {"GET /startupz", "GET /metrics", "GET /status", "GET /status/history", "GET /status/events"}) {
    CHECK_EQ(ask(port, path).status, 401);
    CHECK_EQ(ask(port, path, token).status, 200);
  }
  CHECK(contains(ask(port, "GET /readyz?verbose").body, "[+] breaker: "));
  CHECK(contains(ask(port, "GET /livez").head, "Cache-Control: no-store"));
  CHECK(ask(port, "GET /metrics", std::string{token} + "Accept: application/openmetrics-text\r\n")
            .body.ends_with("# EOF\n"));
  auto status = nlohmann::json::parse(ask(port, "GET /status", token).body);
  CHECK_EQ(status["version"].get<int>(), 1);
  CHECK_EQ(status["settings"]["pool"]["size"].get<int>(), 10);
  for (auto path : {"GET /../../etc/passwd", "GET /%2e%2e/", "GET /livez/", "GET //livez"})
    CHECK_EQ(ask(port, path, token).status, 404);
  CHECK_EQ(ask(port, "DELETE /livez").status, 405);
  CHECK_EQ(ask(port, "POST /admin/pause", std::string{token} + "Origin: http://elsewhere\r\n").status, 403);
  CHECK_EQ(ask(port, "POST /admin/pause", token).status, 200);
  CHECK(within(5s, [&] { return ask(port, "GET /readyz").status == 503; }));
  CHECK_EQ(ask(port, "POST /admin/resume", token).status, 200);
  CHECK_EQ(ask(port, "POST /admin/dispose", token).status, 200);
  CHECK_EQ(ask(port, "POST /admin/reload", token).status, 200);
  CHECK(within(5s, [&] { return ask(port, "GET /readyz").status == 200; }));
  auto url = "http://127.0.0.1:" + std::to_string(port);
  CHECK_EQ(run({"cenote", "health", "--ready", url}).out, url + " is ready\n");
  CHECK_EQ(ask(port, "POST /admin/drain", token).status, 202);
  CHECK_EQ(serve.wait().code, 0);
  CHECK_EQ(run({"cenote", "health", url}).code, 1);
}

SCENARIO("the page needs no token, and comes from nowhere else") {
  temporary_folder folder;
  program serve{{"cenote", "serve", "--http-token-file", folder.write("token", "t0ken\n")},
                serve_environment(shared_server().uri())};
  auto port = port_of(serve);
  REQUIRE(port != 0);
  for (auto path : {"GET /", "GET /page.css", "GET /page.js", "GET /chart.js", "GET /icon.svg"}) {
    auto x = ask(port, path);
    CHECK_EQ(x.status, 200);
    CHECK(contains(x.head, "Content-Security-Policy: default-src 'none'; "));
    CHECK(contains(x.head, "Cache-Control: no-cache"));
    auto tag = x.head.substr(x.head.find("ETag: ") + 6, 34);
    x = ask(port, path, "If-None-Match: " + tag + "\r\n");
    CHECK_EQ(x.status, 304);
    CHECK_EQ(x.body, "");
  }
  CHECK(contains(ask(port, "GET /").body, "<script src=\"/page.js\""));
}

SCENARIO("the history grows, and events are told") {
  private_server server;
  program serve{{"cenote", "serve", "--pool-size=2"}, serve_environment(server.uri())};
  auto port = port_of(serve);
  auto get = [&](const std::string& path) {
    return nlohmann::json::parse(ask(port, "GET " + path).body, nullptr, false);
  };
  auto state = [&] {
    auto x = get("/status");
    return x.contains("state") ? x["state"]["name"].get<std::string>() : "";
  };
  REQUIRE(within(20s, [&] { return state() == "serving"; }));
  CHECK(within(20s, [&] { return get("/status/history")["samples"].size() >= 2; }));
  auto sample = get("/status/history?samples=1")["samples"];
  REQUIRE_EQ(sample.size(), 1u);
  CHECK_EQ(sample[0]["connections"]["idle"].get<int>(), 2);
  CHECK_EQ(sample[0]["breaker"].size(), 1u);
  CHECK_EQ(get("/status/history?samples=-1")["samples"].size(), get("/status/history?samples=x")["samples"].size());
  server.kill9();
  CHECK(within(20s, [&] { return state() == "down"; }));
  CHECK_EQ(get("/status")["state"]["reasons"].size(), 1u);
  CHECK(within(20s, [&] { return contains(get("/status/events").dump(), "\"connection_lost\""); }));
  server.start();
  CHECK(within(20s, [&] { return state() == "serving"; }));
}

SCENARIO("requests for other names than this machine's reach nothing") {
  program serve{{"cenote", "serve"}, serve_environment(shared_server().uri())};
  http_connection to{port_of(serve)};
  to.send("GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  auto text = to.rest();
  CHECK(contains(text, " 403 "));
  CHECK(!contains(text, "settings"));
}

SCENARIO("a token file that cannot be used, and a port that is taken, are errors that say what to do") {
  temporary_folder folder;
  auto x = run({"cenote", "serve", "--http-token-file", folder.write("empty", "\n")},
               serve_environment(shared_server().uri()));
  CHECK_EQ(x.code, 2);
  CHECK(contains(x.err, "is empty"));
  CHECK_EQ(
      run({"cenote", "serve", "--http-token-file", folder.file("none")}, serve_environment(shared_server().uri())).code,
      2);
  program serve{{"cenote", "serve"}, serve_environment(shared_server().uri())};
  auto port = std::to_string(port_of(serve));
  x = run({"cenote", "serve", "--http-listen=127.0.0.1:" + port}, serve_environment(shared_server().uri()));
  CHECK_EQ(x.code, 1);
  CHECK(contains(x.err, "another program has this port"));
}

SCENARIO("rubbish, large bodies, slow clients and many connections harm nobody") {
  program serve{{"cenote", "serve"}, serve_environment(shared_server().uri())};
  auto port = port_of(serve);
  REQUIRE(port != 0);
  CHECK_EQ(ask(port, "POST /admin/drain").status, 403);
  CHECK_EQ(ask(port, "POST /livez", "Content-Length: 1073741824\r\n").status, 413);
  CHECK_EQ(ask(port, "GET /" + std::string(40'000, 'x')).status, 414);
  std::minstd_rand dice{1};
  for (int i = 0; i < 3000; ++i) {
    std::string text(1 + dice() % 300, ' ');
    for (auto& c : text)
      c = static_cast<char>(dice());
    http_connection{port}.send(text);
  }
  CHECK(within(5s, [&] { return ask(port, "GET /livez").status == 200; }));
  {
    std::vector<std::unique_ptr<http_connection>> many;
    for (int i = 0; i < 500; ++i)
      many.push_back(std::make_unique<http_connection>(port));
  }
  CHECK(within(5s, [&] { return ask(port, "GET /livez").status == 200; }));
  http_connection slow{port};
  auto begin = clock_type::now();
  while (slow.send("x") && clock_type::now() - begin < 20s)
    std::this_thread::sleep_for(200ms);
  CHECK_LT(clock_type::now() - begin, 13s);
  CHECK_EQ(ask(port, "GET /livez").status, 200);
}

SCENARIO("an outage makes the program not ready, but does not make it dead") {
  private_server server;
  program serve{{"cenote", "serve", "--pool-max-reconnect-delay=200ms"}, serve_environment(server.uri())};
  auto port = port_of(serve);
  REQUIRE(within(10s, [&] { return ask(port, "GET /readyz").status == 200; }));
  server.stop();
  CHECK(within(5s, [&] { return ask(port, "GET /readyz").status == 503; }));
  CHECK_EQ(ask(port, "GET /livez").status, 200);
  server.start();
  CHECK(within(10s, [&] { return ask(port, "GET /readyz").status == 200; }));
}

SCENARIO("however often probes ask, the server gets one statement per interval") {
  private_server server;
  program serve{{"cenote", "serve", "--pool-size=2", "--pool-keepalive=0"}, serve_environment(server.uri())};
  auto port = port_of(serve);
  REQUIRE(within(10s, [&] { return ask(port, "GET /readyz").status == 200; }));
  statement_count statements{server.uri()};
  auto begin = clock_type::now();
  for (int i = 0; i < 2000; ++i)
    REQUIRE_EQ(ask(port, "GET /readyz").status, 200);
  auto intervals = static_cast<int>((clock_type::now() - begin) / 5s) + 1;
  CHECK_LE(statements.take(), intervals);
}

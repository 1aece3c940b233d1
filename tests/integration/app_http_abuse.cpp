// What `cenote serve` does for clients that mean no good, or know another HTTP.

#define CAF_SUITE app.http_abuse

#include "integration/app_http_client.hpp"
#include "integration/app_program.hpp"
#include "support/server.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

constexpr auto token = "Authorization: Bearer t0ken\r\n";

/// A program that has opened its pool, and whose administration needs `token`.
struct service {
  explicit service(const std::string& listen = "127.0.0.1:0", const std::string& host = "127.0.0.1")
      : running{{"cenote", "serve", "--pool-size=2", "--http-token-file", folder.write("token", "t0ken\n")},
                {{"DATABASE_URI", shared_server().uri()}, {"CENOTE_HTTP_LISTEN", listen}}},
        port{port_of(running, host)},
        ready{port != 0 && within(20s, [&] { return parsed("GET /readyz", host).status == 200; })} {
    // nop
  }

  http_answer parsed(const std::string& request, const std::string& host) const {
    return ask(port, request, "", host.find(':') == std::string::npos ? host : host.substr(1, host.size() - 2));
  }

  bool is_live() const { return ask(port, "GET /livez").status == 200; }

  temporary_folder folder;
  program running;
  uint16_t port;
  bool ready;
};

/// The value of a header; empty if there is none.
std::string header(const http_answer& x, const std::string& name) {
  auto begin = x.head.find("\r\n" + name + ": ");
  if (begin == std::string::npos)
    return {};
  begin += name.size() + 4;
  return x.head.substr(begin, x.head.find("\r\n", begin) - begin);
}

/// What the program holds in memory, in MiB.
int memory_of(const program& x) {
  auto text = run({"/bin/cat", "/proc/" + std::to_string(x.pid()) + "/status"}).out;
  return std::stoi(text.substr(text.find("VmRSS:") + 6)) >> 10;
}

/// How many descriptors the program has open.
ptrdiff_t descriptors_of(const program& x) {
  return std::distance(std::filesystem::directory_iterator{"/proc/" + std::to_string(x.pid()) + "/fd"}, {});
}

/// Lets this process have so many descriptors, or as many as it may have.
size_t raise_descriptor_limit(size_t wanted) {
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  rlimit next{wanted, std::max<rlim_t>(now.rlim_max, wanted)};
  if (setrlimit(RLIMIT_NOFILE, &next) != 0) {
    next = {std::min<rlim_t>(wanted, now.rlim_max), now.rlim_max};
    setrlimit(RLIMIT_NOFILE, &next);
  }
  getrlimit(RLIMIT_NOFILE, &now);
  return now.rlim_cur;
}

} // namespace

SCENARIO("a path that leaves the root, in whatever form, finds nothing") {
  service serve;
  REQUIRE(serve.ready);
  for (std::string path : {"/../../etc/passwd",
                           "/..",
                           "/../",
                           "/./livez",
                           "/livez/.",
                           "/livez/..",
                           "/status/../livez",
                           "//livez",
                           "/livez/",
                           "/%2e%2e/%2e%2e/etc/passwd",
                           "/..%2f..%2fetc%2fpasswd",
                           "/%2e%2e%2f",
                           "/%252e%252e%252f",
                           "/..%5c..%5c",
                           "/..\\..\\etc\\passwd",
                           "/%c0%ae%c0%ae/",
                           "/\xc0\xae\xc0\xae/",
                           "/%uff0e%uff0e/",
                           "/%6civez",
                           "/livez%00",
                           "/livez%20",
                           "/livez;x",
                           "/LIVEZ",
                           "..",
                           "../../etc/passwd",
                           "*",
                           "\\livez",
                           "/file:///etc/passwd"}) {
    auto out = ask(serve.port, "GET " + path, token);
    MESSAGE(path << " -> " << out.status);
    CHECK(out.status == 404 || out.status == 400);
    CHECK(!contains(out.body, "root:"));
  }
  CHECK_EQ(ask(serve.port, "GET /livez?../../etc/passwd").status, 200); // A query that nobody reads.
  CHECK(serve.is_live());
}

SCENARIO("HEAD is answered as GET without its body, and other methods are named those that there are") {
  service serve;
  REQUIRE(serve.ready);
  for (auto path : {"/livez", "/readyz", "/status", "/metrics"}) {
    auto head = ask(serve.port, std::string{"HEAD "} + path, token);
    CHECK_EQ(head.status, 200);
    CHECK_EQ(head.body, "");
    CHECK_NE(header(head, "Content-Length"), "");
    CHECK_NE(header(head, "Content-Length"), "0");
    CHECK_EQ(header(head, "Content-Type"), header(ask(serve.port, std::string{"GET "} + path, token), "Content-Type"));
  }
  auto get = ask(serve.port, "GET /livez");
  CHECK_EQ(header(ask(serve.port, "HEAD /livez"), "Content-Length"), std::to_string(get.body.size()));
  for (std::string method :
       {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "get"}) {
    auto out = ask(serve.port, method + " /livez", token);
    MESSAGE(method << " -> " << out.status);
    CHECK_EQ(out.status, 405);
    CHECK_EQ(header(out, "Allow"), "GET, HEAD");
  }
  for (std::string method : {"GET", "HEAD", "PUT", "OPTIONS"}) {
    auto out = ask(serve.port, method + " /admin/pause", token);
    CHECK_EQ(out.status, 405);
    CHECK_EQ(header(out, "Allow"), "POST");
  }
  CHECK(serve.is_live());
}

SCENARIO("of requests sent behind each other the first is answered, and the connection ends") {
  service serve;
  REQUIRE(serve.ready);
  std::string one = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::string many;
  for (int i = 0; i < 200; ++i)
    many += one;
  many += "POST /admin/drain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken\r\n\r\n";
  for (int i = 0; i < 20; ++i) {
    http_connection to{serve.port};
    to.send(many);
    auto text = to.rest();
    CHECK_LE(count(text, "HTTP/1.1 "), 1u);
    CHECK_LE(count(text, "ok\n"), 1u);
  }
  http_connection two{serve.port};
  two.send(one + one);
  CHECK_EQ(parse_answer(two.rest()).body, "ok\n");
  // A body that is another request is a body.
  http_connection hidden{serve.port};
  std::string inner = "POST /admin/drain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken\r\n\r\n";
  hidden.send("POST /admin/resume HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken\r\nContent-Length: "
              + std::to_string(inner.size()) + "\r\n\r\n" + inner + one);
  CHECK_EQ(parse_answer(hidden.rest()).status, 200);
  CHECK(serve.is_live());
  CHECK_EQ(ask(serve.port, "GET /readyz").status, 200); // It does not drain.
}

SCENARIO("headers and bodies without an end cost a connection for a while, and nothing else") {
  service serve;
  REQUIRE(serve.ready);
  auto before = memory_of(serve.running);
  std::string start = "GET /livez HTTP/1.1\r\nHost: localhost\r\n";
  std::string post = "POST /admin/resume HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken\r\n";
  // As much as each gets rid of before the other side ends it.
  auto flood = [&](const std::string& beginning, const std::string& more) {
    http_connection to{serve.port};
    size_t sent = 0;
    to.send(beginning);
    while (sent < (size_t{64} << 20) && to.send(more))
      sent += more.size();
    MESSAGE(sent << " bytes taken");
    CHECK_LT(sent, size_t{64} << 20);
  };
  flood(start + "X: ", std::string(4096, 'a'));
  flood(start, "X: " + std::string(100, 'a') + "\r\n");
  flood(start + "X: a\r\n ", std::string(4096, 'a') + "\r\n ");
  flood("GET /", std::string(4096, 'a'));
  flood(post + "Content-Length: 4294967296\r\n\r\n", std::string(4096, 'a'));
  flood(post + "Transfer-Encoding: chunked\r\n\r\n", "1000\r\n" + std::string(4096, 'a') + "\r\n");
  // Those that wait for the rest are answered nothing, and ended.
  std::vector<std::unique_ptr<http_connection>> waiting;
  for (auto& text : {std::string{}, std::string{"GET"}, start, post + "Content-Length: 4000\r\n\r\nabc"}) {
    waiting.push_back(std::make_unique<http_connection>(serve.port));
    waiting.back()->send(text);
  }
  for (int i = 0; i < 20; ++i)
    CHECK(serve.is_live());
  for (auto& x : waiting)
    CHECK_NE(parse_answer(x->rest()).status, 200);
  CHECK(serve.is_live());
  CHECK_EQ(ask(serve.port, "GET /readyz").status, 200);
  CHECK_LT(memory_of(serve.running) - before, 200); // Some of it is what AddressSanitizer keeps.
}

SCENARIO("lengths that contradict each other, or are no numbers, are refused") {
  service serve;
  REQUIRE(serve.ready);
  for (std::string length : {"-1", "+1", "1x", "0x10", "99999999999999999999999", "1, 1", " "}) {
    auto out = ask(serve.port, "POST /admin/resume", std::string{token} + "Content-Length: " + length + "\r\n");
    MESSAGE(length << " -> " << out.status);
    CHECK(out.status == 400 || out.status == 413 || (length == " " && out.status == 200));
  }
  CHECK(serve.is_live());
}

SCENARIO("ten thousand connections keep nobody out") {
  service serve;
  REQUIRE(serve.ready);
  auto limit = raise_descriptor_limit(10'200);
  auto wanted = std::min<size_t>(10'000, limit - 200);
  std::vector<std::unique_ptr<http_connection>> many;
  for (size_t i = 0; i < wanted; ++i) {
    many.push_back(std::make_unique<http_connection>(serve.port));
    if (i % 2 == 0)
      many.back()->send("GET /livez HTTP/1.1\r\n"); // And no more.
    if (i % 500 == 0)
      CHECK(serve.is_live());
  }
  auto open = std::ranges::count_if(many, [](auto& x) { return x->is_open(); });
  MESSAGE("connections opened: " << open);
  CHECK_EQ(static_cast<size_t>(open), wanted);
  for (int i = 0; i < 50; ++i) {
    CHECK(serve.is_live());
    CHECK_EQ(ask(serve.port, "GET /readyz").status, 200);
  }
  auto status = nlohmann::json::parse(ask(serve.port, "GET /status", token).body);
  CHECK_EQ(status["status"]["total_connections"].get<int>(), 2);
  CHECK_LT(descriptors_of(serve.running), 250); // AddressSanitizer keeps freed memory: that would say nothing.
}

SCENARIO("an IPv6 address is listened at as well") {
  service serve{"[::1]:0", "[::1]"};
  REQUIRE(serve.ready);
  CHECK_EQ(ask(serve.port, "GET /livez", "", "::1").status, 200);
  auto url = "http://[::1]:" + std::to_string(serve.port);
  CHECK_EQ(run({"cenote", "health", "--ready", url}).out, url + " is ready\n");
  CHECK_EQ(run({"cenote", "health"}, {{"CENOTE_HTTP_LISTEN", "[::1]:" + std::to_string(serve.port)}}).code, 0);
  CHECK(!contains(serve.running.logged(), "reached from other machines"));
}

// Which pages in a browser may ask: no socket, no thread.

#define CAF_SUITE http.origin

#include "http/origin.hpp"

#include "http/router.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::http;

namespace {

request ask(const std::string& host, const std::string& origin) {
  request out;
  out.method = "GET";
  out.path = "/data";
  out.host = host;
  out.origin = origin;
  return out;
}

int answered(bool local, const std::string& host, const std::string& origin = "") {
  router x{"", local};
  x.add("GET", "/data", access::protect, [](const request&) { return line(200, "data"); });
  return x.handle(ask(host, origin)).status;
}

} // namespace

SCENARIO("this machine has several names, and no others") {
  for (auto host : {"localhost", "LocalHost", "localhost:9180", "127.0.0.1", "127.0.0.1:80", "127.9.8.7", "[::1]",
                    "[::1]:9180", "::1"})
    CHECK(names_this_machine(host));
  for (auto host :
       {"", "evil.example", "evil.example:9180", "localhost.evil.example", "127.0.0.1.evil.example", "128.0.0.1",
        "10.0.0.1:9180", "[::2]", "[::1", "localhost@evil.example", "0.0.0.0", "127.1", " localhost"})
    CHECK(!names_this_machine(host));
}

SCENARIO("a page has the origin of the host that it asks, or another") {
  CHECK(has_same_origin(ask("localhost:9180", "")));
  CHECK(has_same_origin(ask("localhost:9180", "http://localhost:9180")));
  CHECK(has_same_origin(ask("cenote.example", "https://cenote.example"))); // Behind a proxy with TLS.
  for (auto origin : {"null", "http://evil.example", "http://localhost", "http://localhost:9181", "localhost:9180",
                      "http://localhost:9180.evil.example", "http://", "://"})
    CHECK(!has_same_origin(ask("localhost:9180", origin)));
  CHECK(!has_same_origin(ask("", "http://")));
}

SCENARIO("a name of somebody else that leads to this machine reaches nothing") {
  CHECK_EQ(answered(true, "localhost:9180"), 200);
  CHECK_EQ(answered(true, ""), 200); // HTTP/1.0: no browser.
  CHECK_EQ(answered(true, "evil.example:9180"), 403);
  CHECK_EQ(answered(true, "evil.example", "http://evil.example"), 403);
  // Who listens for others has whatever name they know.
  CHECK_EQ(answered(false, "cenote.example"), 200);
  CHECK_EQ(answered(false, "cenote.example", "http://cenote.example"), 200);
  CHECK_EQ(answered(false, "cenote.example", "http://evil.example"), 403);
}

// What is answered, to whom: no socket, no thread.

#define CAF_SUITE http.router

#include "http/router.hpp"

#include <stdexcept>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::http;

namespace {

router make_router(const std::string& token) {
  router out{token, true};
  auto say = [](const char* text) { return [text](const request&) { return line(200, text); }; };
  out.add("GET", "/open", access::open, say("open"));
  out.add("GET", "/protected", access::protect, say("protected"));
  out.add("POST", "/admin", access::privileged, say("admin"));
  out.add("POST", "/admin/kill/*", access::open, [](const request& x) { return line(200, x.argument); });
  out.add("GET", "/broken", access::open, [](const request&) -> response { throw std::runtime_error{"secret"}; });
  return out;
}

request ask(const std::string& method, const std::string& path, const std::string& authorization = "") {
  request out;
  out.method = method;
  out.path = path;
  out.authorization = authorization;
  return out;
}

} // namespace

SCENARIO("the router knows paths and methods, and nothing else") {
  auto x = make_router("");
  CHECK_EQ(x.handle(ask("GET", "/open")).status, 200);
  CHECK_EQ(x.handle(ask("HEAD", "/open")).status, 200);
  for (auto path : {"", "/", "/ope", "/open/", "/open/../open", "//open", "/../../etc/passwd", "/%6fpen", "open"})
    CHECK_EQ(x.handle(ask("GET", path)).status, 404);
  auto refused = x.handle(ask("POST", "/open"));
  CHECK_EQ(refused.status, 405);
  REQUIRE_EQ(refused.headers.size(), 1u);
  CHECK_EQ(refused.headers[0].second, "GET, HEAD");
  CHECK_EQ(x.handle(ask("GET", "/admin")).status, 405);
  CHECK_EQ(x.handle(ask("get", "/open")).status, 405);
}

SCENARIO("a path may end in any segment") {
  auto x = make_router("");
  CHECK_EQ(x.handle(ask("POST", "/admin/kill/12")).body, "12\n");
  CHECK_EQ(x.handle(ask("POST", "/admin/kill/..")).body, "..\n");
  CHECK_EQ(x.handle(ask("GET", "/admin/kill/12")).status, 405);
  for (auto path : {"/admin/kill", "/admin/kill/", "/admin/kill/1/2", "/admin/kil/1", "/admin/kill/1/"})
    CHECK_EQ(x.handle(ask("POST", path)).status, 404);
}

SCENARIO("without a token everything but the administration is open") {
  auto x = make_router("");
  CHECK_EQ(x.handle(ask("GET", "/protected")).status, 200);
  auto refused = x.handle(ask("POST", "/admin", "Bearer "));
  CHECK_EQ(refused.status, 403);
  CHECK(refused.body.find("http.token-file") != std::string::npos);
}

SCENARIO("with a token who shows it gets everything, others what is open") {
  auto x = make_router("t0ken");
  CHECK_EQ(x.handle(ask("GET", "/open")).status, 200);
  for (auto given : {"", "Bearer", "Bearer ", "t0ken", "Basic t0ken", "Bearer t0keN", "Bearer t0ken2", "Bearer t0ke"}) {
    CHECK_EQ(x.handle(ask("GET", "/protected", given)).status, 401);
    CHECK_EQ(x.handle(ask("POST", "/admin", given)).status, 401);
  }
  CHECK_EQ(x.handle(ask("GET", "/protected", "Bearer t0ken")).status, 200);
  CHECK_EQ(x.handle(ask("POST", "/admin", "bearer t0ken")).status, 200);
}

SCENARIO("requests of pages from elsewhere are refused, whatever they show") {
  auto x = make_router("t0ken");
  for (auto path : {"/open", "/protected", "/admin"}) {
    auto asked = ask(std::string{path} == "/admin" ? "POST" : "GET", path, "Bearer t0ken");
    asked.origin = "http://elsewhere";
    CHECK_EQ(x.handle(asked).status, 403);
  }
}

SCENARIO("what a handler throws is not told") {
  auto out = make_router("").handle(ask("GET", "/broken"));
  CHECK_EQ(out.status, 500);
  CHECK_EQ(out.body, "");
}

SCENARIO("secrets are compared as a whole") {
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK(!equal_in_constant_time("abc", "abcabc"));
  CHECK(!equal_in_constant_time("abc", ""));
  CHECK(!equal_in_constant_time("", "a"));
}

SCENARIO("a media type is found in the header Accept") {
  request x;
  CHECK(!accepts(x, "application/json"));
  x.accept = "text/html, Application/JSON;q=0.9 , */*";
  CHECK(accepts(x, "application/json"));
  CHECK(accepts(x, "text/html"));
  CHECK(!accepts(x, "application/jso"));
  x.accept = ",,;,";
  CHECK(!accepts(x, "application/json"));
}

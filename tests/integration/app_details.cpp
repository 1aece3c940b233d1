// What `cenote serve` tells of connections, sessions and statements, and sessions that it ends.

#define CAF_SUITE app.details

#include "app/details.hpp"
#include "cenote/pool.hpp"
#include "support/server.hpp"

#include <string>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <nlohmann/json.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;
using json = nlohmann::json;

namespace {

settings settings_for(const private_server& server) {
  settings out;
  out.server = server.settings();
  out.pool.size = 2;
  return out;
}

struct fixture {
  fixture() { app::add_details(router, host); }

  http::response ask(const std::string& method, const std::string& path) {
    http::request x;
    x.method = method;
    x.path = path;
    x.authorization = "Bearer t0ken";
    return router.handle(x);
  }

  json list(const std::string& name) { return json::parse(ask("GET", "/status/" + name).body)[name]; }

  app::pool_host host{settings_for(shared_server()), {}};
  http::router router{"t0ken", true};
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("connections, sessions and statements are told as JSON") {
  GIVEN("a session with a transaction") {
    caf::scoped_actor holder{host.system()};
    session_options options;
    options.owner = "importer";
    session_id id{};
    auto fails = [](const caf::error&) { CAF_FAIL("a request failed"); };
    holder->request(host.pool(), caf::infinite, checkout_atom_v, options).receive([&](session_id x) { id = x; }, fails);
    holder->request(host.pool(), caf::infinite, begin_atom_v, id, transaction_options{}).receive([] {}, fails);
    holder->request(host.pool(), caf::infinite, execute_atom_v, id, read("SELECT 17"))
        .receive([](const result&) {}, fails);
    auto number = std::to_string(static_cast<uint64_t>(id));
    WHEN("they are asked for") {
      auto sessions = list("sessions");
      auto connections = list("connections");
      auto statements = list("statements");
      THEN("they show it") {
        REQUIRE_EQ(sessions.size(), 1u);
        CHECK_EQ(sessions[0]["session"].get<std::string>(), number);
        CHECK_EQ(sessions[0]["owner"].get<std::string>(), "importer");
        CHECK_EQ(sessions[0]["last_statement"].get<std::string>(), "SELECT 17");
        CHECK(sessions[0]["in_transaction"].get<bool>());
        CHECK(sessions[0]["running"].is_null());
        auto used = 0;
        for (auto& x : connections)
          used += x["state"] == "session" && x["id"] == sessions[0]["connection"];
        CHECK_EQ(used, 1);
        auto found = 0;
        for (auto& x : statements)
          found += x["digest"] == "SELECT ?" && x["calls"] == 1 && x["rows"] == 1 && x["total"].get<double>() > 0;
        CHECK_EQ(found, 1);
      }
    }
    WHEN("it is killed") {
      CHECK_EQ(ask("POST", "/admin/kill/" + number).status, 200);
      THEN("it is gone") {
        CHECK_EQ(list("sessions").size(), 0u);
        auto again = ask("POST", "/admin/kill/" + number);
        CHECK_EQ(again.status, 404);
        CHECK(again.body.find("/status/sessions") != std::string::npos);
      }
    }
  }
}

SCENARIO("what is no session cannot be killed") {
  for (auto text : {"x", "-1", "1x", "99999999999999999999999", "%31"})
    CHECK_EQ(ask("POST", "/admin/kill/"s + text).status, 400);
  CHECK_EQ(ask("POST", "/admin/kill/0").status, 404);
  CHECK_EQ(ask("POST", "/admin/kill/").status, 404);
  CHECK_EQ(ask("GET", "/admin/kill/1").status, 405);
}

END_FIXTURE_SCOPE()

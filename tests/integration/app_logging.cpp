// The form of the log.

#define CAF_SUITE app.logging

#include "integration/app_program.hpp"

#include <regex>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

/// A serve that fails soon, with warnings on the way.
ended short_serve(std::vector<std::string> options, const std::string& name = "main") {
  options.insert(options.begin(), {"cenote", "serve", "--embedded", "--pool-name", name});
  program serve{options};
  serve.logs("ready");
  serve.signal(15);
  return serve.wait();
}

std::vector<std::string> lines(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);)
    out.push_back(line);
  return out;
}

} // namespace

SCENARIO("a line of text has the time with its offset, the level and the message") {
  std::regex form{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S.*)"};
  auto x = short_serve({"--log-level=debug"});
  CHECK_GE(lines(x.err).size(), 4u);
  for (auto& line : lines(x.err)) {
    MESSAGE(line);
    CHECK(std::regex_match(line, form));
  }
  CHECK(contains(x.err, " DEBUG "));
}

SCENARIO("a JSON line is one object") {
  auto x = short_serve({"--log-format=json"}, "a \"pool\" \\ 日本");
  CHECK_GE(lines(x.err).size(), 4u);
  auto found = false;
  for (auto& line : lines(x.err)) {
    auto entry = nlohmann::json::parse(line);
    CHECK_EQ(entry.size(), 4u);
    CHECK_EQ(entry["db_client_connection_pool_name"], "a \"pool\" \\ 日本");
    CHECK(entry["time"].is_string());
    CHECK_EQ(entry["level"], "INFO");
    found = found || contains(entry["message"].get<std::string>(), "serves pool a \"pool\" \\ 日本");
  }
  CHECK(found);
}

SCENARIO("a JSON line names what failed as the metrics do") {
  program serve{{"cenote", "serve", "--log-format=json"},
                {{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}, {"CENOTE_HTTP_LISTEN", "off"}}};
  CHECK(serve.logs("pool main: cannot connect"));
  CHECK(serve.logs("trying again"));
  serve.signal(15);
  auto about_servers = 0;
  auto about_failures = 0;
  for (auto& line : lines(serve.wait().err)) {
    auto entry = nlohmann::json::parse(line);
    auto message = entry["message"].get<std::string>();
    CHECK_EQ(entry["db_client_connection_pool_name"], "main");
    auto has_failed = contains(message, "cannot connect") || contains(message, "trying again")
                      || contains(message, "circuit breaker");
    CHECK_EQ(entry.value("error_type", "none"), has_failed ? "connect_failed" : "none");
    CHECK_EQ(entry.value("server", "none"), message.starts_with("pool main: ") && has_failed ? "0" : "none");
    about_failures += has_failed;
    about_servers += entry.contains("server");
  }
  CHECK_GE(about_servers, 1);
  CHECK_GE(about_failures, 2);
}

SCENARIO("the level says which lines are shown") {
  environment down{{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}};
  CHECK_EQ(lines(run({"cenote", "check"}, down).err).size(), 1u);
  CHECK(contains(run({"cenote", "check", "--log-level=warning"}, down).err, " WARNING "));
  CHECK_EQ(lines(run({"cenote", "check", "--log-level=critical"}, down).err).size(), 1u);
  auto silent = run({"cenote", "check", "--log-level=off"}, down);
  CHECK_EQ(silent.err, "");
  CHECK_EQ(silent.code, 1);
}

SCENARIO("trace shows each decision of the pool, which debug does not") {
  for (auto level : {"debug", "trace"}) {
    auto x = run({"cenote", "check", "--log-level", level}, {{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}});
    auto is_trace = std::string_view{level} == "trace";
    CHECK_EQ(contains(x.err, " TRACE pool main: open connection 1 to server 0\n"), is_trace);
    CHECK_EQ(contains(x.err, " TRACE pool main: request "), is_trace);
  }
}

SCENARIO("a log that is no terminal has no colours") {
  auto x = run({"cenote", "check"}, {{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}});
  CHECK(!contains(x.err, "\x1b"));
}

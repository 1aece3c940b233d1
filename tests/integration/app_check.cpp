// `cenote check` against servers that answer and that do not.

#define CAF_SUITE app.check

#include "integration/app_program.hpp"
#include "support/server.hpp"
#include "support/silent_listener.hpp"

#include <string>

#include <nlohmann/json.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

environment at(const std::string& uri) {
  return {{"DATABASE_URI", uri}};
}

/// Runs a check that must fail, and returns the reason that it gives.
std::string reason(const environment& variables, std::vector<std::string> options = {}, int code = 1) {
  options.insert(options.begin(), {"cenote", "check"});
  auto x = run(options, variables);
  CHECK_EQ(x.code, code);
  CHECK_EQ(x.out, "");
  CHECK_EQ(count(x.err, "\n"), 1u);
  CHECK_EQ(count(x.err, " CRITICAL "), 1u);
  MESSAGE(x.err);
  return x.err;
}

} // namespace

SCENARIO("check prints the pool's status under the names that operators know") {
  auto x = run({"cenote", "check"}, at(shared_server().uri()));
  CHECK_EQ(x.code, 0);
  CHECK_EQ(x.err, "");
  for (auto name : {"initialized           yes\n", "pool_size             1\n", "checked_in            1\n",
                    "checked_out           0\n", "in_flight             0\n", "overflow              0\n",
                    "total_connections     1\n", "waiting               0\n", "connecting            0\n",
                    "generation            0\n", "last_error            none\n", "MariaDB"})
    CHECK(contains(x.out, name));
}

SCENARIO("check opens one connection to answer one question, whatever size is set") {
  private_server server;
  auto uri = at(server.uri());
  auto connections = [&] {
    auto x = run({"cenote", "sql", "--json", "SHOW GLOBAL STATUS LIKE 'Connections'"}, uri);
    return std::stoi(nlohmann::json::parse(x.out)["rows"][0][1].get<std::string>());
  };
  temporary_folder folder;
  auto file = folder.write("big.conf", "cenote { pool { size = 9, min-size = 8 } }\n");
  uri["POOL_SIZE"] = "8";
  for (std::vector<std::string> words : {std::vector<std::string>{"cenote", "check"},
                                         {"cenote", "check", "--config", file},
                                         {"cenote", "check", "--pool-max-overflow", "7"}}) {
    auto before = connections();
    CHECK_EQ(run(words, uri).code, 0);
    CHECK_EQ(connections() - before, 2); // Its own one, and that of the question.
  }
  auto before = connections();
  CHECK_EQ(run({"cenote", "check", "--pool-size", "4"}, uri).code, 0);
  CHECK_EQ(connections() - before, 5);
}

SCENARIO("check --json prints one object") {
  auto x = run({"cenote", "--pool-size", "3", "check", "--json"}, at(shared_server().uri()));
  CHECK_EQ(x.code, 0);
  CHECK_EQ(count(x.out, "\n"), 1u);
  auto status = nlohmann::json::parse(x.out);
  // Compared as text: CAF's checks would convert a JSON value to a string, which throws if it is none.
  CHECK_EQ(status["initialized"].dump(), "true");
  CHECK_EQ(status["pool_size"].dump(), "3");
  CHECK_EQ(status["checked_in"].dump(), "3");
  CHECK_EQ(status["total_connections"].dump(), "3");
  CHECK_EQ(status["last_error"].dump(), "null");
  CHECK(status["round_trip_ms"].is_number());
  CHECK(contains(status["server_version"].get<std::string>(), "MariaDB"));
}

SCENARIO("check finds the URI in a file, too") {
  temporary_folder folder;
  auto file = folder.write("uri", shared_server().uri() + "\n");
  CHECK_EQ(run({"cenote", "check"}, {{"DATABASE_URI_FILE", file}}).code, 0);
}

SCENARIO("check tells of a pool that cannot be opened in full") {
  private_server small{{"--max-connections=10"}};
  auto x = run({"cenote", "check", "--pool-size", "20"}, at(small.uri()));
  CHECK_EQ(x.code, 0);
  CHECK(contains(x.err, " ERROR only "));
  CHECK(contains(x.err, " of 20 connections could be opened"));
}

SCENARIO("a wrong password is told") {
  auto uri = shared_server().uri();
  auto colon = uri.find(':', uri.find("://") + 3);
  uri.replace(colon + 1, uri.find('@') - colon - 1, "wrong");
  auto text = reason(at(uri));
  CHECK(contains(text, "wrong user or password"));
  CHECK(contains(text, "1045"));
  CHECK(contains(text, "DATABASE_URI"));
}

SCENARIO("an unknown database is told") {
  auto text = reason(at(shared_server().uri() + "_unknown"));
  CHECK(contains(text, "the database does not exist"));
  CHECK(contains(text, "'cenote_unknown'"));
  CHECK(contains(text, "1049"));
}

SCENARIO("a database that the user may not use is told") {
  auto admin = at(shared_server().uri());
  CHECK_EQ(run({"cenote", "sql", "CREATE OR REPLACE USER poor@'%' IDENTIFIED BY 'poor'"}, admin).code, 0);
  auto uri = shared_server().uri();
  auto begin = uri.find("://") + 3;
  auto text = reason(at(uri.replace(begin, uri.find('@') - begin, "poor:poor")));
  CHECK(contains(text, "no access to the database"));
  CHECK(contains(text, "1044"));
}

SCENARIO("a server that is down is told") {
  auto text = reason(at("mysql://u:p@127.0.0.1:1/x"));
  CHECK(contains(text, "the server is down or cannot be reached"));
  CHECK(contains(text, "127.0.0.1:1"));
}

SCENARIO("a server that does not answer is told after connect-timeout") {
  silent_listener silent;
  program check{{"cenote", "check", "--server-connect-timeout", "1s"},
                at("mysql://u:p@127.0.0.1:" + std::to_string(silent.port()) + "/x")};
  auto x = check.wait();
  CHECK_EQ(x.code, 1);
  CHECK(contains(x.err, "the server is down or cannot be reached"));
  CHECK_GE(x.seconds, 0.9);
  CHECK_LT(x.seconds, 4.0); // One second of waiting; the rest is for the sanitizers.
}

SCENARIO("a host name that does not exist is told") {
  auto text = reason(at("mysql://u:p@no-such-host.invalid/x"), {"--server-connect-timeout=5"});
  CHECK(contains(text, "host name cannot be resolved"));
  CHECK(contains(text, "no-such-host.invalid"));
}

SCENARIO("a URI that is none is told, without showing it") {
  auto text = reason(at("postgres://u:secret@h/x"), {}, 2);
  CHECK(contains(text, "DATABASE_URI"));
  CHECK(contains(text, "mysql://"));
  CHECK(!contains(text, "secret"));
}

SCENARIO("a missing URI is told") {
  auto text = reason({}, {}, 2);
  CHECK(contains(text, "set DATABASE_URI"));
  CHECK(contains(text, "DATABASE_URI_FILE"));
}

SCENARIO("a setting that is wrong has the exit code that it has everywhere") {
  CHECK(contains(reason({{"DATABASE_URI", "mysql://u:p@127.0.0.1:1/x"}, {"POOL_SIZE", "0"}}, {}, 2), "POOL_SIZE"));
}

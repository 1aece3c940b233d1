// `cenote serve` as a pool node, and the commands that go through it.

#define CAF_SUITE app.node

#include "integration/app_node.hpp"
#include "integration/app_http_client.hpp"
#include "support/server.hpp"

#include <csignal>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace std::chrono_literals;

namespace cenote::test {

namespace {

environment with_database(environment variables) {
  variables.emplace("DATABASE_URI", shared_server().uri());
  return variables;
}

} // namespace

std::vector<std::string> operator+(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

node_service::node_service(std::vector<std::string> options, environment variables)
    : running_{std::vector<std::string>{"cenote", "serve", "--pool-size=2", "--node-listen=127.0.0.1:0",
                                        "--log-status-interval=0"}
                   + options,
               with_database(std::move(variables))} {
  const std::string intro = "the pool is published at ";
  if (!running_.logs(intro) || !running_.logs("ready: "))
    return;
  auto log = running_.logged();
  auto begin = log.find(intro) + intro.size();
  address_ = log.substr(begin, log.find(',', begin) - begin);
}

certificates::certificates() {
  auto made = run({CENOTE_SOURCE_DIR "/scripts/certificates", folder_.file("made")});
  if (made.code != 0)
    throw std::runtime_error{"no certificates: " + made.all()};
}

std::vector<std::string> certificates::options(const std::string& section, const std::string& name) const {
  return {"--" + section + "-certificate", file(name + ".pem"), "--" + section + "-key", file(name + ".key"),
          "--" + section + "-ca",          file("ca.pem")};
}

} // namespace cenote::test

using namespace cenote::test;

namespace {

using words = std::vector<std::string>;

/// Runs a command that must fail with one line, and returns that line.
std::string reason(const words& command, int code = 1, const environment& variables = {}) {
  auto x = run(command, variables);
  MESSAGE(x.err);
  CHECK_EQ(x.code, code);
  CHECK_EQ(x.out, "");
  CHECK_EQ(count(x.err, "\n"), 1u);
  CHECK_EQ(count(x.err, " CRITICAL "), 1u);
  return x.err;
}

nlohmann::json node_of(uint16_t port) {
  auto answer = ask(port, "GET /status");
  return answer.status == 200 ? nlohmann::json::parse(answer.body)["node"] : nlohmann::json{};
}

} // namespace

SCENARIO("check, sql and top go through a pool node, without an account of the database") {
  node_service serve;
  REQUIRE(!serve.address().empty());
  CHECK(contains(serve.running().logged(), serve.address() + ", in clear text, for this machine only"));
  for (environment variables : {environment{}, {{"DATABASE_URI", "mysql://nobody:wrong@127.0.0.1:1/nothing"}}}) {
    auto check = run({"cenote", "check", "--node", serve.address()}, variables);
    CHECK_EQ(check.code, 0);
    CHECK_EQ(check.err, "");
    CHECK(contains(check.out, "pool node             " + serve.address() + "\n"));
    CHECK(contains(check.out, "pool_size             2\n"));
    CHECK(contains(check.out, "MariaDB"));
    auto sql = run({"cenote", "sql", "--json", "--node=" + serve.address(), "SELECT ?, 'x'", "42"}, variables);
    CHECK_EQ(sql.code, 0);
    CHECK(contains(sql.out, R"("rows":[[42,"x"]])"));
    auto top = run({"cenote", "top", "--once", "--node", serve.address()}, variables);
    CHECK_EQ(top.code, 0);
    CHECK(contains(top.out, " serving in_use="));
    CHECK(contains(top.out, " limit=7 "));
  }
  auto json = run({"cenote", "check", "--json", "--node", "127.0.0.1:1, " + serve.address()});
  CHECK_EQ(json.code, 0);
  CHECK(contains(json.out, "\"nodes\":\"127.0.0.1:1, " + serve.address() + "\""));
}

SCENARIO("a statement that fails at a pool node fails as it would here, and its warnings are counted") {
  node_service serve;
  auto failing = run({"cenote", "sql", "--node", serve.address(), "SELECT missing FROM nowhere"});
  CHECK_EQ(failing.code, 1);
  CHECK(contains(failing.err, " ERROR 1146 (42S02): "));
  auto warned = run({"cenote", "sql", "--node", serve.address(), "SELECT 1/0"});
  CHECK_EQ(warned.code, 0);
  CHECK(contains(warned.out, "1 warning"));
}

SCENARIO("remote.nodes alone changes nothing in what commands do") {
  node_service serve;
  environment variables{{"CENOTE_REMOTE_NODES", serve.address()}};
  CHECK(contains(reason({"cenote", "check"}, 2, variables), "no database is named"));
}

SCENARIO("what cannot be meant is refused before anything is tried") {
  struct {
    words command;
    const char* text;
  } rows[] = {
      {{"cenote", "check", "--node", "pool.example"}, "--node: \"pool.example\" has no port"},
      {{"cenote", "check", "--node="}, "--node: "},
      {{"cenote", "sql", "--node", "http://127.0.0.1:4243", "SELECT 1"}, "--node: "},
      {{"cenote", "check", "--embedded", "--node", "127.0.0.1:1"}, "--node and --embedded exclude each other"},
      {{"cenote", "top", "--node", "127.0.0.1:1", "http://127.0.0.1:9180"}, "--node and a URL exclude each other"},
      {{"cenote", "serve", "--node", "127.0.0.1:1"}, "unknown option --node"},
      {{"cenote", "health", "--node", "127.0.0.1:1"}, "unknown option --node"},
      {{"cenote", "--node", "127.0.0.1:1", "check"}, "--node must stand after the command check"},
      {{"cenote", "--node=127.0.0.1:1", "check"}, "--node must stand after the command check"},
      {{"cenote", "check", "--node", "pool.example:4243"},
       "remote.nodes names pool.example, which is not this machine"},
      {{"cenote", "check", "--node", "127.0.0.1:1", "--remote-ca", "ca.pem"},
       "TLS needs remote.certificate, remote.key and remote.ca: remote.certificate and remote.key are missing"},
  };
  for (auto& x : rows) {
    auto ended = run(x.command);
    MESSAGE(ended.err);
    CHECK_EQ(ended.code, 2);
    CHECK_EQ(ended.out, "");
    CHECK(contains(ended.err, x.text));
  }
}

SCENARIO("a node that is not there is told at once, with what to look at") {
  auto text = reason({"cenote", "check", "--node", "127.0.0.1:1"});
  CHECK(contains(text, "127.0.0.1:1"));
  CHECK(contains(text, "Connection refused"));
  CHECK(contains(reason({"cenote", "sql", "--node", "127.0.0.1:1", "SELECT 1"}), "Connection refused"));
  auto top = run({"cenote", "top", "--once", "--node", "127.0.0.1:1"});
  CHECK_EQ(top.code, 1);
  CHECK(contains(top.out, " unreachable: 127.0.0.1:1 does not answer: "));
  CHECK(contains(top.out, "Connection refused"));
  for (auto& x : {top, run({"cenote", "check", "--node", "127.0.0.1:1"})})
    CHECK(x.seconds < 20);
}

SCENARIO("a node wants its token") {
  temporary_folder folder;
  auto right = folder.write("right", "0123456789abcdef0123456789abcdef\n");
  auto wrong = folder.write("wrong", "fedcba9876543210fedcba9876543210\n");
  node_service serve{{"--node-token-file", right}};
  words check{"cenote", "check", "--node", serve.address()};
  CHECK_EQ(run(check + words{"--remote-token-file", right}).code, 0);
  CHECK(contains(reason(check + words{"--remote-token-file", wrong}), "token"));
  CHECK(contains(reason(check), "token"));
  CHECK(contains(reason(check + words{"--remote-token-file", "/missing"}, 2),
                 "remote.token-file: cannot read the file /missing: No such file"));
  CHECK(serve.running().logs("is turned away"));
  certificates files;
  node_service encrypted{files.of_node() + words{"--node-token-file", right}};
  check.back() = encrypted.address();
  CHECK(contains(reason(check + files.of_client() + words{"--remote-token-file", wrong}), "the token is wrong"));
  CHECK(contains(reason(check + files.of_client()), "this node asks for a token"));
}

SCENARIO("only clients with a certificate of the node's CA are accepted") {
  certificates ours;
  certificates theirs;
  node_service serve{ours.of_node()};
  REQUIRE(!serve.address().empty());
  CHECK(contains(serve.running().logged(), serve.address() + ", with TLS for both sides"));
  words check{"cenote", "check", "--node", serve.address()};
  CHECK_EQ(run(check + ours.of_client()).code, 0);
  CHECK(contains(reason(check + theirs.of_client()), "CA"));
  CHECK(contains(reason(check), "certificate"));
  node_service clear;
  words of_clear{"cenote", "check", "--node", clear.address()};
  CHECK(contains(reason(of_clear + ours.of_client()), "TLS"));
}

SCENARIO("serve ends before it is ready if the pool cannot be published as the settings say") {
  certificates files;
  environment variables{{"DATABASE_URI", shared_server().uri()}};
  words serve{"cenote", "serve", "--log-level=error", "--node-listen=127.0.0.1:0"};
  auto with = [&](const std::string& certificate, const std::string& key, const std::string& ca) {
    return serve + words{"--node-certificate", files.file(certificate), "--node-key", files.file(key),
                         "--node-ca",          files.file(ca)};
  };
  CHECK(contains(reason(with("missing.pem", "node.key", "ca.pem"), 1, variables), "missing.pem"));
  CHECK(contains(reason(with("node.pem", "client.key", "ca.pem"), 1, variables), "client.key"));
  CHECK(contains(reason(with("client.pem", "client.key", "ca.pem"), 1, variables), "serverAuth"));
  CHECK(contains(reason(serve + words{"--node-ca", files.file("ca.pem")}, 2, variables),
                 "TLS needs node.certificate, node.key and node.ca: node.certificate and node.key are missing"));
  CHECK(contains(reason({"cenote", "serve", "--node-listen=0.0.0.0:0"}, 2, variables), "which other machines reach"));
  CHECK(contains(reason({"cenote", "serve", "--node-listen=pool.example:1"}, 2, variables),
                 "node.listen must be an address and a port"));
  node_service first;
  auto text = reason({"cenote", "serve", "--log-level=error", "--node-listen", first.address()}, 1, variables);
  CHECK(contains(text, "cannot listen on " + first.address()));
  CHECK(contains(text, "Address already in use"));
}

SCENARIO("the clients of a node are told over HTTP, in the metrics, and by top") {
  node_service serve{{"--node-name=depot"}, {{"CENOTE_HTTP_LISTEN", "127.0.0.1:0"}}};
  auto port = port_of(serve.running());
  REQUIRE_NE(port, 0);
  REQUIRE(within(10s, [&] { return node_of(port).is_object(); }));
  auto before = node_of(port);
  CHECK_EQ(before["name"].get<std::string>(), "depot");
  CHECK_EQ(before["address"].get<std::string>(), serve.address());
  CHECK_EQ(before["tls"].dump(), "false");
  CHECK_EQ(before["clients"].dump(), "[]");
  program sql{{"cenote", "sql", "--node", serve.address(), "--remote-name=worker", "SELECT SLEEP(50)"}};
  REQUIRE(within(20s, [&] {
    auto node = node_of(port);
    return node["clients"].size() == 1 && node["clients"][0]["in_flight"] == 1;
  }));
  auto client = node_of(port)["clients"][0];
  CHECK_EQ(client["name"].get<std::string>(), "worker");
  CHECK_EQ(client["subject"].dump(), "null");
  CHECK(contains(client["address"].get<std::string>(), "127.0.0.1:"));
  CHECK_EQ(client["admin"].dump(), "false");
  CHECK(client["connected"].get<double>() > 0);
  auto metrics = ask(port, "GET /metrics").body;
  CHECK(contains(metrics, "cenote_node_clients{client=\"worker\"} 1"));
  CHECK(contains(metrics, "cenote_node_requests_in_flight{client=\"worker\"} 1"));
  auto url = "http://127.0.0.1:" + std::to_string(port);
  CHECK(contains(run({"cenote", "top", "--once", url}).out, " clients=1 "));
  sql.signal(SIGTERM);
  sql.wait();
  CHECK(within(20s, [&] { return node_of(port)["clients"].empty(); }));
  CHECK(within(20s, [&] {
    return contains(ask(port, "GET /metrics").body, "cenote_node_requests_in_flight{client=\"worker\"} 0");
  }));
}

SCENARIO("the nodes that a client does not use count it neither as lost nor as turned away") {
  certificates files;
  environment variables{{"CENOTE_HTTP_LISTEN", "127.0.0.1:0"}};
  node_service first{files.of_node(), variables};
  node_service second{files.of_node(), variables};
  auto both = first.address() + "," + second.address();
  for (auto i = 0; i < 5; ++i)
    CHECK_EQ(run(words{"cenote", "check", "--node", both} + files.of_client()).code, 0);
  for (auto node : {&first, &second}) {
    auto port = port_of(node->running());
    CHECK(within(10s, [&] { return node_of(port).is_object() && node_of(port)["clients"].empty(); }));
    CHECK_EQ(node_of(port)["lost"].dump(), "0");
    CHECK_EQ(node_of(port)["turned_away"].dump(), "0");
    auto logged = node->running().logged();
    MESSAGE(logged);
    CHECK(!contains(logged, "WARNING"));
  }
}

SCENARIO("at a signal the node answers what it has accepted, and takes nothing more") {
  node_service serve{{}, {{"CENOTE_HTTP_LISTEN", "127.0.0.1:0"}}};
  auto port = port_of(serve.running());
  REQUIRE(within(10s, [&] { return node_of(port).is_object(); }));
  program sql{{"cenote", "sql", "--json", "--node", serve.address(), "SELECT SLEEP(4)"}};
  REQUIRE(within(20s, [&] {
    auto node = node_of(port);
    return node["clients"].size() == 1 && node["clients"][0]["in_flight"] == 1;
  }));
  serve.running().signal(SIGTERM);
  CHECK(within(3s, [&] { return ask(port, "GET /readyz").status == 503; }));
  CHECK(contains(reason({"cenote", "sql", "--node", serve.address(), "SELECT 1"}), "Connection refused"));
  auto answered = sql.wait();
  CHECK_EQ(answered.code, 0);
  CHECK(contains(answered.out, "\"rows\":[[0]]"));
  auto ended = serve.running().wait();
  CHECK_EQ(ended.code, 0);
  CHECK(!contains(ended.err, "CRITICAL"));
  CHECK(!contains(ended.err, "WARNING"));
}

SCENARIO("a second signal cuts what the node waits for") {
  node_service serve{{}, {{"CENOTE_HTTP_LISTEN", "127.0.0.1:0"}}};
  auto port = port_of(serve.running());
  program sql{{"cenote", "sql", "--node", serve.address(), "SELECT SLEEP(50)"}};
  REQUIRE(within(20s, [&] {
    auto node = node_of(port);
    return node["clients"].size() == 1 && node["clients"][0]["in_flight"] == 1;
  }));
  serve.running().signal(SIGTERM);
  REQUIRE(serve.running().logs("finishing the work that was accepted"));
  serve.running().signal(SIGTERM);
  auto ended = serve.running().wait();
  CHECK_EQ(ended.code, 0);
  CHECK(ended.seconds < 40);
  CHECK(!contains(ended.err, "CRITICAL"));
  CHECK_EQ(sql.wait().code, 1);
}

SCENARIO("how the pool is published cannot change while the program runs") {
  temporary_folder folder;
  auto config = folder.write("cenote.conf", "cenote { node { max-clients = 7 } }");
  node_service serve{{"--config", config}};
  folder.write("cenote.conf", "cenote { node { max-clients = 8 } }");
  serve.running().signal(SIGHUP);
  CHECK(serve.running().logs("node.max-clients cannot change while the program runs: restart it"));
}

SCENARIO("a database that is down behind a node is told as such") {
  private_server server;
  node_service serve{{}, {{"DATABASE_URI", server.uri()}}};
  REQUIRE(!serve.address().empty());
  server.stop();
  auto text = reason({"cenote", "check", "--node", serve.address()});
  CHECK(contains(text, "the pool node answers, but not its database: "));
}

SCENARIO("the example of a worker stores all its pages although its node is killed meanwhile") {
  environment here{{"DATABASE_URI", shared_server().uri()}};
  auto create = "CREATE OR REPLACE TABLE page (number INT UNSIGNED PRIMARY KEY, text VARCHAR(100) NOT NULL)";
  REQUIRE_EQ(run({"cenote", "sql", create}, here).code, 0);
  node_service node;
  REQUIRE(!node.address().empty());
  program worker{{"worker", "15"}, {{"CENOTE_REMOTE_NODES", node.address()}}};
  REQUIRE(worker.prints("page 3 is stored"));
  node.running().signal(SIGKILL);
  node.running().wait();
  node_service again{{"--node-listen=" + node.address()}};
  auto x = worker.wait();
  MESSAGE(x.err);
  CHECK_EQ(x.code, 0);
  CHECK_EQ(count(x.out, " is stored"), 15u);
  CHECK(contains(run({"cenote", "sql", "SELECT COUNT(*) FROM page"}, here).out, "15"));
  CHECK_EQ(run({"cenote", "sql", "DROP TABLE page"}, here).code, 0);
}

SCENARIO("the example of a worker says what it needs") {
  auto without = run({"worker"});
  CHECK_EQ(without.code, 1);
  CHECK(contains(without.err, "remote.nodes: "));
}

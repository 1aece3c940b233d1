// `cenote serve`: from the start to the signal that ends it.

#define CAF_SUITE app.serve

#include "integration/app_program.hpp"
#include "support/server.hpp"
#include "support/silent_listener.hpp"

#include <csignal>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote::test;

namespace {

environment at(const std::string& uri) {
  return {{"DATABASE_URI", uri}};
}

} // namespace

SCENARIO("serve runs until a signal arrives, then stops in order") {
  for (auto signal : {SIGTERM, SIGINT}) {
    program serve{{"cenote", "serve"}, at(shared_server().uri())};
    REQUIRE(serve.logs(" INFO ready: "));
    serve.signal(signal);
    auto x = serve.wait();
    CHECK_EQ(x.code, 0);
    CHECK_EQ(x.out, "");
    CHECK(contains(x.err, " INFO signal " + std::to_string(signal)));
    CHECK(contains(x.err, "stopped"));
    CHECK(!contains(x.err, "WARNING"));
  }
}

SCENARIO("signals that ask for nothing are answered in the log, and end nothing") {
  program serve{{"cenote", "serve", "--pool-size=2", "--log-status-interval=0"}, at(shared_server().uri())};
  REQUIRE(serve.logs(" INFO ready: "));
  serve.signal(SIGHUP);
  CHECK(serve.logs(" INFO the settings were read again; none has changed"));
  serve.signal(SIGUSR1);
  CHECK(serve.logs(" INFO pool main: size 2, checked in "));
  for (auto number : {SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO})
    serve.signal(number);
  CHECK(serve.logs(" INFO SIGUSR2 has no meaning here"));
  CHECK(serve.logs(" INFO SIGPROF has no meaning here"));
  serve.signal(SIGTERM);
  CHECK_EQ(serve.wait().code, 0);
}

SCENARIO("a command ends when its terminal does, and not by other signals") {
  program sql{{"cenote", "sql", "--log-level", "debug", "SELECT SLEEP(50)"}, at(shared_server().uri())};
  REQUIRE(sql.logs("opened connection"));
  for (auto number : {SIGUSR1, SIGUSR2, SIGALRM})
    sql.signal(number);
  REQUIRE(sql.logs("SIGUSR1 has no meaning here"));
  sql.signal(SIGHUP);
  CHECK_EQ(sql.wait().code, 128 + SIGHUP);
}

SCENARIO("serve reads its settings again when it is told to") {
  temporary_folder folder;
  auto write = [](const std::string& path, const std::string& text) { std::ofstream{path} << text; };
  auto config = folder.file("cenote.conf");
  auto secret = folder.file("uri");
  private_server server;
  write(config, "cenote { pool { size = 2 } }");
  write(secret, server.uri());
  program serve{{"cenote", "serve", "--config", config, "--log-status-interval=0"}, {{"DATABASE_URI_FILE", secret}}};
  REQUIRE(serve.logs(" INFO ready: "));
  write(config, "cenote { pool { size = 4 }, log { level = \"debug\" } }");
  serve.signal(SIGHUP);
  CHECK(serve.logs("the settings were read again; pool.size 2 -> 4, log.level \"info\" -> \"debug\""));
  write(config, "cenote { pool { size = 0 } }");
  serve.signal(SIGHUP);
  CHECK(serve.logs(" ERROR the settings stay as they are, because those that were read cannot be used: "));
  write(config, "cenote { pool { size = 4, io-threads = 2 } }");
  serve.signal(SIGHUP);
  CHECK(serve.logs("cannot be used: pool.io-threads cannot change while the pool runs"));
  write(config, "cenote { pool { size = 4 }, log { level = \"debug\" } }");
  write(secret, server.uri() + "?connect_timeout=9");
  serve.signal(SIGHUP);
  CHECK(serve.logs("the settings were read again; server.connect-timeout 10s -> 9s, how connections are made"));
  CHECK(serve.logs("the connections are replaced one after the other"));
  CHECK(serve.logs(" DEBUG pool main: opened connection 8"));
  serve.signal(SIGTERM);
  auto x = serve.wait();
  CHECK_EQ(x.code, 0);
  CHECK_EQ(count(x.err, "cannot be used"), 2u);
  CHECK(contains(x.err, "pool.size is 0, but must be"));
}

SCENARIO("serve logs the pool's status again and again") {
  program serve{{"cenote", "serve", "--log-status-interval=100ms", "--pool-size=2"}, at(shared_server().uri())};
  REQUIRE(serve.logs(" INFO pool main: size 2, checked in 2, checked out 0"));
  serve.signal(SIGTERM);
  CHECK_EQ(serve.wait().code, 0);
  program quiet{{"cenote", "serve", "--log-status-interval=0"}, at(shared_server().uri())};
  REQUIRE(quiet.logs(" INFO ready: "));
  quiet.signal(SIGTERM);
  CHECK(!contains(quiet.wait().err, "checked in"));
}

SCENARIO("serve waits for a server that is down") {
  private_server server;
  server.stop();
  program serve{{"cenote", "serve", "--pool-max-reconnect-delay=200ms"}, at(server.uri())};
  REQUIRE(serve.logs(" WARNING the server is down or cannot be reached: "));
  server.start();
  CHECK(serve.logs(" INFO ready: "));
  serve.signal(SIGTERM);
  auto x = serve.wait();
  CHECK_EQ(x.code, 0);
  CHECK_EQ(count(x.err, " WARNING the server is down"), 1u);
  CHECK(!contains(x.err, "CRITICAL"));
}

SCENARIO("serve goes on when the server is restarted") {
  private_server server;
  program serve{{"cenote", "serve", "--pool-max-reconnect-delay=200ms", "--log-status-interval=100ms", "--pool-size=2"},
                at(server.uri())};
  REQUIRE(serve.logs("checked in 2"));
  server.stop();
  REQUIRE(serve.logs("checked in 0"));
  server.start();
  CHECK(serve.logs("connects 4"));
  serve.signal(SIGTERM);
  CHECK_EQ(serve.wait().code, 0);
}

SCENARIO("serve ends if trying again is useless") {
  auto uri = shared_server().uri();
  auto x = run({"cenote", "serve"}, at(uri + "_unknown"));
  CHECK_EQ(x.code, 1);
  CHECK_EQ(count(x.err, " CRITICAL "), 1u);
  CHECK(contains(x.err, " CRITICAL the database does not exist"));
  x = run({"cenote", "serve"}, at("mysql://nobody:wrong" + uri.substr(uri.find('@'))));
  CHECK_EQ(x.code, 1);
  CHECK_EQ(count(x.err, " CRITICAL "), 1u);
  CHECK(contains(x.err, "wrong user or password"));
  CHECK_EQ(run({"cenote", "serve"}).code, 2);
}

SCENARIO("a connect that hangs does not delay the end") {
  silent_listener silent;
  program serve{{"cenote", "serve"}, at("mysql://u:p@127.0.0.1:" + std::to_string(silent.port()) + "/x")};
  REQUIRE(serve.logs(" serves pool main"));
  serve.signal(SIGTERM);
  auto x = serve.wait();
  CHECK_EQ(x.code, 0);
  CHECK_LT(x.seconds, 8.0); // connect-timeout is 10 s
}

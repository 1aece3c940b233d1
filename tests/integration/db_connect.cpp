#define CAF_SUITE db.connect

#include "db/connection.hpp"
#include "db/control_session.hpp"

#include "integration/db_impostor.hpp"
#include "integration/db_support.hpp"
#include "support/server.hpp"
#include "support/silent_listener.hpp"

#include <cstdlib>
#include <filesystem>

#include <fcntl.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

std::string text_of(db::connection& x, const std::string& expression) {
  return std::string{run(x, "SELECT " + expression)[0].text(0)};
}

std::string text_of(db::connection&& x, const std::string& expression) {
  return text_of(x, expression);
}

size_t open_descriptors() {
  size_t result = 0;
  for (const auto& unused : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    static_cast<void>(unused);
    ++result;
  }
  return result;
}

/// An error of the connect phase that tells nobody the password.
void check_connect_error(const db::driver_error& error, uint32_t number, const server_settings& target,
                         db::phase when = db::phase::connecting) {
  CHECK(error.source == db::error_source::server);
  CHECK(error.phase == when);
  CHECK_EQ(error.number, number);
  CHECK_EQ(error.sqlstate.size(), 5u);
  CHECK(!error.text.empty());
  CHECK(!contains(error.text, target.password.reveal()));
}

} // namespace

SCENARIO("a connection knows its server and its session") {
  auto x = open(shared_server().settings());
  CHECK(x.server_version().starts_with("10.") || x.server_version().starts_with("11."));
  CHECK(x.is_mariadb());
  CHECK(!x.uses_tls());
  CHECK_EQ(text_of(x, "CONNECTION_ID()"), std::to_string(x.server_id()));
  CHECK_EQ(text_of(x, "DATABASE()"), "cenote");
  CHECK(x.usable());
  CHECK(x.alive());
}

SCENARIO("a connection answers a ping") {
  auto x = open(shared_server().settings());
  CHECK(finish(x, x.start_ping()).has_value());
  CHECK(x.alive());
}

SCENARIO("localhost means TCP unless a unix socket is given") {
  auto target = shared_server().settings();
  target.host = "localhost";
  auto tcp = open(target);
  CHECK(!contains(text_of(tcp, "USER()"), "@localhost"));
  target = shared_server().socket_settings();
  auto unix_socket = open(target);
  CHECK_EQ(text_of(unix_socket, "USER()"), "cenote@localhost");
}

SCENARIO("a unix socket is used whatever the host says") {
  auto target = shared_server().socket_settings();
  target.host = "no.such.host.invalid";
  auto x = open(target);
  CHECK_EQ(text_of(x, "USER()"), "cenote@localhost");
}

SCENARIO("the session is set up as the settings say") {
  auto target = shared_server().settings();
  target.sql_mode = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES";
  target.init_command = "SET @set = 'it''s set'";
  target.database.clear();
  auto x = open(target);
  CHECK_EQ(text_of(x, "@@sql_mode"), "ANSI_QUOTES,NO_BACKSLASH_ESCAPES");
  CHECK_EQ(text_of(x, "@@autocommit"), "1");
  CHECK_EQ(text_of(x, "@set"), "it's set");
  CHECK_EQ(text_of(x, "@@character_set_client"), "utf8mb4");
  CHECK_EQ(text_of(x, "@@character_set_results"), "utf8mb4");
  CHECK_EQ(text_of(x, "DATABASE() IS NULL"), "1");
}

SCENARIO("an init_command may give results back") {
  auto target = shared_server().settings();
  {
    auto x = open(target);
    run(x, "CREATE OR REPLACE PROCEDURE init() BEGIN SELECT 1; SELECT 2; SET @set = 3; END");
  }
  target.init_command = "CALL init()";
  auto x = open(target);
  CHECK_EQ(text_of(x, "@set"), "3");
}

SCENARIO("a set-up that fails is told as such") {
  auto target = shared_server().settings();
  target.init_command = "SELECT nonsense";
  auto error = fail_to_open(target);
  check_connect_error(error, 1054, target, db::phase::setting_up);
  CHECK(error.text.starts_with("init_command failed: "));
  target.init_command.clear();
  target.sql_mode = "NO_SUCH_MODE'";
  error = fail_to_open(target);
  check_connect_error(error, 1231, target, db::phase::setting_up);
  CHECK(error.text.starts_with("the set-up statement failed: "));
}

SCENARIO("all text is UTF-8, whichever of its names is given") {
  auto target = shared_server().settings();
  for (auto name : {"utf8mb4", "utf8", "utf8mb3"}) {
    target.charset = name;
    CHECK_EQ(text_of(open(target), "@@character_set_client"), "utf8mb4");
  }
  for (auto name : {"latin1", "binary", "ascii", "gbk", "sjis", "big5", "no_such_set", "utf8mb4'; DROP TABLE t", ""}) {
    target.charset = name;
    MESSAGE(name);
    auto error = fail_to_open(target);
    check_connect_error(error, 2019, target);
    CHECK(contains(error.text, "use utf8mb4"));
  }
  target.charset = "utf8mb4";
  for (auto name : {"gbk", "latin1", "binary"}) {
    target.init_command = std::string{"SET NAMES "} + name;
    CHECK(contains(fail_to_open(target).text, name));
  }
  target.init_command = "SET character_set_results = NULL";
  CHECK_EQ(fail_to_open(target).number, 2019u);
}

SCENARIO("what a session that has changed its character set is sent is bytes, not text") {
  auto x = open(shared_server().settings());
  CHECK(run(x, "SELECT 'a'").columns()[0].type == column_type::text);
  run(x, "SET character_set_results = latin1");
  auto rows = run(x, "SELECT CHAR(0xE9 USING latin1), 1, 1.5, CAST('a' AS BINARY)");
  CHECK(rows.columns()[0].type == column_type::bytes);
  CHECK_EQ(rows[0].text(0), "\xE9");
  CHECK_EQ(rows[0].get<int>(1), 1);
  CHECK(rows.columns()[3].type == column_type::bytes);
  run(x, "SET character_set_results = utf8mb3");
  CHECK_EQ(run(x, "SELECT CHAR(0xE9 USING latin1)")[0].get<std::string>(0), "\xC3\xA9");
}

SCENARIO("the program's name is shown to the server's operators") {
  private_server server{{"--performance-schema=ON"}};
  auto target = server.settings();
  target.program_name = "it's me";
  auto x = open(target);
  CHECK_EQ(text_of(x, "ATTR_VALUE FROM performance_schema.session_connect_attrs WHERE PROCESSLIST_ID = "
                      "CONNECTION_ID() AND ATTR_NAME = 'program_name'"),
           "it's me");
}

SCENARIO("a compressed connection works like any other") {
  auto target = shared_server().settings();
  target.compress = true;
  auto x = open(target);
  CHECK_EQ(run(x, "SHOW STATUS LIKE 'Compression'")[0].text(1), "ON");
  auto rows = run(x, read("SELECT REPEAT(?, 100), seq FROM seq_1_to_10000", "abcdefghij"));
  CHECK_EQ(rows.size(), 10'000u);
  CHECK_EQ(rows[9'999].get<int>(1), 10'000);
  auto large = run(x, read("SELECT LENGTH(?)", std::string(5'000'000, 'x')));
  CHECK_EQ(large[0].get<int>(0), 5'000'000);
}

SCENARIO("a connection can start from an address of our own") {
  auto target = shared_server().settings();
  target.bind_address = "127.0.0.3";
  auto x = open(target);
  CHECK(contains(text_of(x, "HOST FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()"), "127.0.0.3:"));
}

SCENARIO("the socket is neither waited on nor inherited") {
  auto x = open(shared_server().settings());
  CHECK((::fcntl(x.socket(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(x.socket(), F_GETFD) & FD_CLOEXEC) != 0);
}

SCENARIO("a refused login is told by its number") {
  auto target = shared_server().settings();
  auto wrong = target;
  wrong.password = secret{"not-the-password"};
  check_connect_error(fail_to_open(wrong), 1045, wrong);
  wrong = target;
  wrong.user = "nobody";
  check_connect_error(fail_to_open(wrong), 1045, wrong);
  wrong = target;
  wrong.database = "no_such_database";
  auto error = fail_to_open(wrong);
  check_connect_error(error, 1049, wrong);
  CHECK(contains(error.text, "no_such_database"));
}

SCENARIO("an empty password is empty, and not that of the environment") {
  ::setenv("MYSQL_PWD", shared_server().settings().password.reveal().c_str(), 1);
  auto target = shared_server().settings();
  target.password = secret{};
  auto error = fail_to_open(target);
  ::unsetenv("MYSQL_PWD");
  CHECK_EQ(error.number, 1045u);
  CHECK(contains(error.text, "using password: NO"));
}

SCENARIO("a port on which nobody listens is told with the meaning of the system's error") {
  auto target = shared_server().settings();
  target.port = 1;
  auto error = fail_to_open(target);
  check_connect_error(error, 2002, target);
  CHECK(error.text.starts_with("Can't connect to server on '127.0.0.1' (1"));
  CHECK(contains(error.text, "refused"));
  target = shared_server().socket_settings();
  target.unix_socket = "/no/such/socket";
  error = fail_to_open(target);
  check_connect_error(error, 2002, target);
  CHECK(contains(error.text, "No such file or directory"));
}

SCENARIO("a name that does not resolve is told as such") {
  auto target = shared_server().settings();
  target.host = "no-such-host.invalid";
  auto error = fail_to_open(target);
  check_connect_error(error, 2005, target);
  CHECK(contains(error.text, "no-such-host.invalid"));
}

SCENARIO("what Connector/C would take for more than a host name is refused") {
  auto target = shared_server().settings();
  for (auto host : {"", "host=127.0.0.1;user=root", "127.0.0.1,127.0.0.2", "repl://127.0.0.1", "127.0.0.1 ", "a;b"}) {
    target.host = host;
    auto error = fail_to_open(target);
    check_connect_error(error, 2005, target);
    CHECK(contains(error.text, "is not a host name or address"));
  }
}

SCENARIO("connecting to something that never answers takes as long as it may") {
  silent_listener listener;
  auto target = shared_server().settings();
  target.port = listener.port();
  target.connect_timeout = 1s;
  stopwatch since;
  check_connect_error(fail_to_open(target), 2013, target);
  CHECK(since.elapsed() > 900ms);
  CHECK(since.elapsed() < 3s);
}

SCENARIO("a server that falls silent in the middle of the login does not hold us longer") {
  for (auto stage : {0, 1, 2}) {
    MESSAGE("stage " << stage);
    impostor server{[stage](impostor& self) {
      self.greet();
      self.read_packet();
      if (stage > 0)
        self.welcome(2);
      if (stage > 1) {
        self.read_packet();
        self.welcome(1);
      }
    }};
    stopwatch since;
    check_connect_error(fail_to_open(server.settings()), 2013, server.settings(),
                        stage == 0 ? db::phase::connecting : db::phase::setting_up);
    CHECK(since.elapsed() > 900ms);
    CHECK(since.elapsed() < 3s);
  }
}

SCENARIO("a server that asks for the password in clear text does not get it") {
  impostor server{[](impostor& self) {
    self.greet();
    self.read_packet();
    self.write_packet(2, std::string_view{"\xFEmysql_clear_password\0", 22});
  }};
  auto error = fail_to_open(server.settings());
  check_connect_error(error, 5010, server.settings());
  CHECK(contains(server.received(), "alice"));
  CHECK(!contains(server.received(), "wonderland-7"));
}

SCENARIO("a server that asks for a file of this machine does not get it") {
  impostor server{[](impostor& self) {
    self.greet();
    self.read_packet();
    self.welcome(2);
    self.read_packet();
    self.write_packet(1, "\xFB/etc/passwd");
  }};
  auto error = fail_to_open(server.settings());
  CHECK(error.phase == db::phase::setting_up);
  CHECK(contains(server.received(), "SET NAMES"));
  CHECK(!contains(server.received(), "root:"));
}

SCENARIO("a statement that loads a local file is refused") {
  auto x = open(shared_server().settings());
  run(x, "CREATE TEMPORARY TABLE l (line TEXT)");
  auto error = fail(x, "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE l");
  CHECK(error.number == 4166 || error.number == 1148);
  CHECK_EQ(run(x, "SELECT COUNT(*) FROM l")[0].get<int>(0), 0);
}

SCENARIO("a session can be ended from another one") {
  auto control = open(shared_server().settings());
  auto x = open(shared_server().settings());
  auto target = shared_server().settings();
  auto killer = db::control_session::open(target);
  REQUIRE(killer.has_value());
  CHECK(killer->end_session(x.identity()).has_value());
  await([&] { return sessions(control, x.server_id()) == 0; });
  CHECK(killer->end_session(x.identity()).has_value()); // Gone already.
  CHECK(killer->stop_statement(x.identity()).has_value());
  target.password = secret{"not-the-password"};
  auto refused = db::control_session::open(target);
  REQUIRE(!refused.has_value());
  check_connect_error(refused.error(), 1045, target);
}

SCENARIO("a connection may be moved") {
  auto x = open(shared_server().settings());
  auto y = std::move(x);
  CHECK_EQ(run(y, "SELECT 1").size(), 1u);
  y = open(shared_server().settings());
  CHECK_EQ(run(y, "SELECT 2").size(), 1u);
}

SCENARIO("closing says goodbye") {
  auto control = open(shared_server().settings());
  auto aborted = [&] { return run(control, "SHOW GLOBAL STATUS LIKE 'Aborted_clients'")[0].get<std::string>(1); };
  auto before = aborted();
  uint64_t id = 0;
  {
    auto x = open(shared_server().settings());
    id = x.server_id();
  }
  await([&] { return sessions(control, id) == 0; });
  CHECK_EQ(aborted(), before);
}

SCENARIO("a thousand connections leave no descriptor behind") {
  auto target = shared_server().settings();
  static_cast<void>(open(target));
  auto before = open_descriptors();
  for (int i = 0; i < 1000; ++i) {
    auto x = open(target);
    if (i % 100 == 0)
      CHECK_EQ(run(x, "SELECT 1").size(), 1u);
  }
  target.password = secret{"not-the-password"};
  for (int i = 0; i < 100; ++i)
    fail_to_open(target);
  CHECK_EQ(open_descriptors(), before);
}

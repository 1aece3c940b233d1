#define CAF_SUITE db.failures

#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <csignal>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

db::connection connect() {
  return open(shared_server().settings());
}

/// Ends a session from the server's side, and waits until the server has done so.
void kill(db::connection& control, uint64_t id) {
  run(control, "KILL " + std::to_string(id));
  await([&] { return sessions(control, id) == 0; });
}

/// Starts a statement that waits on the server, and waits until it does.
db::progress start_waiting(db::connection& control, db::connection& x, const std::string& sql) {
  auto now = x.start_execute(write(sql));
  await([&] { return sessions(control, x.server_id(), sql) == 1; });
  return now;
}

} // namespace

SCENARIO("an error of the server has number, state and text, and the connection goes on") {
  auto x = connect();
  auto error = fail(x, "SELEKT 1");
  CHECK(error.source == db::error_source::server);
  CHECK(error.phase == db::phase::waiting);
  CHECK_EQ(error.number, 1064u);
  CHECK_EQ(error.sqlstate, "42000");
  CHECK(contains(error.text, "SELEKT"));
  run(x, "CREATE TEMPORARY TABLE u (a INT PRIMARY KEY)");
  run(x, "INSERT INTO u VALUES (1)");
  CHECK_EQ(fail(x, "INSERT INTO u VALUES (1)").number, 1062u);
  CHECK_EQ(fail(x, "SELECT * FROM no_such_table").sqlstate, "42S02");
  CHECK_EQ(fail(x, ";").text, "the statement is empty");
  CHECK(x.usable());
  CHECK(x.alive());
  CHECK_EQ(run(x, "SELECT COUNT(*) FROM u")[0].get<int>(0), 1);
}

SCENARIO("an error after some of the rows is an error, and the connection goes on") {
  auto x = connect();
  auto error =
      fail(x, "SELECT REPEAT('x', 1000), IF(seq < 5000, 1, (SELECT 1 UNION ALL SELECT 2)) FROM seq_1_to_10000");
  CHECK_EQ(error.number, 1242u);
  CHECK(error.phase == db::phase::waiting);
  CHECK(x.usable());
  CHECK_EQ(run(x, "SELECT 1")[0].get<int>(0), 1);
}

SCENARIO("a statement that the server's own time limit stops is an error, and the connection goes on") {
  auto x = connect();
  auto error = fail(x, "SET STATEMENT max_statement_time = 0.1 FOR SELECT SLEEP(60)");
  CHECK_EQ(error.number, 1969u);
  CHECK(x.usable());
  CHECK_EQ(run(x, "SELECT 1")[0].get<int>(0), 1);
}

SCENARIO("a statement that is stopped with KILL QUERY is an error, and the connection goes on") {
  auto control = connect();
  auto x = connect();
  auto now = start_waiting(control, x, "SELECT SLEEP(59)");
  run(control, "KILL QUERY " + std::to_string(x.server_id()));
  auto done = finish(x, now);
  REQUIRE(!done.has_value());
  CHECK_EQ(done.error().number, 1317u);
  CHECK(x.usable());
  CHECK_EQ(run(x, "SELECT 1")[0].get<int>(0), 1);
}

SCENARIO("the victim of a deadlock and a lock that is not granted leave the connection usable") {
  auto x = connect();
  auto y = connect();
  run(x, "CREATE OR REPLACE TABLE d (id INT PRIMARY KEY, a INT) ENGINE InnoDB");
  run(x, "INSERT INTO d VALUES (1, 0), (2, 0)");
  run(y, "SET innodb_lock_wait_timeout = 1");
  run(x, "START TRANSACTION");
  run(x, "UPDATE d SET a = 1 WHERE id = 1");
  CHECK_EQ(fail(y, "UPDATE d SET a = 2 WHERE id = 1").number, 1205u);
  CHECK(y.usable());
  run(y, "SET innodb_lock_wait_timeout = 50");
  run(y, "START TRANSACTION");
  run(y, "UPDATE d SET a = 2 WHERE id = 2");
  auto waiting = start_waiting(x, y, "UPDATE d SET a = 2 WHERE id = 1");
  auto mine = attempt(x, write("UPDATE d SET a = 1 WHERE id = 2"));
  if (mine)
    run(x, "COMMIT");
  auto other = finish(y, waiting);
  CHECK_NE(mine.has_value(), other.has_value());
  CHECK_EQ((mine ? other : mine).error().number, 1213u);
  CHECK_EQ((mine ? other : mine).error().sqlstate, "40001");
  CHECK(x.usable());
  CHECK(y.usable());
}

SCENARIO("a connection that was killed while idle is not alive, over TCP as over a unix socket") {
  auto control = connect();
  for (const auto& target : {shared_server().settings(), shared_server().socket_settings()}) {
    auto x = open(target);
    CHECK(x.alive());
    kill(control, x.server_id());
    await([&] { return !x.alive(); });
    CHECK(x.usable()); // Nothing was tried yet.
    auto error = fail(x, "SELECT 1");
    CHECK(error.source == db::error_source::server);
    // A unix socket refuses what is written after the end; TCP takes it before it learns better.
    auto unsent = error.number == 2006 && error.phase == db::phase::sending;
    auto lost = error.number == 2013 && error.phase == db::phase::waiting;
    CHECK(target.unix_socket.empty() ? unsent || lost : unsent);
    CHECK(!x.usable());
    CHECK(!x.alive());
  }
}

SCENARIO("after a loss everything else certainly is not sent") {
  auto control = connect();
  auto x = connect();
  kill(control, x.server_id());
  fail(x, "SELECT 1");
  auto error = fail(x, "SELECT 1");
  CHECK_EQ(error.number, 2006u);
  CHECK(error.phase == db::phase::sending);
}

SCENARIO("a ping of a connection that was killed fails") {
  auto control = connect();
  auto x = connect();
  kill(control, x.server_id());
  auto done = finish(x, x.start_ping());
  REQUIRE(!done.has_value());
  CHECK(done.error().number == 2006 || done.error().number == 2013);
  CHECK(!x.usable());
}

SCENARIO("a connection that is killed while it waits for an answer may have run its statement") {
  auto control = connect();
  for (const auto& target : {shared_server().settings(), shared_server().socket_settings()}) {
    auto x = open(target);
    auto now = start_waiting(control, x, "DO SLEEP(58)");
    run(control, "KILL " + std::to_string(x.server_id()));
    auto done = finish(x, now);
    REQUIRE(!done.has_value());
    CHECK_EQ(done.error().number, 2013u);
    CHECK_EQ(done.error().sqlstate, "HY000");
    CHECK(done.error().phase == db::phase::waiting);
    CHECK(!x.usable());
  }
}

SCENARIO("a connection that is killed in the middle of its rows gives no rows") {
  auto control = connect();
  auto x = connect();
  auto now = start_waiting(control, x, "SELECT REPEAT('x', 1000), SLEEP(IF(seq = 3000, 57, 0)) FROM seq_1_to_5000");
  for (int i = 0; i < 20 && now != db::progress::done; ++i)
    now = x.resume(true, true);
  run(control, "KILL " + std::to_string(x.server_id()));
  auto done = finish(x, now);
  REQUIRE(!done.has_value());
  CHECK(done.error().phase == db::phase::waiting);
  CHECK(!x.usable());
}

SCENARIO("a connection that was idle for longer than wait_timeout is not alive") {
  auto x = connect();
  run(x, "SET wait_timeout = 1");
  CHECK(x.alive());
  await([&] { return !x.alive(); });
  auto error = fail(x, "SELECT 1");
  CHECK(error.number == 2006 || error.number == 2013);
}

SCENARIO("a server that stops, or is killed, is noticed by idle and by busy connections") {
  private_server server;
  for (auto kill9 : {false, true}) {
    MESSAGE("kill9: " << kill9);
    auto control = open(server.settings());
    auto idle = open(server.settings());
    auto busy = open(server.settings());
    auto now = start_waiting(control, busy, "DO SLEEP(56)");
    if (kill9)
      server.kill9();
    else
      server.stop();
    await([&] { return !idle.alive(); });
    auto done = finish(busy, now);
    REQUIRE(!done.has_value());
    CHECK(done.error().phase == db::phase::waiting);
    CHECK(done.error().number == 2013 || done.error().number == 1053 || done.error().number == 1927);
    await([&] { return !busy.alive(); });
    CHECK_EQ(fail_to_open(server.settings()).number, 2002u);
    server.start();
    auto again = open(server.settings());
    CHECK_EQ(run(again, "SELECT 1").size(), 1u);
  }
}

SCENARIO("a full server refuses by number") {
  private_server server{{"--max-connections=10"}}; // The least that it takes.
  auto target = server.settings();
  std::vector<db::connection> all;
  for (;;) {
    auto x = db::connection::open(target);
    if (!x) {
      CHECK_EQ(x.error().number, 1040u);
      CHECK(x.error().phase == db::phase::connecting);
      break;
    }
    all.push_back(std::move(*x));
    REQUIRE_LT(all.size(), 12u);
  }
}

SCENARIO("a statement that was not handed over as a whole certainly did not run") {
  private_server server;
  auto x = open(server.socket_settings());
  // A server that stands still reads nothing: the socket is full before the statement is sent.
  ::kill(server.pid(), SIGSTOP);
  auto now = x.start_execute(read("SELECT LENGTH(?)", std::string(8'000'000, 'x')));
  CHECK(now == db::progress::want_write);
  ::kill(server.pid(), SIGKILL);
  auto done = finish(x, now);
  REQUIRE(!done.has_value());
  CHECK(done.error().phase == db::phase::sending);
  CHECK_EQ(done.error().number, 2006u);
  CHECK(!x.usable());
  server.kill9();
}

SCENARIO("a connection may be dropped in the middle of everything, without waiting") {
  auto control = connect();
  stopwatch since;
  std::vector<uint64_t> ids;
  for (const auto& target : {shared_server().settings(), shared_server().socket_settings()}) {
    auto waiting = open(target);
    waiting.start_execute(write("DO SLEEP(1)"));
    auto streaming = open(target);
    auto now = streaming.start_execute(read("SELECT REPEAT('x', 1000), seq FROM seq_1_to_100000000"));
    for (int i = 0; i < 100 && now != db::progress::done; ++i)
      now = advance(streaming, now);
    CHECK(now != db::progress::done);
    auto sending = open(target);
    sending.start_execute(read("SELECT LENGTH(?)", std::string(10'000'000, 'x')));
    auto pinging = open(target);
    pinging.start_ping();
    auto done = open(target);
    auto kept = done.start_execute(read("SELECT 1"));
    while (kept != db::progress::done)
      kept = advance(done, kept);
    ids = {waiting.server_id(), streaming.server_id(), sending.server_id(), pinging.server_id(), done.server_id()};
  }
  CHECK(since.elapsed() < 4s); // Not the time that the statements would have taken.
  // None of them lives on, once the server has come round to writing to it.
  for (auto id : ids)
    await([&] { return sessions(control, id) == 0; });
}

SCENARIO("a connection with an oversized result is dropped without reading the rest") {
  auto target = shared_server().settings();
  target.max_result_bytes = 1u << 20;
  stopwatch since;
  {
    auto x = open(target);
    CHECK(fail(x, "SELECT REPEAT('x', 1000) FROM seq_1_to_1000000000").source == db::error_source::result_too_large);
  }
  CHECK(since.elapsed() < 4s); // Not the time that the statements would have taken.
}

SCENARIO("a connection to a server that stands still is dropped without waiting for it") {
  private_server server;
  std::vector<db::connection> all;
  auto streaming = open(server.settings());
  auto now = streaming.start_execute(read("SELECT REPEAT('x', 1000) FROM seq_1_to_100000000"));
  for (int i = 0; i < 10; ++i)
    now = advance(streaming, now);
  auto oversized_settings = server.settings();
  oversized_settings.max_result_bytes = 100'000;
  auto oversized = open(oversized_settings);
  auto sending = open(server.settings());
  auto waiting = open(server.settings());
  waiting.start_execute(write("DO SLEEP(55)"));
  fail(oversized, "SELECT REPEAT('x', 1000) FROM seq_1_to_100000000");
  ::kill(server.pid(), SIGSTOP);
  auto sent = sending.start_execute(read("SELECT LENGTH(?)", std::string(12'000'000, 'x')));
  CHECK(sent == db::progress::want_write);
  all.push_back(std::move(streaming));
  all.push_back(std::move(oversized));
  all.push_back(std::move(sending));
  all.push_back(std::move(waiting));
  stopwatch since;
  all.clear();
  CHECK(since.elapsed() < 500ms);
  ::kill(server.pid(), SIGCONT);
}

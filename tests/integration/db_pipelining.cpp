// Statements that are sent one behind the other.

#define CAF_SUITE db.pipelining

#include "db/outbox.hpp"
#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

/// The first cell of each result; an error's number.
std::vector<std::string> texts(const std::vector<tl::expected<result, db::driver_error>>& outcomes) {
  std::vector<std::string> all;
  for (auto& x : outcomes)
    all.push_back(x ? (*x)[0].get<std::string>(0) : "error " + std::to_string(x.error().number));
  return all;
}

/// Statements of all sizes, some of which fail, and what comes of them.
std::pair<std::vector<statement>, std::vector<std::string>> a_mix(size_t count) {
  std::vector<statement> queries;
  std::vector<std::string> expected;
  for (size_t i = 0; i < count; ++i) {
    auto text = std::to_string(i);
    if (i % 7 == 3) {
      queries.push_back(read("SELECT no_such_column"));
      expected.push_back("error 1054");
    } else {
      // From one packet of the socket's to many, in both directions.
      auto size = i % 11 == 5 ? 100'000 : i % 5 == 1 ? 3'000 : 10;
      text += std::string(static_cast<size_t>(size), 'x');
      queries.push_back(read("SELECT CONCAT(?, '')", text));
      expected.push_back(text);
    }
  }
  return {queries, expected};
}

void check_mix(const server_settings& target) {
  auto x = open(target);
  auto [queries, expected] = a_mix(300);
  CHECK(texts(pipeline(x, queries)) == expected);
  CHECK(x.usable());
  CHECK(x.alive());
  CHECK_EQ(run(x, "SELECT 1")[0].get<int>(0), 1);
}

} // namespace

SCENARIO("each statement of a pipeline gets its own outcome, whatever came of those before") {
  check_mix(shared_server().settings());
  auto local = shared_server().settings();
  std::getline(std::ifstream{shared_server().folder() + "/socket"}, local.unix_socket);
  check_mix(local);
  auto compressed = shared_server().settings();
  compressed.compress = true;
  check_mix(compressed);
}

SCENARIO("a statement that is refused before it is sent disturbs nobody") {
  auto x = open(shared_server().settings());
  CHECK(!x.send(read("SELECT 'first'")));
  auto wrong = x.send(read("SELECT ?"));
  REQUIRE(wrong.has_value());
  CHECK(wrong->source == db::error_source::invalid_statement);
  CHECK(!x.send(read("SELECT 'second'")));
  x.flush();
  CHECK_EQ(finish(x, x.next())->operator[](0).get<std::string>(0), "first");
  CHECK_EQ(finish(x, x.next())->operator[](0).get<std::string>(0), "second");
  CHECK(x.alive());
}

SCENARIO("while an answer is being read nothing can be sent, and afterwards it can") {
  auto x = open(shared_server().settings());
  CHECK(x.can_send());
  CHECK(!x.send(read("SELECT SLEEP(0.05), REPEAT('x', 1000000)")));
  CHECK(x.can_send());
  x.flush();
  auto now = x.next();
  CHECK(now == db::progress::want_read);
  now = advance(x, now);
  CHECK(now != db::progress::done);
  CHECK(!x.can_send());
  CHECK_EQ(finish(x, now)->operator[](0).get<std::string>(1).size(), 1'000'000u);
  CHECK(x.can_send());
}

SCENARIO("what could not be sent is told apart from what was") {
  auto x = open(shared_server().settings());
  auto control = open(shared_server().settings());
  auto id = x.server_id();
  CHECK(!x.send(read("SELECT SLEEP(30) /* first */")));
  CHECK(!x.send(read("SELECT 2")));
  x.flush();
  CHECK_EQ(x.unsent(), 0u);
  await([&] { return sessions(control, id, "first") == 1; });
  run(control, "KILL " + std::to_string(id));
  await([&] { return sessions(control, id) == 0; });
  CHECK(!x.send(read("SELECT 3")));
  x.flush(); // The first one after the server's goodbye may still be taken by the system.
  CHECK(!x.send(read("SELECT 4")));
  x.flush();
  auto unsent = x.unsent();
  auto first = finish(x, x.next());
  REQUIRE(!first.has_value());
  CHECK(first.error().phase == db::phase::waiting);
  CHECK(!x.usable());
  CHECK(unsent <= 2);
}

namespace {

/// Two ends of a connection on which nobody reads unless a test does.
struct socket_pair {
  int ends[2] = {-1, -1};

  socket_pair() {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
      throw std::runtime_error("no socket pair");
  }
  ~socket_pair() {
    close_other();
    ::close(ends[0]);
  }

  void close_other() {
    if (ends[1] >= 0)
      ::close(std::exchange(ends[1], -1));
  }

  /// All that has arrived at the other end.
  std::string read_all() {
    std::string all;
    char buffer[65536];
    for (ssize_t n = 0; (n = ::recv(ends[1], buffer, sizeof(buffer), MSG_DONTWAIT)) > 0;)
      all.append(buffer, static_cast<size_t>(n));
    return all;
  }
};

} // namespace

SCENARIO("statements are handed over as packets, together") {
  socket_pair network;
  db::outbox out;
  CHECK(!out.is_waiting());
  out.add(db::outgoing::query, "DO 1");
  out.add(db::outgoing::query, std::string(300, 'x'));
  CHECK(out.is_waiting());
  CHECK_EQ(out.unsent(), 2u);
  out.flush(network.ends[0]);
  CHECK(!out.is_waiting());
  CHECK_EQ(out.unsent(), 0u);
  CHECK_EQ(network.read_all(), std::string("\5\0\0\0\3DO 1\x2d\1\0\0\3", 14) + std::string(300, 'x'));
}

SCENARIO("what the system does not take at once follows later, and nothing twice") {
  socket_pair network;
  db::outbox out;
  for (auto i = 0; i < 64; ++i)
    out.add(db::outgoing::query, std::string(20'000, 'x'));
  out.flush(network.ends[0]);
  CHECK(out.is_waiting());
  auto left = out.unsent();
  CHECK(left > 0u);
  CHECK(left < 64u);
  auto all = network.read_all();
  while (out.is_waiting()) {
    out.flush(network.ends[0]);
    all += network.read_all();
  }
  CHECK_EQ(out.unsent(), 0u);
  CHECK_EQ(all.size(), 64u * 20'005u);
}

SCENARIO("after an error nothing more is sent, and it is known what was not") {
  socket_pair network;
  db::outbox out;
  out.add(db::outgoing::query, "DO 1");
  out.flush(network.ends[0]);
  network.close_other();
  out.add(db::outgoing::query, "DO 2");
  out.flush(network.ends[0]);
  out.add(db::outgoing::query, "DO 3");
  out.flush(network.ends[0]);
  CHECK(!out.is_waiting());
  CHECK_EQ(out.unsent(), 2u);
}

// Statements that are sent one behind the other.

#define CAF_SUITE db.pipelining

#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <fstream>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

/// The first cell of each result; an error's number.
std::vector<std::string> texts(const std::vector<tl::expected<result, db::trouble>>& outcomes) {
  std::vector<std::string> all;
  for (auto& x : outcomes)
    all.push_back(x ? (*x)[0].get<std::string>(0) : "error " + std::to_string(x.error().number));
  return all;
}

/// Statements of all sizes, some of which fail, and what comes of them.
std::pair<std::vector<statement>, std::vector<std::string>> a_mix(size_t count) {
  std::vector<statement> what;
  std::vector<std::string> expected;
  for (size_t i = 0; i < count; ++i) {
    auto text = std::to_string(i);
    if (i % 7 == 3) {
      what.push_back(read("SELECT no_such_column"));
      expected.push_back("error 1054");
    } else {
      // From one packet of the socket's to many, in both directions.
      auto size = i % 11 == 5 ? 100'000 : i % 5 == 1 ? 3'000 : 10;
      text += std::string(static_cast<size_t>(size), 'x');
      what.push_back(read("SELECT CONCAT(?, '')", text));
      expected.push_back(text);
    }
  }
  return {what, expected};
}

void check_mix(const server_settings& where) {
  auto x = open(where);
  auto [what, expected] = a_mix(300);
  CHECK(texts(pipeline(x, what)) == expected);
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
  CHECK(wrong->source == db::complaint::invalid_statement);
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
  CHECK(first.error().when == db::phase::waiting);
  CHECK(!x.usable());
  CHECK(unsent <= 2);
}

// No answer of a server, however strange, leads to more than a failure.

#define CAF_SUITE db.hostile

#include "cenote/result.hpp"
#include "db/connection.hpp"
#include "db/control_session.hpp"

#include "integration/db_support.hpp"
#include "support/hostile_server.hpp"

#include <cstdlib>
#include <optional>
#include <random>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

uint64_t first_seed() {
  auto text = std::getenv("CENOTE_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
}

/// `CENOTE_TEST_ROUNDS` makes it more than what fits into a few seconds.
uint64_t rounds() {
  auto text = std::getenv("CENOTE_TEST_ROUNDS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 3000;
}

/// What became of many sessions with a hostile server.
struct tally {
  size_t refused = 0;     ///< Connects that failed.
  size_t failed = 0;      ///< Operations that failed.
  size_t succeeded = 0;   ///< Operations that gave a result.
  size_t unusable = 0;    ///< Connections that were given up.
  size_t misreported = 0; ///< Failures that say that nothing was sent.
};

/// Looks at every cell in every way that does not need a type.
void read_all(const result& x) {
  for (auto row : x)
    for (size_t i = 0; i < x.columns().size(); ++i) {
      static_cast<void>(row.text(i));
      try {
        static_cast<void>(row.value_at(i));
      } catch (const result_error&) {
        // As it is documented.
      }
    }
  for (auto& further : x.more())
    read_all(further);
}

transaction two_statements() {
  transaction result;
  result.statements.push_back(write("INSERT INTO t VALUES (?)", 1));
  result.statements.push_back(read("SELECT a, b FROM t"));
  return result;
}

/// Goes through all operations of a connection until it is of no use.
void use(db::connection& x, tally& to) {
  auto note = [&](const auto& outcome) {
    if (outcome) {
      ++to.succeeded;
      return;
    }
    ++to.failed;
    to.misreported += outcome.error().phase == db::phase::waiting && outcome.error().number == 2006;
  };
  for (auto step = 0; step < 6 && x.usable(); ++step) {
    switch (step) {
    case 0:
      note(finish(x, x.start_ping()));
      break;
    case 1: {
      auto now = x.start_compound(two_statements());
      while (now != db::progress::done)
        now = advance(x, now);
      auto all = x.take_compound();
      note(all);
      if (all)
        for (auto& each : *all)
          read_all(each);
      break;
    }
    case 2:
    case 4: {
      auto rows = attempt(x, read("SELECT a, b, c FROM t"));
      note(rows);
      if (rows)
        read_all(*rows);
      break;
    }
    case 3:
      note(finish(x, x.start_reset()));
      break;
    default:
      for (auto i = 0; i < 3 && x.can_send(); ++i)
        static_cast<void>(x.send(read("SELECT a, b, c FROM t")));
      x.flush();
      for (auto i = 0; i < 3 && x.usable(); ++i) {
        auto rows = finish(x, x.next());
        note(rows);
        if (rows)
          read_all(*rows);
      }
    }
  }
  to.unusable += !x.usable();
}

/// Sends a statement until it has been prepared, and then some more.
void send_often(db::connection& x, const statement& query, tally& to) {
  x.keep_prepared(10);
  for (auto i = 0; i < 12 && x.usable(); ++i) {
    if (x.send(query))
      return;
    x.flush();
    auto rows = finish(x, x.next());
    ++(rows ? to.succeeded : to.failed);
    if (rows)
      read_all(*rows);
  }
  to.unusable += !x.usable();
}

} // namespace

SCENARIO("an honest server of the test's own kind serves a connection") {
  hostile_server server;
  tally all;
  auto x = open(server.settings());
  use(x, all);
  CHECK_EQ(all.failed, 0u);
  CHECK_EQ(all.succeeded, 8u);
  CHECK_EQ(all.unusable, 0u);
}

SCENARIO("thousands of sessions with damaged replies end in results or failures") {
  hostile_server server;
  auto target = server.settings();
  auto seed = first_seed();
  MESSAGE("CENOTE_TEST_SEED=" << seed);
  tally all;
  for (uint64_t i = 0; i < rounds(); ++i) {
    server.be_hostile(seed + i, hostile_server::replies_of_login + 9);
    auto x = db::connection::open(target);
    if (x)
      use(*x, all);
    else
      ++all.refused;
  }
  MESSAGE(all.refused << " refused, " << all.failed << " failed, " << all.succeeded << " succeeded, " << all.unusable
                      << " unusable");
  CHECK(all.refused > rounds() / 10);
  CHECK(all.failed > rounds() / 10);
  CHECK(all.succeeded > rounds() / 10);
  CHECK_EQ(all.misreported, 0u);
}

SCENARIO("thousands of sessions with damaged replies to prepared statements end in results or failures") {
  hostile_server server;
  auto target = server.settings();
  const auto query = read("SELECT a, b, c FROM t WHERE a > ? AND b < ?", 1, "x");
  tally honest;
  auto first = open(target);
  send_often(first, query, honest);
  CHECK_EQ(honest.succeeded, 12u);
  CHECK_EQ(first.prepared().made, 1u);
  auto seed = first_seed();
  MESSAGE("CENOTE_TEST_SEED=" << seed);
  tally all;
  for (uint64_t i = 0; i < rounds(); ++i) {
    server.be_hostile(seed + i, hostile_server::replies_of_login + 13);
    if (auto x = db::connection::open(target))
      send_often(*x, query, all);
  }
  MESSAGE(all.failed << " failed, " << all.succeeded << " succeeded, " << all.unusable << " unusable");
  CHECK(all.failed > rounds() / 10);
  CHECK(all.succeeded > rounds());
}

SCENARIO("when a server has forgotten a prepared statement, that is told from a failure, and it goes as text") {
  hostile_server server;
  auto x = open(server.settings());
  x.keep_prepared(10);
  const auto query = read("SELECT a, b, c FROM forgotten WHERE a > ?", 1);
  auto send = [&] {
    REQUIRE(!x.send(query));
    x.flush();
    return finish(x, x.next());
  };
  for (auto i = 0; i < 5; ++i)
    CHECK(send().has_value());
  auto lost = send();
  REQUIRE(!lost.has_value());
  CHECK(lost.error().source == db::error_source::not_prepared);
  CHECK(!x.is_touched());
  CHECK(x.usable());
  for (auto i = 0; i < 5; ++i)
    CHECK(send().has_value());
  CHECK_EQ(x.prepared().made, 1u);
}

SCENARIO("a control session with damaged replies stops, or says that it could not") {
  hostile_server server;
  auto target = server.settings();
  auto seed = first_seed();
  MESSAGE("CENOTE_TEST_SEED=" << seed);
  size_t stopped = 0;
  size_t failed = 0;
  server_session whose{7, {"a hostile server", 1'700'000'000}, "alice@127.0.0.1:1"};
  for (auto i = 0; i < 1000; ++i) {
    server.be_hostile(seed + static_cast<uint64_t>(i), 6);
    auto x = db::control_session::open(target);
    for (auto kill = 0; kill < 2; ++kill)
      ++(x && x->stop_statement(whose) == db::kill_outcome::done ? stopped : failed);
  }
  CHECK(stopped > 100);
  CHECK(failed > 100);
}

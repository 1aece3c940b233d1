// What operators see of connections, sessions and statements, and sessions that they end.

#define CAF_SUITE pool_server.details

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <algorithm>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(3));

  pool_details now() { return request<pool_details>(pool, details_atom_v).get().value(); }

  std::vector<statement_summary> statements() {
    return request<std::vector<statement_summary>>(pool, statements_atom_v).get().value();
  }

  /// The connections that do this.
  std::vector<connection_details> doing(connection_activity x) {
    auto all = now().connections;
    std::erase_if(all, [x](auto& one) { return one.activity != x; });
    return all;
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("each connection shows what it does") {
  GIVEN("a pool of three: a session, a statement that takes its time, and an idle connection") {
    session_user user{system(), pool};
    session_options options;
    options.owner = "importer";
    auto id = user.checkout(options);
    REQUIRE(user.begin(id).has_value());
    user.must(id, read("SELECT 'last'"));
    auto slow = ask(pool, write("DO SLEEP(30) /* slow */"));
    await_running("%/* slow */", 1);
    WHEN("an operator looks") {
      auto seen = now();
      THEN("all three are there, with the server's numbers for them") {
        REQUIRE_EQ(seen.connections.size(), 3u);
        auto known = sessions();
        for (auto& x : seen.connections) {
          CHECK(std::ranges::find(known, x.server_connection_id) != known.end());
          CHECK_EQ(x.server, server.settings().endpoint());
          CHECK(x.age > 0s);
        }
        REQUIRE_EQ(doing(connection_activity::in_use).size(), 1u);
        auto busy = doing(connection_activity::in_use)[0];
        CHECK_EQ(busy.statement, "DO SLEEP(30) /* slow */");
        CHECK(busy.running > 0s);
        CHECK(busy.running <= busy.age);
        REQUIRE_EQ(doing(connection_activity::idle).size(), 1u);
        CHECK_EQ(doing(connection_activity::idle)[0].statement, "");
        CHECK_EQ(doing(connection_activity::session).size(), 1u);
      }
      AND("so is the session, with what it did last") {
        REQUIRE_EQ(seen.sessions.size(), 1u);
        auto& session = seen.sessions[0];
        CHECK(session.id == id);
        CHECK_EQ(session.owner, "importer");
        CHECK(!session.holder.empty());
        CHECK_EQ(session.last_statement, "SELECT 'last'");
        CHECK(session.in_transaction);
        CHECK(session.age > 0s);
        CHECK_EQ(session.connection, doing(connection_activity::session)[0].id);
      }
    }
  }
}

SCENARIO("an operator ends a session, and its transaction is rolled back") {
  GIVEN("a session that has inserted a row and runs something") {
    must(admin(), write("CREATE TABLE t (a INT) ENGINE=InnoDB"));
    session_user user{system(), pool};
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    user.must(id, write("INSERT INTO t VALUES (1)"));
    auto runs = user.ask(id, read("SELECT SLEEP(30) /* held */"));
    await_running("%/* held */", 1);
    WHEN("it is ended") {
      REQUIRE(request<void>(pool, kill_atom_v, id).get().has_value());
      THEN("its holder is told, nothing of it stays, and the connection serves others") {
        auto came = runs.get();
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "session_ended");
        auto late = user.commit(id);
        REQUIRE(!late.has_value());
        CHECK_EQ(to_string(late.error().code), "session_ended");
        CHECK_EQ(to_string(late.error().outcome), "rolled_back");
        CHECK(late.error().text.find("operator") != std::string::npos);
        auto free = await_free(pool, 3);
        CHECK_EQ(free.lost, 0u);
        CHECK_EQ(free.connects, 3u);
        CHECK_EQ(must(admin(), read("SELECT COUNT(*) FROM t"))[0].get<int>(0), 0);
        CHECK(now().sessions.empty());
      }
      AND("a second time there is no such session") {
        auto again = request<void>(pool, kill_atom_v, id).get();
        REQUIRE(!again.has_value());
        CHECK_EQ(to_string(again.error().code), "session_ended");
        CHECK(!request<void>(pool, kill_atom_v, session_id{42}).get().has_value());
      }
    }
  }
}

SCENARIO("statements are counted and timed by their digests") {
  GIVEN("reads, writes, a transaction, a session and an error") {
    must(pool, write("CREATE TABLE t (a INT)"));
    for (int i = 0; i < 20; ++i)
      must(pool, read("SELECT " + std::to_string(i) + " UNION ALL SELECT 2"));
    must(pool, write("INSERT INTO t VALUES (1), (2), (3)"));
    must(pool, read("SELECT SLEEP(0.2)"));
    REQUIRE(run(pool, all_or_nothing(write("INSERT INTO t VALUES (4)"), write("DELETE FROM t"))).has_value());
    REQUIRE(!run(pool, read("SELECT nonsense")).has_value());
    session_user user{system(), pool};
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    REQUIRE(user.commit(id).has_value());
    WHEN("an operator looks") {
      auto all = statements();
      auto of = [&](const std::string& digest) {
        auto i = std::ranges::find(all, digest, &statement_summary::digest);
        return i == all.end() ? statement_summary{} : *i;
      };
      THEN("all of them are there") {
        CHECK_EQ(of("SELECT ? UNION ALL SELECT ?").calls, 20u);
        CHECK_EQ(of("SELECT ? UNION ALL SELECT ?").rows, 40u);
        CHECK_EQ(of("INSERT INTO t VALUES (?)").rows, 3u);
        CHECK_EQ(of("SELECT nonsense").errors, 1u);
        CHECK(of("SELECT SLEEP(?)").total >= 200ms);
        CHECK_EQ(of("START TRANSACTION; INSERT INTO t VALUES (?); DELETE FROM t; COMMIT").rows, 5u);
        CHECK_EQ(of("COMMIT").calls, 1u);
        CHECK(std::ranges::is_sorted(all, std::greater{}, &statement_summary::total));
      }
    }
    WHEN("the statistics are switched off") {
      settings off;
      off.server = server.settings();
      off.pool = rules_for(3);
      off.pool.statement_statistics = false;
      REQUIRE(request<void>(pool, reconfigure_atom_v, settings_update{off}).get().has_value());
      must(pool, read("SELECT 1"));
      THEN("there are none") {
        CHECK(statements().empty());
      }
    }
  }
}

END_FIXTURE_SCOPE()

// Transactions that are cut off in the middle, and in their COMMIT.

#define CAF_SUITE sessions.cuts

#include "support/both_ways.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/send.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));
  pool_actor other_pool = start_full_pool(server.settings(), rules_for(1));
  session_user other{system(), other_pool};

  fixture() { must(pool, write("CREATE TABLE things (id INT PRIMARY KEY)")); }

  size_t things() { return must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0); }

  /// A transaction that inserts a row and sleeps.
  static transaction slow() {
    return all_or_nothing(write("INSERT INTO things VALUES (1)"), read("SELECT SLEEP(60)"), read("SELECT 1"));
  }

  /// The session that does something like `pattern`.
  uint64_t who_runs(const std::string& pattern) {
    await_running(pattern, 1);
    return must(admin(), read("SELECT ID FROM information_schema.PROCESSLIST"
                              " WHERE ID <> CONNECTION_ID() AND INFO LIKE ?",
                              pattern))[0]
        .get<uint64_t>(0);
  }

  bool leaves_nothing() {
    await_free(pool, 1);
    return eventually([&] { return things() == 0; }) && must(pool, read("SELECT @@in_transaction"))[0].get<int>(0) == 0;
  }

  /// Runs a transaction and stops the world when it is in its COMMIT.
  awaited<std::vector<result>> ask_stuck(const pool_actor& handle, const way& form, session_id session) {
    other.must(session, read("SELECT GET_LOCK('gate', 0)"));
    auto asked = ask(handle, form(all_or_nothing(write("INSERT INTO things VALUES (1)"),
                                                 read("SELECT GET_LOCK('gate', 60), RELEASE_LOCK('gate')"))));
    await_running("%GET_LOCK('gate', 60)%", 1); // Not the other one, which may still be shown.
    // It keeps all others from committing.
    other.must(session, write("FLUSH TABLES WITH READ LOCK"));
    other.must(session, read("SELECT RELEASE_LOCK('gate')"));
    if (!eventually([&] { return stuck_session().has_value(); }))
      throw std::runtime_error{"the transaction does not get to its COMMIT"};
    return asked;
  }

  std::optional<uint64_t> stuck_session() {
    auto rows = must(admin(), read("SELECT ID FROM information_schema.PROCESSLIST WHERE STATE LIKE '%backup lock%'"));
    return rows.empty() ? std::nullopt : std::optional{rows[0].get<uint64_t>(0)};
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a transaction whose connection is killed is rolled back") {
  GIVEN("a transaction in its second statement") {
    WHEN("its connection is killed, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto asked = ask(pool, way(slow()));
        end_session(who_runs("%SLEEP(60)%"));
        auto came = asked.get();
        THEN("that is known if the COMMIT cannot have been on its way") {
          REQUIRE(!came.has_value());
          CHECK_EQ(to_string(came.error().code), "connection_lost");
          CHECK_EQ(to_string(came.error().outcome), way.whole ? "unknown" : "rolled_back");
          if (!way.whole)
            CHECK_EQ(came.error().statement_index.value_or(99), 1u);
          CHECK(leaves_nothing());
        }
      }
    }
  }
}

SCENARIO("a transaction whose statement is interrupted is rolled back") {
  GIVEN("a transaction in its second statement") {
    WHEN("that statement is killed, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto asked = ask(pool, way(slow()));
        must(admin(), write("KILL QUERY ?", who_runs("%SLEEP(60)%")));
        auto came = asked.get();
        THEN("nothing is left of it, and the connection is kept") {
          REQUIRE(!came.has_value());
          CHECK_EQ(to_string(came.error().code), "interrupted");
          CHECK_EQ(to_string(came.error().outcome), "rejected");
          CHECK_EQ(came.error().statement_index.value_or(99), 1u);
          CHECK(leaves_nothing());
        }
      }
      CHECK_EQ(status(pool).connects, 1u);
    }
  }
}

SCENARIO("a transaction that takes too long is stopped and rolled back") {
  GIVEN("a transaction of a minute that may take half a second") {
    WHEN("it is run, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto came = run(pool, way(slow().within(500ms)));
        THEN("its time is up, nothing runs on, nothing is left, and the connection is kept") {
          REQUIRE(!came.has_value());
          CHECK_EQ(to_string(came.error().code), "statement_timeout");
          CHECK_EQ(to_string(came.error().outcome), way.whole ? "unknown" : "rolled_back");
          await_running("%SLEEP(60)%", 0);
          CHECK(leaves_nothing());
        }
      }
      CHECK_EQ(status(pool).connects, 1u);
    }
  }
}

SCENARIO("a transaction whose caller ends is stopped and rolled back") {
  GIVEN("a transaction in its second statement") {
    WHEN("its caller ends, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto caller = system().spawn([this, request = way(slow())](caf::event_based_actor* self) -> caf::behavior {
          self->request(pool, caf::infinite, transact_atom_v, request).then([](const std::vector<result>&) {});
          return {[](caf::ok_atom) {}};
        });
        await_running("%SLEEP(60)%", 1);
        caf::anon_send_exit(caller, caf::exit_reason::kill);
        THEN("nothing runs on, nothing is left, and the connection is kept") {
          await_running("%SLEEP(60)%", 0);
          CHECK(leaves_nothing());
        }
      }
      CHECK_EQ(status(pool).connects, 1u);
    }
  }
}

SCENARIO("a transaction whose COMMIT gets no answer is unknown and never repeated") {
  GIVEN("a retrier, and commits that do not get through") {
    auto retrier = spawn_retrier(system(), pool, {});
    WHEN("the connection is killed in a COMMIT, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto session = other.checkout();
        auto served = await_free(pool, 1).served;
        auto asked = ask_stuck(retrier, way, session);
        must(admin(), write("KILL CONNECTION ?", *stuck_session()));
        auto came = asked.get();
        REQUIRE(other.checkin(session).has_value());
        THEN("the answer says so after one attempt") {
          REQUIRE(!came.has_value());
          CHECK_EQ(to_string(came.error().code), "connection_lost");
          CHECK_EQ(to_string(came.error().outcome), "unknown");
          CHECK_EQ(came.error().attempts, 1u);
          CHECK_EQ(await_free(pool, 1).served, served + 1);
          must(pool, write("DELETE FROM things"));
        }
      }
    }
    caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown);
  }
}

SCENARIO("a transaction whose COMMIT is interrupted is unknown") {
  GIVEN("a transaction in its COMMIT") {
    WHEN("that is killed, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto session = other.checkout();
        auto asked = ask_stuck(pool, way, session);
        must(admin(), write("KILL QUERY ?", *stuck_session()));
        auto came = asked.get();
        REQUIRE(other.checkin(session).has_value());
        THEN("the answer says so, and no transaction stays open") {
          REQUIRE(!came.has_value());
          CHECK_EQ(to_string(came.error().outcome), "unknown");
          CHECK(!came.error().statement_index);
          CHECK_EQ(must(pool, read("SELECT @@in_transaction"))[0].get<int>(0), 0);
          must(pool, write("DELETE FROM things"));
        }
      }
    }
  }
}

SCENARIO("a server that dies in a COMMIT leaves it unknown") {
  GIVEN("a transaction in its COMMIT") {
    auto session = other.checkout();
    auto asked = ask_stuck(pool, both_ways[1], session);
    WHEN("the server is killed") {
      server.kill9();
      auto came = asked.get();
      THEN("the answer says so") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "connection_lost");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
      }
    }
  }
}

END_FIXTURE_SCOPE()

// An administrator's KILL of every kind, in every state of a session.

#define CAF_SUITE chaos.kills

#include "integration/chaos_support.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

struct fixture : chaos_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));

  fixture() {
    must(pool, write("CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE=InnoDB"));
    must(pool, write("INSERT INTO t VALUES (1, 0)"));
  }

  void kill_session(const std::string& command, uint64_t id) { must(admin(), write(command + " ?", id)); }

  /// What becomes of a statement that is killed while it runs. It is known by a comment.
  failure killed(const std::string& command, statement victim) {
    victim.sql += " /* victim */";
    auto asked = ask(pool, std::move(victim));
    await_running("%/* victim */", 1);
    kill_session(command, session_running("%/* victim */"));
    auto came = asked.get();
    // The server may still be at it when the client has been cut off; the next one must not be taken for this one.
    await_running("%/* victim */", 0);
    if (came)
      throw std::runtime_error{command + " has not ended the statement"};
    return came.error();
  }
};

/// Statement and session end; or only the statement does.
constexpr const char* of_session[] = {"KILL", "KILL CONNECTION", "KILL SOFT CONNECTION", "KILL HARD CONNECTION"};
constexpr const char* of_statement[] = {"KILL QUERY", "KILL SOFT QUERY", "KILL HARD QUERY"};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("no caller notices a kill of an idle session") {
  GIVEN("a pool of one that is idle") {
    WHEN("it is killed in every way, and somebody writes at once") {
      int rounds = 0;
      for (int i = 0; i < 5; ++i) {
        for (auto command : of_statement) {
          auto before = session_of(pool);
          kill_session(command, before);
          must(pool, write("UPDATE t SET v = v + 1"));
          CHECK_EQ(session_of(pool), before);
          ++rounds;
        }
        for (auto command : of_session) {
          kill_session(command, session_of(pool));
          must(pool, write("UPDATE t SET v = v + 1"));
          ++rounds;
        }
      }
      THEN("each write was carried out once") {
        CHECK_EQ(count("SELECT v FROM t"), static_cast<uint64_t>(rounds));
      }
    }
  }
}

SCENARIO("a kill of a running statement is an interruption, and keeps the connection") {
  GIVEN("a pool of one") {
    auto before = session_of(pool);
    WHEN("statements that compute, sleep and change rows are killed") {
      for (auto command : of_statement)
        for (auto sql : {"SELECT SLEEP(60)", "SELECT SUM(a.seq * b.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
                         "UPDATE t SET v = v + 1 WHERE SLEEP(60) = 0"}) {
          auto error = killed(command, write(sql));
          MESSAGE(command << " " << sql << ": " << to_string(error));
          CHECK_EQ(to_string(error.code), "interrupted");
          CHECK_EQ(to_string(error.outcome), "rejected");
          CHECK_EQ(error.number, 1317u);
        }
      THEN("the session is the same, and nothing was changed") {
        CHECK_EQ(session_of(pool), before);
        CHECK_EQ(count("SELECT v FROM t"), 0u);
      }
    }
  }
}

SCENARIO("a kill of a session that runs a statement is a lost connection") {
  GIVEN("a pool of one") {
    WHEN("the sessions of statements that compute, sleep and change rows are killed") {
      for (auto command : of_session)
        for (auto sql : {"SELECT SLEEP(60)", "SELECT SUM(a.seq * b.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
                         "UPDATE t SET v = v + 1 WHERE SLEEP(60) = 0"}) {
          auto before = session_of(pool);
          auto error = killed(command, write(sql));
          MESSAGE(command << " " << sql << ": " << to_string(error));
          CHECK_EQ(to_string(error.code), "connection_lost");
          CHECK_EQ(to_string(error.outcome), "unknown");
          CHECK_NE(session_of(pool), before);
        }
      THEN("nothing was changed") {
        CHECK_EQ(count("SELECT v FROM t"), 0u);
      }
    }
  }
}

SCENARIO("kills reach a statement that waits for a lock") {
  GIVEN("a row that somebody has locked") {
    auto other = start_full_pool(server.settings(), rules_for(1));
    auto holder = ask(other, write("UPDATE t SET v = v + 1 + SLEEP(120) WHERE id = 1 /* holder */"));
    await_running("%/* holder */", 1);
    WHEN("statements that wait for it are killed") {
      for (auto command : of_statement) {
        auto error = killed(command, write("UPDATE t SET v = 7 WHERE id = 1"));
        CHECK_EQ(to_string(error.code), "interrupted");
        CHECK_EQ(to_string(error.outcome), "rejected");
      }
      for (auto command : of_session) {
        auto error = killed(command, write("UPDATE t SET v = 7 WHERE id = 1"));
        CHECK_EQ(to_string(error.code), "connection_lost");
        CHECK_EQ(to_string(error.outcome), "unknown");
      }
      THEN("none of them has changed the row, and the pool serves") {
        kill_session("KILL QUERY", session_running("%/* holder */"));
        holder.get();
        await_free(pool, 1);
        CHECK_EQ(count("SELECT COUNT(*) FROM t WHERE v = 7"), 0u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

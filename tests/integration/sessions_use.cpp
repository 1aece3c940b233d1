// Sessions as their holders use them.

#define CAF_SUITE sessions.use

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(2));
  session_user user{system(), pool};
  session_user second{system(), pool};

  fixture() : pool_fixture{{"--innodb-lock-wait-timeout=1"}} {
    must(pool, write("CREATE TABLE things (id INT PRIMARY KEY)"));
  }

  statement insert(int id) { return write("INSERT INTO things VALUES (?)", id); }

  size_t things() { return must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0); }

  size_t things(session_user& holder, session_id id) {
    return holder.must(id, read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0);
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("two sessions interleave and see only what the other has committed") {
  GIVEN("two sessions with a transaction each") {
    auto a = user.checkout();
    auto b = second.checkout();
    REQUIRE_NE(a, b);
    transaction_options options{isolation::read_committed};
    REQUIRE(user.begin(a, options).has_value());
    REQUIRE(second.begin(b, options).has_value());
    WHEN("they write and read in turn") {
      user.must(a, insert(1));
      auto b_before = things(second, b);
      second.must(b, insert(2));
      auto a_before = things(user, a);
      REQUIRE(user.commit(a).has_value());
      auto b_after = things(second, b);
      REQUIRE(second.rollback(b).has_value());
      auto a_after = things(user, a);
      THEN("each sees its own work, and the other's after its commit") {
        CHECK_EQ(b_before, 0u);
        CHECK_EQ(a_before, 1u);
        CHECK_EQ(b_after, 2u);
        CHECK_EQ(a_after, 1u);
        CHECK(user.checkin(a).has_value());
        CHECK(second.checkin(b).has_value());
        CHECK_EQ(await_free(pool, 2).connects, 2u);
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

SCENARIO("a session keeps its connection") {
  GIVEN("a session") {
    auto id = user.checkout();
    WHEN("it sets a variable, and others use the pool meanwhile") {
      auto mine = user.must(id, which_session())[0].get<uint64_t>(0);
      user.must(id, write("SET @mine = 42"));
      std::vector<uint64_t> theirs;
      for (int i = 0; i < 10; ++i)
        theirs.push_back(must(pool, which_session())[0].get<uint64_t>(0));
      auto row = user.must(id, read("SELECT CONNECTION_ID(), @mine"));
      THEN("it is the same connection, and nobody else's") {
        CHECK_EQ(row[0].get<uint64_t>(0), mine);
        CHECK_EQ(row[0].get<int>(1), 42);
        CHECK(std::ranges::find(theirs, mine) == theirs.end());
      }
    }
  }
}

SCENARIO("savepoints nest") {
  GIVEN("a transaction with a savepoint within a savepoint") {
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    user.must(id, insert(1));
    REQUIRE(user.savepoint(id, "outer").has_value());
    user.must(id, insert(2));
    REQUIRE(user.savepoint(id, "in`ner").has_value());
    user.must(id, insert(3));
    WHEN("it goes back to one after the other") {
      auto to_inner = user.rollback(id, "in`ner");
      auto after_inner = things(user, id);
      auto to_outer = user.rollback(id, "outer");
      auto after_outer = things(user, id);
      auto gone = user.rollback(id, "in`ner");
      THEN("only what came after each is undone") {
        CHECK(to_inner.has_value());
        CHECK_EQ(after_inner, 2u);
        CHECK(to_outer.has_value());
        CHECK_EQ(after_outer, 1u);
        REQUIRE(!gone.has_value());
        CHECK_EQ(to_string(gone.error().code), "server_error");
        CHECK_EQ(gone.error().number, 1305u);
        CHECK(user.commit(id).has_value());
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

SCENARIO("a transaction does not begin within another one") {
  GIVEN("a session with an open transaction") {
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    user.must(id, insert(1));
    WHEN("it begins again") {
      auto came = user.begin(id);
      THEN("that is refused with an advice, and what was done is not committed") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "invalid_statement");
        CHECK_EQ(to_string(came.error().outcome), "rejected");
        CHECK_NE(came.error().text.find("commit or roll back first"), std::string::npos);
        CHECK_EQ(things(), 0u);
        CHECK(user.rollback(id).has_value());
        CHECK(user.begin(id).has_value());
        CHECK_EQ(things(user, id), 0u);
      }
    }
  }
}

SCENARIO("a deadlock ends the transaction of a session") {
  GIVEN("two sessions that wait for each other's row") {
    must(pool, write("INSERT INTO things VALUES (1), (2)"));
    auto a = user.checkout();
    auto b = second.checkout();
    REQUIRE(user.begin(a).has_value());
    REQUIRE(second.begin(b).has_value());
    user.must(a, write("UPDATE things SET id = id WHERE id = 1"));
    second.must(b, write("UPDATE things SET id = id WHERE id = 2"));
    // So that it is not chosen as the victim.
    second.must(b, write("INSERT INTO things VALUES (5), (6), (7), (8)"));
    auto waiting = second.ask(b, write("UPDATE things SET id = 10 WHERE id = 1"));
    await_running("%id = 10%", 1);
    WHEN("one of them is the victim of the deadlock") {
      auto came = user.run(a, write("UPDATE things SET id = 20 WHERE id = 2"));
      REQUIRE(!came.has_value());
      CHECK_EQ(to_string(came.error().code), "deadlock");
      CHECK_EQ(to_string(came.error().outcome), "rolled_back");
      CHECK(waiting.get().has_value());
      THEN("it can begin anew at once") {
        CHECK(user.begin(a).has_value());
      }
    }
  }
}

SCENARIO("a lock wait leaves the transaction of a session open") {
  GIVEN("a session that waits for a row in vain") {
    must(pool, write("INSERT INTO things VALUES (1)"));
    auto a = user.checkout();
    auto b = second.checkout();
    REQUIRE(user.begin(a).has_value());
    REQUIRE(second.begin(b).has_value());
    user.must(a, write("UPDATE things SET id = id WHERE id = 1"));
    second.must(b, insert(2));
    WHEN("the wait is over") {
      auto came = second.run(b, write("UPDATE things SET id = 9 WHERE id = 1"));
      REQUIRE(!came.has_value());
      CHECK_EQ(to_string(came.error().code), "lock_wait");
      THEN("its transaction is still open") {
        CHECK(!second.begin(b).has_value());
        CHECK_EQ(things(second, b), 2u);
        CHECK(second.commit(b).has_value());
        CHECK_EQ(things(), 2u);
      }
    }
  }
}

SCENARIO("what is sent without waiting is done in its order") {
  GIVEN("a session") {
    auto id = user.checkout();
    WHEN("everything from begin to checkin is sent at once") {
      auto begun = user.ask_begin(id);
      std::vector<awaited<result>> inserts;
      for (int i = 0; i < 100; ++i)
        inserts.push_back(user.ask(id, insert(i)));
      auto failing = user.ask(id, insert(50));
      auto slow = user.ask(id, read("SELECT COUNT(*), SLEEP(0.1) FROM things WHERE id = 1"));
      auto counted = user.ask(id, read("SELECT COUNT(*) FROM things"));
      auto committed = user.ask_commit(id);
      auto checked_in = user.ask_checkin(id);
      auto late = user.ask(id, read("SELECT 1"));
      THEN("all is done, one after the other, and only what came after the checkin is not") {
        CHECK(begun.get().has_value());
        for (auto& x : inserts)
          CHECK(x.get().has_value());
        CHECK(!failing.get().has_value());
        CHECK(slow.get().has_value());
        CHECK_EQ(counted.get().value()[0].get<int>(0), 100);
        CHECK(committed.get().has_value());
        CHECK(checked_in.get().has_value());
        auto refused = late.get();
        REQUIRE(!refused.has_value());
        CHECK_EQ(to_string(refused.error().code), "session_ended");
        CHECK_EQ(things(), 100u);
      }
    }
  }
}

SCENARIO("a checkin rolls back what is open") {
  GIVEN("a session with an open transaction") {
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    user.must(id, insert(1));
    WHEN("it is checked in twice") {
      auto first = user.checkin(id);
      auto again = user.checkin(id);
      THEN("both are fine, nothing is left, and the connection serves again") {
        CHECK(first.has_value());
        CHECK(again.has_value());
        CHECK_EQ(await_free(pool, 2).connects, 2u);
        CHECK_EQ(things(), 0u);
      }
    }
  }
}

SCENARIO("a session that has ended is refused") {
  GIVEN("a session that was checked in, and one that never was") {
    auto old = user.checkout();
    REQUIRE(user.checkin(old).has_value());
    auto other = second.checkout();
    WHEN("they are used") {
      for (auto id : {old, session_id{1234567}}) {
        auto statement = user.run(id, read("SELECT 1"));
        const done all[] = {user.begin(id), user.commit(id), user.rollback(id), user.savepoint(id, "a"),
                            user.rollback(id, "a")};
        THEN("every message is refused, and says so") {
          REQUIRE(!statement.has_value());
          CHECK_EQ(to_string(statement.error().code), "session_ended");
          CHECK_EQ(to_string(statement.error().outcome), "rejected");
          for (auto& x : all) {
            REQUIRE(!x.has_value());
            CHECK_EQ(to_string(x.error().code), "session_ended");
          }
        }
      }
      CHECK_NE(old, other);
      second.must(other, read("SELECT 1"));
    }
  }
}

SCENARIO("a statement of a session has its own time limit") {
  GIVEN("a session with an open transaction") {
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    user.must(id, insert(1));
    WHEN("a statement takes too long") {
      auto came = user.run(id, read("SELECT SLEEP(60)").within(200ms));
      THEN("only that is stopped: the session and its transaction go on") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "statement_timeout");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        CHECK_EQ(things(user, id), 1u);
        CHECK(user.commit(id).has_value());
        CHECK_EQ(things(), 1u);
        await_running("%SLEEP(60)%", 0);
      }
    }
  }
}

SCENARIO("a session that cannot be had in time is refused") {
  GIVEN("a pool whose connections are all checked out") {
    auto a = user.checkout();
    auto b = user.checkout();
    WHEN("another one is asked for with little patience") {
      session_options options;
      options.acquire_timeout = 100ms;
      auto came = second.ask_checkout(options).get();
      THEN("it is refused, and after a checkin the next one comes") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "acquire_timeout");
        CHECK(came.error().waited >= 100ms);
        auto next = second.ask_checkout();
        CHECK(user.checkin(a).has_value());
        CHECK(next.get().has_value());
        user.must(b, read("SELECT 1"));
      }
    }
  }
}

SCENARIO("the isolation level and read only of a session's transaction end with it") {
  GIVEN("a session with a read-only transaction") {
    auto id = user.checkout();
    transaction_options options;
    options.read_only = true;
    REQUIRE(user.begin(id, options).has_value());
    WHEN("it writes in it and in the next one") {
      auto refused = user.run(id, insert(1));
      REQUIRE(user.rollback(id).has_value());
      REQUIRE(user.begin(id).has_value());
      auto came = user.run(id, insert(1));
      THEN("only the first is refused") {
        REQUIRE(!refused.has_value());
        CHECK_EQ(to_string(refused.error().code), "read_only_server");
        CHECK(came.has_value());
      }
    }
  }
}

END_FIXTURE_SCOPE()

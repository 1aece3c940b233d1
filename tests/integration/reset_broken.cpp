// Connections that their users have broken: they are mended or replaced, and those who come next are served.

#define CAF_SUITE reset.broken

#include "integration/chaos_support.hpp"
#include "support/session_user.hpp"

#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

using texts = std::vector<const char*>;

struct fixture : chaos_fixture {
  pool_actor pool = start();
  session_user user{system(), pool};

  pool_actor start() {
    for (auto sql :
         {"CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB", "CREATE PROCEDURE p_begin() XA START 'x'",
          "CREATE PROCEDURE p_prepare() BEGIN XA START 'x'; INSERT INTO t VALUES (1); XA END 'x'; XA PREPARE 'x'; END",
          "CREATE PROCEDURE p_fail() BEGIN XA START 'x'; INSERT INTO t VALUES (1); XA END 'x'; XA PREPARE 'x';"
          " SIGNAL SQLSTATE '45000'; END",
          "CREATE PROCEDURE p_dynamic() EXECUTE IMMEDIATE \"XA START 'x'\""})
      must(admin(), write(sql));
    return start_full_pool(server.settings(), rules_for(1));
  }

  /// Whether somebody who writes and reads on that pool gets what it wants.
  void check_served(uint64_t id) {
    must(pool, write("INSERT INTO t VALUES (?)", id));
    CHECK_EQ(must(pool, read("SELECT id FROM t WHERE id = ?", id))[0].get<uint64_t>(0), id);
    CHECK(run(pool,
              all_or_nothing(write("UPDATE t SET id = id WHERE id = ?", id), write("DELETE FROM t WHERE id = ?", id)))
              .has_value());
  }

  /// A pool of one in a database of its own.
  pool_actor start_inside() {
    must(admin(), write("CREATE DATABASE own"));
    auto target = server.settings();
    target.database = "own";
    return start_full_pool(target, rules_for(1));
  }

  static statement which_database() { return read("SELECT DATABASE()"); }

  /// XA transactions that are prepared.
  size_t prepared() { return must(admin(), read("XA RECOVER")).size(); }

  void forget_prepared() {
    // Its session may not have ended yet.
    CHECK(eventually([this] { return prepared() == 0 || run(admin(), write("XA ROLLBACK 'x'")).has_value(); }));
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("an XA transaction that a session leaves behind breaks nothing") {
  GIVEN("a pool of one connection") {
    WHEN("a session checks in at each stage of an XA transaction") {
      struct stage {
        texts statements;
        size_t prepared;
      };
      THEN("the next users are served, and what was prepared stays prepared") {
        for (auto& x :
             {stage{{"XA START 'x'"}, 0}, stage{{"XA START 'x'", "INSERT INTO t VALUES (1)"}, 0},
              stage{{"XA START 'x'", "INSERT INTO t VALUES (1)", "XA END 'x'"}, 0},
              stage{{"XA START 'x'", "INSERT INTO t VALUES (1)", "XA END 'x'", "XA PREPARE 'x'"}, 1},
              stage{{"XA START 'x'", "INSERT INTO t VALUES (1)", "XA END 'x'", "XA PREPARE 'x'", "XA ROLLBACK 'x'"}, 0},
              stage{{"CALL p_begin()"}, 0}, stage{{"CALL p_prepare()"}, 1}, stage{{"CALL p_dynamic()"}, 0}}) {
          auto id = user.checkout();
          for (auto sql : x.statements)
            user.must(id, write(sql));
          user.checkin(id);
          check_served(100);
          CHECK_EQ(prepared(), x.prepared);
          forget_prepared();
        }
      }
    }
  }
  GIVEN("the same") {
    WHEN("statements without a session leave one behind") {
      THEN("the next users are served, and what was prepared stays prepared") {
        for (auto sql : {"XA START 'x'", "CALL p_begin()", "CALL p_dynamic()"}) {
          run(pool, write(sql)); // What it is told is another matter.
          check_served(100);
          CHECK_EQ(prepared(), 0u);
        }
        run(pool, write("CALL p_prepare()"));
        check_served(100);
        CHECK_EQ(prepared(), 1u);
        forget_prepared();
        CHECK(!run(pool, write("CALL p_fail()")).has_value());
        check_served(100);
        CHECK_EQ(prepared(), 1u);
        forget_prepared();
      }
    }
  }
  GIVEN("the same") {
    WHEN("a session fails within an XA transaction and checks in") {
      auto id = user.checkout();
      user.must(id, write("XA START 'x'"));
      user.must(id, write("INSERT INTO t VALUES (1)"));
      CHECK(!user.run(id, write("INSERT INTO t VALUES (1)")).has_value());
      CHECK(!user.run(id, write("COMMIT")).has_value());
      user.checkin(id);
      THEN("the next users are served, and nothing of it is left") {
        check_served(100);
        CHECK_EQ(count("SELECT COUNT(*) FROM t"), 0u);
      }
    }
  }
}

SCENARIO("a statement that drops and creates the pool's own database is followed by others in it") {
  GIVEN("a pool of one in a database of its own") {
    auto inside = start_inside();
    WHEN("statements on it drop and create it") {
      must(inside, write("DROP DATABASE own"));
      must(inside, write("CREATE DATABASE own"));
      auto next = must(inside, which_database());
      must(inside, write("CREATE TABLE t (id INT)"));
      THEN("the next statement is in that database, on the same connection") {
        CHECK_EQ(next[0].get<std::string>(0), "own");
        CHECK_EQ(status(inside).connects, 1u);
      }
    }
  }
}

SCENARIO("nobody fails once the pool's own database is there again") {
  GIVEN("a pool of one in a database of its own, which it has dropped") {
    auto inside = start_inside();
    must(inside, write("DROP SCHEMA own"));
    auto meanwhile = fails(inside, write("CREATE TABLE t (id INT)"));
    WHEN("somebody else creates it") {
      must(admin(), write("CREATE DATABASE own"));
      must(inside, idempotent_write("CREATE TABLE IF NOT EXISTS u (id INT)"));
      THEN("the next statement is in that database, on the same connection") {
        CHECK_EQ(meanwhile.number, 1046u);
        CHECK_EQ(must(inside, which_database())[0].get<std::string>(0), "own");
        CHECK_EQ(status(inside).connects, 1u);
      }
    }
  }
}

SCENARIO("callers that share a connection are in the pool's own database again") {
  GIVEN("a pool of one in a database of its own, which a session has dropped") {
    auto inside = start_inside();
    session_user other{system(), inside};
    auto id = other.checkout();
    other.must(id, write("DROP DATABASE own"));
    other.checkin(id);
    CHECK(must(inside, which_database())[0].is_null(0));
    WHEN("somebody creates it, and many read") {
      must(admin(), write("CREATE DATABASE own"));
      std::vector<awaited<result>> asked;
      for (int i = 0; i < 20; ++i)
        asked.push_back(ask(inside, which_database()));
      THEN("they are in that database, on the same connection") {
        for (auto& x : asked)
          CHECK_EQ(x.get().value()[0].get<std::string>(0), "own");
        CHECK_EQ(status(inside).connects, 1u);
      }
    }
  }
}

SCENARIO("a procedure may drop and create the pool's own database") {
  GIVEN("a pool of one in a database of its own") {
    auto inside = start_inside();
    must(admin(), write("CREATE PROCEDURE cenote.p_drop() BEGIN DROP DATABASE own; CREATE DATABASE own; END"));
    must(admin(),
         write("CREATE PROCEDURE cenote.p_drop_and_fail() BEGIN DROP DATABASE own; SIGNAL SQLSTATE '45000'; END"));
    WHEN("one does, and another one drops it and fails") {
      must(inside, write("CALL cenote.p_drop()"));
      auto after_call = must(inside, which_database());
      fails(inside, write("CALL cenote.p_drop_and_fail()"));
      must(admin(), write("CREATE DATABASE own"));
      auto after_error = must(inside, which_database());
      THEN("the next statements are in that database, on the same connection") {
        CHECK_EQ(after_call[0].get<std::string>(0), "own");
        CHECK_EQ(after_error[0].get<std::string>(0), "own");
        CHECK_EQ(status(inside).connects, 1u);
      }
    }
  }
}

SCENARIO("a connection on which everything fails is replaced") {
  GIVEN("a pool of one without a way to notice that its session is broken: every statement needs a lock that is away") {
    // LOCK TABLES in a function is forbidden; a broken server is played by a table that nobody has locked.
    auto target = server.settings();
    target.init_command = "LOCK TABLES cenote.t READ";
    auto broken = start_full_pool(target, rules_for(1));
    auto first = session_of(broken);
    must(admin(), write("CREATE TABLE u (id INT)"));
    WHEN("callers fail on it in turn") {
      std::vector<uint32_t> numbers;
      for (int i = 0; i < 3; ++i)
        numbers.push_back(fails(broken, read("SELECT * FROM u")).number);
      THEN("the pool tries another connection") {
        CHECK_EQ(numbers, std::vector<uint32_t>(3, 1100));
        await_status(broken, [](auto& x) { return x.connects == 2 && x.checked_in == 1; });
        CHECK_NE(session_of(broken), first);
        CHECK_EQ(status(broken).lost, 0u);
      }
    }
  }
  GIVEN("the same") {
    auto target = server.settings();
    target.init_command = "LOCK TABLES cenote.t READ";
    auto broken = start_full_pool(target, rules_for(1));
    WHEN("callers fail on it all the time") {
      for (int i = 0; i < 100; ++i)
        fails(broken, read("SELECT * FROM u"));
      THEN("the pool does not connect for each of them") {
        CHECK(status(broken).connects <= 5u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

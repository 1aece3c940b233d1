// Parameters mean what their callers wrote on every way through a pool, though a stored program has made the server
// report an SQL mode that the session does not have.

#define CAF_SUITE sessions.injection

#include "support/both_ways.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <functional>
#include <random>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

const std::vector<std::string> hostile{"\\' OR 1=1 -- ",      "' OR 1=1 -- ",        "\\",
                                       "\\\\' OR 1=1 -- ",    "\" OR 1=1 -- ",       "\\\" OR 1=1 -- ",
                                       "x', (SELECT 1)) -- ", "\\', (SELECT 1)) -- "};

struct fixture : pool_fixture {
  fixture() {
    must(admin(), write("CREATE FUNCTION sets() RETURNS INT NO SQL "
                        "BEGIN SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'; RETURN 1; END"));
    must(admin(), write("CREATE FUNCTION clears() RETURNS INT NO SQL BEGIN SET sql_mode = ''; RETURN 1; END"));
    must(admin(), write("CREATE FUNCTION fails() RETURNS INT NO SQL "
                        "BEGIN SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SIGNAL SQLSTATE '45000'; RETURN 1; END"));
    must(admin(), write("CREATE TABLE secret (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(100) COLLATE utf8mb4_bin)"));
    must(admin(), write("INSERT INTO secret (v) VALUES ('one'), ('two')"));
  }

  pool_actor start(const std::string& mode) {
    auto target = server.settings();
    target.sql_mode = mode;
    return start_full_pool(target, rules_for(1));
  }

  /// Lets `check` look at a pool of each mode, whose connection says another one.
  void for_all(const std::function<void(const pool_actor&)>& check) {
    for (auto mode : {"", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"}) {
      for (auto sql : {"SELECT 1", "SELECT sets()", "SELECT clears()", "SELECT fails()"}) {
        MESSAGE("sql_mode = '" << mode << "' and " << sql);
        auto pool = start(mode);
        (void)run(pool, read(sql));
        check(pool);
        CHECK_EQ(status(pool).connects, 1u);
        caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
      }
    }
  }

  statement find(const std::string& text) { return read("SELECT v FROM secret WHERE v = ?", text); }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a hostile parameter finds nothing, whoever used its connection before") {
  GIVEN("pools of both kinds of SQL mode, whose connection reports another one") {
    WHEN("statements with hostile parameters are executed") {
      THEN("they find what their parameters say, and nothing else") {
        for_all([this](const pool_actor& pool) {
          auto retrier = spawn_retrier(system(), pool);
          for (auto& text : hostile) {
            CHECK(must(pool, find(text)).empty());
            CHECK(must(retrier, find(text)).empty());
            CHECK_EQ(must(pool, read("SELECT ?", text))[0].get<std::string>(0), text);
          }
          CHECK_EQ(must(pool, find("two")).size(), 1u);
        });
      }
    }
  }
}

SCENARIO("a hostile parameter of a transaction stays one") {
  GIVEN("pools of both kinds of SQL mode, whose connection reports another one") {
    WHEN("transactions with hostile parameters are run in both ways") {
      THEN("their parameters are stored as they are") {
        for_all([this](const pool_actor& pool) {
          for (auto& way : both_ways) {
            for (auto& text : hostile) {
              auto came = run(pool, way(all_or_nothing(read("SELECT sets(), clears()"),
                                                       write("INSERT INTO secret (v) VALUES (?)", text), find(text),
                                                       write("DELETE FROM secret WHERE v = ?", text),
                                                       read("SELECT COUNT(*) FROM secret"))));
              REQUIRE(came.has_value());
              CHECK_EQ((*came)[2].size(), 1u);
              CHECK_EQ((*came)[2][0].get<std::string>(0), text);
              CHECK_EQ((*came)[3].affected_rows(), 1u);
              CHECK_EQ((*came)[4][0].get<int>(0), 2);
            }
          }
        });
      }
    }
  }
}

SCENARIO("a hostile parameter of a session stays one") {
  GIVEN("pools of both kinds of SQL mode") {
    WHEN("a session calls functions that set the mode, and then uses hostile parameters") {
      THEN("they find what they say, and nothing else") {
        for_all([this](const pool_actor& pool) {
          session_user user{system(), pool};
          auto id = user.checkout();
          for (auto sql : {"SELECT sets()", "SELECT clears()", "SELECT fails()", "BEGIN NOT ATOMIC DO sets(); END",
                           "SET STATEMENT sql_mode = 'NO_BACKSLASH_ESCAPES' FOR SELECT clears()", "SET NAMES gbk",
                           "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"}) {
            (void)user.run(id, write(sql));
            for (auto& text : hostile) {
              CHECK(user.must(id, find(text)).empty());
              CHECK_EQ(std::string{user.must(id, read("SELECT ?", text))[0].text(0)}, text);
            }
          }
          CHECK(user.begin(id).has_value());
          user.must(id, write("INSERT INTO secret (v) VALUES (?)", hostile[0]));
          CHECK_EQ(user.must(id, find(hostile[0])).size(), 1u);
          CHECK(user.rollback(id).has_value());
          user.checkin(id);
          CHECK(must(pool, find(hostile[0])).empty());
        });
      }
    }
  }
}

SCENARIO("after another character set a session can commit, and set it back") {
  GIVEN("a session with an open transaction") {
    auto pool = start("");
    session_user user{system(), pool};
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    user.must(id, write("INSERT INTO secret (v) VALUES ('three')"));
    WHEN("it sets its character set to gbk and commits") {
      user.must(id, write("SET NAMES gbk"));
      auto committed = user.commit(id);
      THEN("the commit succeeds, and utf8mb4 can be set again") {
        CHECK(committed.has_value());
        CHECK(user.run(id, write("SET NAMES utf8mb4")).has_value());
        CHECK_EQ(user.must(id, find("three")).size(), 1u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

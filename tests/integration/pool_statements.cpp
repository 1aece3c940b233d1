// What a pool answers when all is well.

#define CAF_SUITE pool_server.statements

#include "support/pool_fixture.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_pool(server.settings(), rules_for(2));
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("writes tell what they changed and reads see it") {
  GIVEN("a table with a generated key") {
    must(pool, write("CREATE TABLE manga (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(100), chapters INT)"));
    WHEN("rows are inserted, updated and read") {
      auto inserted = must(pool, write("INSERT INTO manga (title, chapters) VALUES (?, ?), (?, NULL)", "Akira", 120,
                                       "Bl\u00e4tter \u732b"));
      auto updated = must(pool, idempotent_write("UPDATE manga SET chapters = ? WHERE id <= ?", 121, 2));
      auto again = must(pool, idempotent_write("UPDATE manga SET chapters = ? WHERE id <= ?", 121, 2));
      auto rows = must(pool, read("SELECT id, title, chapters FROM manga ORDER BY id"));
      THEN("the answers carry rows affected, the first key and typed rows") {
        CHECK_EQ(inserted.affected_rows(), 2u);
        CHECK_EQ(inserted.last_insert_id(), 1u);
        CHECK_EQ(inserted.size(), 0u);
        CHECK_EQ(updated.affected_rows(), 2u);
        CHECK_EQ(again.affected_rows(), 0u);
        REQUIRE_EQ(rows.size(), 2u);
        CHECK_EQ(rows[0].get<int>("id"), 1);
        CHECK_EQ(rows[0].get<std::string>("title"), "Akira");
        CHECK_EQ(rows[1].get<std::string>("title"), "Bl\u00e4tter \u732b");
        CHECK_EQ(rows[1].get<std::optional<int>>("chapters"), 121);
      }
    }
  }
}

SCENARIO("a parameter of every type comes back as it was sent") {
  GIVEN("one value of each type") {
    std::vector<value> sent{null{},
                            int64_t{INT64_MIN},
                            uint64_t{UINT64_MAX},
                            0.1,
                            std::string{"it's \"quoted\" \\ ? % \u732b\n"},
                            bytes{std::string{"\0\x01\xff'\\", 5}},
                            decimal{"-12345678901234567890.123456789"},
                            date{2024, 2, 29},
                            datetime{1999, 12, 31, 23, 59, 59, 999999},
                            cenote::time{true, 838, 59, 58, 0}};
    must(pool, write("CREATE TABLE every (a INT, b BIGINT, c BIGINT UNSIGNED, d DOUBLE, e TEXT, f BLOB,"
                     " g DECIMAL(40, 9), h DATE, i DATETIME(6), j TIME)"));
    WHEN("they are written and read") {
      auto insert = write("INSERT INTO every VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
      insert.params = sent;
      must(pool, insert);
      auto rows = must(pool, read("SELECT * FROM every"));
      THEN("nothing is lost") {
        REQUIRE_EQ(rows.size(), 1u);
        for (size_t i = 0; i < sent.size(); ++i) {
          MESSAGE("column " << rows.columns()[i].name);
          CHECK(rows[0].value_at(i) == sent[i]);
        }
      }
    }
  }
}

SCENARIO("a call answers with all results of the procedure") {
  GIVEN("a procedure with two result sets") {
    must(pool,
         write("CREATE PROCEDURE both_of_them(IN n INT) BEGIN SELECT n AS first; SELECT n + 1 AS second, 'x'; END"));
    WHEN("it is called") {
      auto came = must(pool, write("CALL both_of_them(?)", 41));
      THEN("the first result is the answer, and the others follow") {
        REQUIRE_EQ(came.size(), 1u);
        CHECK_EQ(came[0].get<int>("first"), 41);
        REQUIRE_GE(came.more().size(), 1u);
        CHECK_EQ(came.more()[0][0].get<int>("second"), 42);
      }
      AND("the connection goes on to serve") {
        CHECK_EQ(must(pool, read("SELECT 7"))[0].get<int>(0), 7);
      }
    }
  }
}

SCENARIO("large statements and results pass whole") {
  GIVEN("a parameter of three megabytes") {
    std::string large(3u << 20, 'x');
    for (size_t i = 0; i < large.size(); i += 997)
      large[i] = '\'';
    WHEN("it is sent there and back") {
      auto came = must(pool, read("SELECT ? AS echo, CHAR_LENGTH(?)", large, large));
      THEN("it is the same") {
        CHECK(came[0].get<std::string_view>("echo") == large);
        CHECK_EQ(came[0].get<size_t>(1), large.size());
      }
    }
  }
}

SCENARIO("verify makes a round trip on one of the connections") {
  GIVEN("a pool") {
    await_free(pool, 2);
    auto sessions_of_pool = sessions();
    WHEN("it is verified") {
      auto came = verify(pool);
      THEN("server and connection are named") {
        REQUIRE(came.has_value());
        CHECK_EQ(came->server_version, must(pool, read("SELECT VERSION()"))[0].get<std::string>(0));
        CHECK(std::ranges::count(sessions_of_pool, came->server_connection_id) == 1);
        CHECK(came->elapsed.count() > 0);
      }
    }
  }
}

SCENARIO("the status tells the pool's numbers") {
  GIVEN("a pool of two with one statement running") {
    await_free(pool, 2);
    auto slow = ask(pool, read("SELECT SLEEP(30) /* slow */"));
    await_running("%/* slow */", 1);
    WHEN("it is asked for its status") {
      auto now = status(pool);
      THEN("one connection is in use and one is free") {
        CHECK_EQ(now.pool, "main");
        CHECK_EQ(now.endpoint, server.settings().endpoint());
        CHECK(now.initialized);
        CHECK(!now.draining);
        CHECK_EQ(now.pool_size, 2u);
        CHECK_EQ(now.checked_out, 1u);
        CHECK_EQ(now.checked_in, 1u);
        CHECK_EQ(now.total_connections, 2u);
        CHECK_EQ(now.overflow, 0u);
        CHECK_EQ(now.waiting, 0u);
        CHECK_EQ(now.connects, 2u);
        CHECK_EQ(now.lost, 0u);
        CHECK_EQ(now.last_error, "");
      }
    }
  }
}

END_FIXTURE_SCOPE()

// What becomes of transactions.

#define CAF_SUITE sessions.transactions

#include "support/both_ways.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));

  fixture() { must(pool, write("CREATE TABLE things (id INT PRIMARY KEY, what LONGTEXT)")); }

  size_t things() { return must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0); }

  bool is_transaction_open() {
    // The server refreshes this table ten times in a second only.
    return !eventually(
        [&] { return must(admin(), read("SELECT COUNT(*) FROM information_schema.INNODB_TRX"))[0].get<int>(0) == 0; });
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a transaction of plain statements makes one round trip") {
  GIVEN("a transaction of three statements") {
    auto request = all_or_nothing(write("INSERT INTO things VALUES (1, 'a')"), read("SELECT * FROM things"),
                                  write("DELETE FROM things"));
    WHEN("it is run in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto before = counter("Com_compound_sql");
        auto came = run(pool, way(request));
        REQUIRE(came.has_value());
        CHECK_EQ(came->size(), 3u);
        THEN("it is a compound statement in one of them only") {
          CHECK_EQ(counter("Com_compound_sql") - before, way.whole ? 1u : 0u);
        }
      }
    }
  }
}

SCENARIO("nothing is left of a transaction that fails") {
  GIVEN("a transaction whose last statement fails") {
    auto request =
        all_or_nothing(write("INSERT INTO things VALUES (1, 'a')"), write("INSERT INTO things VALUES (2, 'b')"),
                       write("INSERT INTO things VALUES (1, 'c')"));
    WHEN("it is run in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto came = run(pool, way(request));
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "server_error");
        CHECK_EQ(to_string(came.error().outcome), "rejected");
        CHECK_EQ(came.error().number, 1062u);
        CHECK_EQ(came.error().statement_index.value_or(99), 2u);
        CHECK_EQ(came.error().attempts, 1u);
        CHECK_EQ(things(), 0u);
        CHECK(!is_transaction_open());
        CHECK_EQ(must(pool, read("SELECT @@in_transaction"))[0].get<int>(0), 0);
      }
      THEN("the connection has been kept") {
        CHECK_EQ(status(pool).connects, 1u);
      }
    }
  }
}

SCENARIO("a transaction that cannot be one is refused") {
  GIVEN("transactions that would commit too early, or have nothing to do") {
    struct row {
      transaction request;
      uint32_t index;
    };
    auto insert = write("INSERT INTO things VALUES (1, 'a')");
    const std::vector<row> all{{all_or_nothing(insert, write("CREATE TABLE other (a INT)")), 1},
                               {all_or_nothing(insert, insert, write("commit")), 2},
                               {all_or_nothing(write("BEGIN"), insert), 0},
                               {all_or_nothing(write("/*! BEGIN */"), insert), 0},
                               {all_or_nothing(write("SET autocommit = 1")), 0}};
    WHEN("they are run") {
      for (auto& x : all) {
        auto came = run(pool, x.request);
        REQUIRE(!came.has_value());
        MESSAGE(to_string(came.error()));
        CHECK_EQ(to_string(came.error().code), "invalid_statement");
        CHECK_EQ(to_string(came.error().outcome), "rejected");
        CHECK_EQ(came.error().statement_index.value_or(99), x.index);
      }
      auto empty = run(pool, transaction{});
      THEN("each is refused, and nothing has happened") {
        REQUIRE(!empty.has_value());
        CHECK_EQ(to_string(empty.error().code), "invalid_statement");
        CHECK(!empty.error().statement_index);
        CHECK_EQ(things(), 0u);
        CHECK_EQ(must(pool, read("SELECT 1"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("a procedure that commits does not pass for a transaction") {
  GIVEN("a procedure with a COMMIT") {
    must(admin(), write("CREATE PROCEDURE hasty() BEGIN COMMIT; END"));
    WHEN("a transaction calls it and would fail later") {
      auto came = run(pool, all_or_nothing(write("INSERT INTO things VALUES (1, 'a')"), write("CALL hasty()"),
                                           write("INSERT INTO things VALUES (1, 'b')")));
      THEN("the answer says that the transaction was ended too early") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "transaction_ended");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        CHECK_EQ(came.error().statement_index.value_or(99), 1u);
        CHECK_EQ(things(), 1u);
        CHECK_EQ(must(pool, read("SELECT @@in_transaction"))[0].get<int>(0), 0);
      }
    }
  }
}

SCENARIO("large transactions pass whole") {
  GIVEN("a thousand statements, and one with a parameter of 100 KiB") {
    transaction many;
    for (int i = 0; i < 1000; ++i)
      many.statements.push_back(write("INSERT INTO things VALUES (?, ?)", i, i));
    auto large = all_or_nothing(write("INSERT INTO things VALUES (?, ?)", 1000, std::string(100u << 10, 'x')),
                                read("SELECT CHAR_LENGTH(what) FROM things WHERE id = 1000"));
    WHEN("they are run") {
      auto came = run(pool, many);
      auto came_large = run(pool, large);
      THEN("all is done") {
        REQUIRE(came.has_value());
        CHECK_EQ(came->size(), 1000u);
        CHECK_EQ(came->back().affected_rows(), 1u);
        REQUIRE(came_large.has_value());
        CHECK_EQ((*came_large)[1][0].get<int>(0), 100 << 10);
        CHECK_EQ(things(), 1001u);
      }
    }
  }
}

SCENARIO("each result of a transaction has the largest size for itself") {
  GIVEN("a pool with a limit of 64 KiB, and a transaction of three results of 40 KiB") {
    auto target = server.settings();
    target.max_result_bytes = 64u << 10;
    auto narrow = start_full_pool(target, rules_for(1));
    auto part = read("SELECT REPEAT('x', 40960)");
    auto request = all_or_nothing(part, part, part);
    auto too_large = all_or_nothing(write("INSERT INTO things VALUES (1, 'a')"), read("SELECT REPEAT('x', 81920)"));
    WHEN("it is run in both ways, and so is one with a result above the limit") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto came = run(narrow, way(request));
        REQUIRE(came.has_value());
        CHECK_EQ(came->size(), 3u);
        auto failed = run(narrow, way(too_large));
        REQUIRE(!failed.has_value());
        CHECK_EQ(to_string(failed.error().code), "result_too_large");
        THEN("only the latter fails, and it is known to be undone if it was not about to commit") {
          CHECK_EQ(to_string(failed.error().outcome), way.whole ? "unknown" : "rejected");
          if (!way.whole)
            CHECK_EQ(things(), 0u);
          must(admin(), write("DELETE FROM things"));
        }
      }
    }
  }
}

SCENARIO("a transaction has the isolation level that it asks for, and the next one has not") {
  GIVEN("a row that somebody has not committed yet") {
    session_user other{system(), admin()};
    auto session = other.checkout();
    other.must(session, write("USE cenote"));
    REQUIRE(other.begin(session).has_value());
    other.must(session, write("INSERT INTO things VALUES (1, 'dirty')"));
    auto count = all_or_nothing(read("SELECT COUNT(*) FROM things"));
    auto seen = [&](const transaction& x) { return run(pool, x).value()[0][0].get<int>(0); };
    WHEN("transactions with and without a level of their own look at it in turn") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto before = seen(way(count));
        auto dirty = seen(way(transaction{count}.at(isolation::read_uncommitted)));
        auto after = seen(way(count));
        auto plain = must(pool, read("SELECT COUNT(*) FROM things"))[0].get<int>(0);
        THEN("only the one that asked for it sees it") {
          CHECK_EQ(before, 0);
          CHECK_EQ(dirty, 1);
          CHECK_EQ(after, 0);
          CHECK_EQ(plain, 0);
        }
      }
      CHECK(other.checkin(session).has_value());
    }
  }
}

SCENARIO("a transaction that is read only refuses writes, and the next one does not") {
  GIVEN("a transaction with a write") {
    auto request = all_or_nothing(read("SELECT 1"), write("REPLACE INTO things VALUES (1, 'a')"));
    WHEN("it is run as read only and then as it is") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto refused = run(pool, way(transaction{request}.read_only()));
        auto came = run(pool, way(request));
        THEN("the first is refused and the second is done") {
          REQUIRE(!refused.has_value());
          CHECK_EQ(to_string(refused.error().code), "read_only_server");
          CHECK_EQ(to_string(refused.error().outcome), "rejected");
          CHECK_EQ(refused.error().statement_index.value_or(99), 1u);
          CHECK(came.has_value());
        }
      }
      CHECK_EQ(status(pool).connects, 1u);
    }
  }
}

END_FIXTURE_SCOPE()

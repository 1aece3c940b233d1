// The blocking facade: sessions and transactions.

#define CAF_SUITE facade.sessions

#include "integration/facade_support.hpp"

#include <thread>

#include <tl/expected.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

using session = database::session;

struct own_error : std::runtime_error {
  own_error() : std::runtime_error{"out of luck"} {
    // nop
  }
};

struct fixture : facade_fixture {
  fixture() : facade_fixture{3} {
    // nop
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

// -- transactions ----------------------------------------------------------------------

SCENARIO("a transaction is committed when the function returns") {
  GIVEN("an empty table") {
    WHEN("a function inserts rows and returns a value") {
      auto sum = db.with_transaction([this](session& s) {
        s.execute(insert(1));
        CHECK_EQ(rows(), 0u); // Nobody else sees it before.
        s.execute(insert(2));
        return s.execute(read("SELECT COUNT(*) FROM facade"))[0].get<int>(0);
      });
      THEN("the value comes out, the rows are there, and the connection is back") {
        CHECK_EQ(sum, 2);
        CHECK_EQ(rows(), 2u);
        await_all_back();
      }
    }
  }
}

SCENARIO("an exception rolls back before it goes on") {
  GIVEN("an empty table") {
    WHEN("a function throws after it has inserted a row") {
      CHECK_THROWS_AS(db.with_transaction([](session& s) {
        s.execute(insert(1));
        throw own_error{};
      }),
                      own_error);
      THEN("the row is neither there nor locked") {
        CHECK_EQ(db.execute(insert(1)).affected_rows(), 1u);
        await_all_back();
      }
    }
  }
}

SCENARIO("a failing statement that nobody catches rolls back") {
  GIVEN("an empty table") {
    WHEN("the second insert of a transaction fails") {
      auto error = failure_of([&] {
        db.with_transaction([](session& s) {
          s.execute(insert(1));
          s.execute(insert(1));
        });
      });
      THEN("its error comes out, and nothing is left") {
        REQUIRE(error);
        CHECK_EQ(error->number, 1062u);
        CHECK_EQ(rows(), 0u);
        await_all_back();
      }
    }
  }
}

SCENARIO("an expected that holds an error rolls back, and false does not") {
  GIVEN("an empty table") {
    WHEN("functions return an error, a value and false") {
      using answer = tl::expected<int, std::string>;
      auto bad = db.with_transaction([](session& s) -> answer {
        s.execute(insert(1));
        return tl::unexpected<std::string>{"no"};
      });
      auto good = db.with_transaction([](session& s) -> answer {
        s.execute(insert(2));
        return 7;
      });
      auto no = db.with_transaction([](session& s) {
        s.execute(insert(3));
        return false;
      });
      THEN("the answers come out, and only the first is undone") {
        CHECK_EQ(bad.error(), "no");
        CHECK_EQ(*good, 7);
        CHECK(!no);
        CHECK_EQ(rows(), 2u);
        await_all_back();
      }
    }
  }
}

SCENARIO("a transaction that the server has rolled back cannot be committed by mistake") {
  GIVEN("two rows") {
    db.transact(all_or_nothing(insert(1), insert(2)));
    WHEN("a function is the victim of a deadlock, catches the error and goes on") {
      std::optional<awaited<result>> other;
      std::optional<failure> inner, later;
      auto outer = failure_of([&] {
        db.with_transaction([&](session& s) {
          s.execute(write("UPDATE facade SET n = 1 WHERE id = 1"));
          // The other one has done more, so that InnoDB lets it live.
          auto rival = "BEGIN NOT ATOMIC START TRANSACTION; INSERT INTO facade SELECT seq + 10, 0 FROM seq_1_to_500;"
                       " UPDATE facade SET n = 2 WHERE id = 2; UPDATE facade SET n = 2 WHERE id = 1; COMMIT; END";
          other.emplace(ask(pool, write(rival)));
          REQUIRE(eventually([&] {
            // INNODB_TRX would not tell: it is renewed only if nobody has read it for 100 ms.
            auto waiting = read("SELECT CAST(VARIABLE_VALUE AS INT) FROM information_schema.GLOBAL_STATUS"
                                " WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'");
            return must(pool, waiting)[0].get<int>(0) == 1;
          }));
          inner = failure_of([&] { s.execute(write("UPDATE facade SET n = 1 WHERE id = 2")); });
          later = failure_of([&] { s.execute(insert(3)); });
        });
      });
      THEN("what it tries afterwards is refused, the commit as well") {
        for (auto& error : {inner, later, outer}) {
          REQUIRE(error);
          CHECK_EQ(error->code, errc::deadlock);
          CHECK_EQ(error->outcome, outcome::rolled_back);
        }
        CHECK(other->get().has_value());
        CHECK_EQ(must(pool, read("SELECT COUNT(*) FROM facade WHERE id = 3 OR n = 1"))[0].get<int>(0), 0);
        await_all_back();
      }
    }
  }
}

SCENARIO("a transaction that has been committed behind its back is told to the caller, however the function ends") {
  const std::vector<std::string> enders{"CREATE OR REPLACE TABLE facade_made (a INT)", "TRUNCATE TABLE facade_made",
                                        "LOCK TABLES facade WRITE", "BEGIN NOT ATOMIC COMMIT; START TRANSACTION; END"};
  auto end_it = [](session& s, const std::string& sql) {
    s.execute(insert(1));
    auto error = failure_of([&] { s.execute(write(sql)); });
    CHECK(error && error->code == errc::transaction_ended);
    CHECK(failure_of([&] { s.execute(insert(2)); }));
  };
  auto check = [this](const std::optional<failure>& error) {
    REQUIRE(error);
    CHECK_EQ(error->code, errc::transaction_ended);
    CHECK_EQ(error->outcome, outcome::unknown);
    CHECK_EQ(rows(), 1u);
    must(pool, write("DELETE FROM facade"));
    await_all_back();
  };
  GIVEN("functions that end their transactions") {
    WHEN("they pass the error on, swallow it, throw something else, or return an error") {
      for (auto& sql : enders) {
        MESSAGE(sql);
        check(failure_of([&] {
          db.with_transaction([&](session& s) {
            s.execute(insert(1));
            s.execute(write(sql));
            throw own_error{};
          });
        }));
        check(failure_of([&] { db.with_transaction([&](session& s) { end_it(s, sql); }); }));
        std::string inner;
        check(failure_of([&] {
          try {
            db.with_transaction([&](session& s) {
              end_it(s, sql);
              throw own_error{};
            });
          } catch (const database_error& err) {
            try {
              std::rethrow_if_nested(err);
            } catch (const own_error& own) {
              inner = own.what();
            }
            throw;
          }
        }));
        CHECK_EQ(inner, "out of luck");
        check(failure_of([&] {
          db.with_transaction([&](session& s) -> tl::expected<int, std::string> {
            end_it(s, sql);
            return tl::unexpected<std::string>{"no"};
          });
        }));
        check(failure_of([&] {
          db.with_transaction([&](session& s) {
            end_it(s, sql);
            s.rollback();
            throw own_error{};
          });
        }));
      }
      THEN("each caller gets it") {
        // Checked above.
      }
    }
  }
}

SCENARIO("SQL cannot commit the transaction of a function") {
  GIVEN("an empty table") {
    WHEN("a function commits by SQL, swallows the error and throws") {
      CHECK_THROWS_AS(db.with_transaction([](session& s) {
        s.execute(insert(1));
        auto error = failure_of([&] { s.execute(write("COMMIT")); });
        CHECK(error && error->code == errc::invalid_statement);
        throw own_error{};
      }),
                      own_error);
      THEN("nothing is left") {
        CHECK_EQ(rows(), 0u);
        await_all_back();
      }
    }
  }
}

SCENARIO("a session that is killed while it is idle fails the commit as rolled back") {
  GIVEN("an empty table") {
    WHEN("the server ends the session in an open transaction, and the function goes on") {
      auto error = failure_of([&] {
        db.with_transaction([&](session& s) {
          s.execute(insert(1));
          auto number = s.execute(read("SELECT CONNECTION_ID()"))[0].get<uint64_t>(0);
          must(pool, write("KILL ?", number));
          await_status(pool, [](auto& x) { return x.lost == 1; });
        });
      });
      THEN("the caller learns that nothing has happened") {
        REQUIRE(error);
        CHECK_EQ(error->code, errc::session_ended);
        CHECK_EQ(error->outcome, outcome::rolled_back);
        CHECK_EQ(rows(), 0u);
        await_all_back();
      }
    }
  }
}

SCENARIO("a lost connection fails the transaction and the pool replaces it") {
  GIVEN("an empty table") {
    WHEN("the server ends the session in the middle of a transaction") {
      auto error = failure_of([&] {
        db.with_transaction([&](session& s) {
          s.execute(insert(1));
          s.execute(write("KILL CONNECTION_ID()"));
        });
      });
      THEN("the caller learns it, nothing is left, and the pool is whole again") {
        REQUIRE(error);
        CHECK_EQ(rows(), 0u);
        await_all_back();
      }
    }
  }
}

SCENARIO("options of a transaction reach the server") {
  GIVEN("an empty table") {
    WHEN("a read-only transaction writes") {
      auto error = failure_of([&] {
        db.with_transaction([](session& s) { s.execute(insert(1)); }, {isolation::read_committed, true});
      });
      THEN("the server refuses it") {
        REQUIRE(error);
        CHECK_EQ(error->number, 1792u);
      }
    }
  }
}

// -- sessions --------------------------------------------------------------------------

SCENARIO("a session has savepoints") {
  GIVEN("an empty table") {
    WHEN("a session goes back to savepoints and commits the rest") {
      db.with_session([](session& s) {
        s.begin();
        s.execute(insert(1));
        s.savepoint("a");
        s.execute(insert(2));
        s.savepoint("b");
        s.execute(insert(3));
        s.rollback_to("b");
        s.execute(insert(4));
        s.rollback_to("a");
        s.execute(insert(5));
        s.commit();
        s.begin();
        s.execute(insert(6));
        s.rollback();
      });
      THEN("what was before the savepoint and after the return is there") {
        auto left = must(pool, read("SELECT GROUP_CONCAT(id ORDER BY id) FROM facade"))[0].get<std::string>(0);
        CHECK_EQ(left, "1,5");
      }
    }
  }
}

SCENARIO("a session is one connection, and leaves nothing behind") {
  GIVEN("a database") {
    WHEN("a session sets a variable and leaves a transaction open") {
      auto kept = db.with_session([](session& s) {
        s.execute(write("SET @mine = 5"));
        s.begin();
        s.execute(insert(1));
        return s.execute(read("SELECT @mine"))[0].get<int>(0);
      });
      THEN("it has seen its variable, but nobody else does, and the transaction is undone") {
        CHECK_EQ(kept, 5);
        await_all_back();
        CHECK_EQ(rows(), 0u);
        for (int i = 0; i < 6; ++i)
          CHECK(db.execute(read("SELECT @mine"))[0].is_null(0));
      }
    }
  }
}

SCENARIO("a second begin is refused and the first transaction goes on") {
  GIVEN("a session with an open transaction") {
    WHEN("it begins another one") {
      std::optional<failure> error;
      db.with_transaction([&](session& s) {
        s.execute(insert(1));
        error = failure_of([&] { s.begin(); });
      });
      THEN("that is an error of its own") {
        REQUIRE(error);
        CHECK_EQ(error->code, errc::invalid_statement);
        CHECK_EQ(rows(), 1u);
      }
    }
  }
}

SCENARIO("a session ends with its time limit") {
  GIVEN("a session with a limit") {
    WHEN("it stays for longer") {
      session_options terms;
      terms.time_limit = 50ms;
      auto error = failure_of([&] { db.with_session([](session& s) { s.execute(read("SELECT SLEEP(60)")); }, terms); });
      THEN("its statement fails and the connection comes back") {
        REQUIRE(error);
        CHECK_EQ(error->code, errc::session_ended);
        await_all_back();
      }
    }
  }
}

SCENARIO("a session serves no other thread") {
  GIVEN("a session") {
    WHEN("another thread uses it") {
      std::string text;
      db.with_session([&](session& s) {
        std::thread{[&] { text = misuse_of([&] { s.execute(read("SELECT 1")); }); }}.join();
        CHECK_EQ(s.execute(read("SELECT 1")).size(), 1u);
      });
      THEN("that thread is refused") {
        CHECK(text.find("thread other than its own") != std::string::npos);
      }
    }
  }
}

SCENARIO("sessions have ids of their own") {
  GIVEN("a database") {
    WHEN("two sessions exist inside each other") {
      auto differ = db.with_session(
          [this](session& outer) { return db.with_session([&](session& inner) { return inner.id() != outer.id(); }); });
      THEN("they are different ones") {
        CHECK(differ);
        await_all_back();
      }
    }
  }
}

END_FIXTURE_SCOPE()

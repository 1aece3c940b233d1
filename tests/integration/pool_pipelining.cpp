// Statements that share connections.

#define CAF_SUITE pool_server.pipelining

#include "support/pool_fixture.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// A pool of one connection, so that everything shares it, and a table.
struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));

  fixture() { must(pool, write("CREATE TABLE numbers (id INT PRIMARY KEY, n INT)")); }

  /// Writes that are put behind whatever runs, and stay there.
  std::vector<awaited<result>> ask_for_writes(int count) {
    std::vector<awaited<result>> all;
    for (auto i = 0; i < count; ++i)
      all.push_back(ask(pool, idempotent_write("REPLACE INTO numbers VALUES (?, ?)", i, i)));
    return all;
  }

  std::vector<awaited<result>> ask_to_read(const pool_actor& target, int count) {
    std::vector<awaited<result>> all;
    for (auto i = 0; i < count; ++i)
      all.push_back(ask(target, read("SELECT 1")));
    return all;
  }

  uint64_t rows() { return must(pool, read("SELECT COUNT(*) FROM numbers"))[0].get<uint64_t>(0); }
};

std::vector<std::string> outcomes(std::vector<awaited<result>>& all) {
  std::vector<std::string> texts;
  for (auto& x : all) {
    auto came = x.get();
    auto text = came ? "done"s : to_string(came.error().code) + " " + to_string(came.error().outcome);
    if (std::ranges::find(texts, text) == texts.end())
      texts.push_back(text);
  }
  return texts;
}

constexpr auto slow = "SELECT SLEEP(30) /* slow */";

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("each of a thousand statements on one connection gets its own answer") {
  GIVEN("statements of which some fail, some are refused, and some are large") {
    std::vector<awaited<result>> all;
    std::vector<std::string> expected;
    for (auto i = 0; i < 1000; ++i) {
      auto text = std::to_string(i);
      if (i % 10 == 3) {
        all.push_back(ask(pool, read("SELECT no_such_column")));
        expected.push_back("server_error");
      } else if (i % 10 == 6) {
        all.push_back(ask(pool, read("SELECT ?")));
        expected.push_back("invalid_statement");
      } else {
        text += std::string(i % 50 == 7 ? 70'000u : 10u, 'x');
        all.push_back(ask(pool, read("SELECT CONCAT(?, '')", text)));
        expected.push_back(text);
      }
    }
    THEN("the answers are right, and the connection is still the first") {
      size_t wrong = 0;
      for (size_t i = 0; i < all.size(); ++i) {
        auto came = all[i].get();
        auto text = came ? (*came)[0].get<std::string>(0) : to_string(came.error().code);
        wrong += text != expected[i];
      }
      CHECK_EQ(wrong, 0u);
      CHECK_EQ(status(pool).connects, 1u);
      CHECK_EQ(status(pool).lost, 0u);
    }
  }
}

SCENARIO("reads behind a slow statement run elsewhere, and a pool of one serves them when it can") {
  GIVEN("a pool of two, one of which runs a slow statement") {
    auto other = start_full_pool(server.settings(), rules_for(2));
    auto first = ask(other, read("SELECT SLEEP(3) /* slow */"));
    await_running("%/* slow */", 1);
    WHEN("many read") {
      stopwatch watch;
      auto all = ask_to_read(other, 200);
      THEN("none of them waits for it") {
        CHECK_EQ(outcomes(all), std::vector{"done"s});
        CHECK(!first.arrived());
        CHECK(watch.elapsed() < 2s);
        CHECK(first.get().has_value());
      }
    }
  }
}

SCENARIO("a read behind a slow statement waits for no longer than the pool's timeout") {
  GIVEN("a pool of one with a timeout of 300 ms that runs a slow statement") {
    auto rules = rules_for(1);
    rules.timeout = 300ms;
    auto other = start_full_pool(server.settings(), rules);
    auto first = ask(other, read("SELECT SLEEP(3) /* slow */"));
    await_running("%/* slow */", 1);
    WHEN("somebody reads") {
      auto came = run(other, read("SELECT 1"));
      THEN("he gets the pool's own error, long before the slow one ends") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "acquire_timeout");
        CHECK(!first.arrived());
      }
    }
  }
}

SCENARIO("a connection that is lost with a full pipeline tells each what is known") {
  GIVEN("a slow read, writes behind it, and more of them than fit") {
    auto first = ask(pool, read(slow));
    auto writes = ask_for_writes(30);
    await_running("%/* slow */", 1);
    WHEN("the server ends the session") {
      end_session(sessions().at(0));
      auto came = first.get();
      THEN("what was sent is unknown and did not run, and the rest is done by the next connection") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "connection_lost");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        uint64_t done = 0;
        for (auto& x : writes) {
          auto write = x.get();
          done += write.has_value();
          CHECK(write || write.error().outcome == outcome::unknown);
        }
        CHECK(done >= 15u); // No more fit behind it.
        CHECK(done < 30u);
        CHECK_EQ(rows(), done);
        CHECK_EQ(status(pool).lost, 1u);
      }
    }
  }
}

SCENARIO("a statement that is stopped takes none of those behind it with it") {
  GIVEN("a slow read with a time limit, and writes behind it") {
    auto first = ask(pool, read(slow).within(200ms));
    auto writes = ask_for_writes(15);
    WHEN("its time is up") {
      auto came = first.get();
      THEN("it is stopped, all writes are done, and the connection is kept") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "statement_timeout");
        CHECK_EQ(outcomes(writes), std::vector{"done"s});
        CHECK_EQ(rows(), 15u);
        auto now = await_free(pool, 1);
        CHECK_EQ(now.connects, 1u);
        CHECK_EQ(now.lost, 0u);
      }
    }
  }
}

SCENARIO("a time limit goes for those who wait on a connection, too") {
  GIVEN("a slow read, and a write with a time limit that is put behind it") {
    // If it comes more than 5 ms later it is not put there, but waits; and it may come before the read. Then again.
    for (auto code = errc::acquire_timeout; code == errc::acquire_timeout;) {
      auto first = ask(pool, read("SELECT SLEEP(0.5) /* slow */"));
      auto came = run(pool, idempotent_write("REPLACE INTO numbers VALUES (1, 1)").within(100ms));
      if (!came)
        code = came.error().code;
      CHECK(!first.arrived()); // Whether it failed in time or came first: it has not waited for the slow one.
      CHECK(first.get().has_value());
      if (code != errc::acquire_timeout) {
        CHECK_EQ(to_string(code), "statement_timeout");
        CHECK_EQ(to_string(came.error().outcome), "unknown");
      }
    }
    THEN("it fails in time, and the slow one is left alone") {
      CHECK_EQ(await_free(pool, 1).lost, 0u);
    }
  }
}

SCENARIO("a caller that ends has its statement stopped, those behind it are served") {
  GIVEN("a caller of a slow statement, and writes behind it") {
    auto caller = system().spawn([target = pool](caf::event_based_actor* self) {
      self->request(target, caf::infinite, execute_atom_v, read(slow)).then([](const result&) {});
    });
    auto writes = ask_for_writes(10);
    await_running("%/* slow */", 1);
    WHEN("he ends") {
      caf::anon_send_exit(caller, caf::exit_reason::kill);
      THEN("all writes are done soon") {
        CHECK_EQ(outcomes(writes), std::vector{"done"s});
        CHECK_EQ(await_free(pool, 1).connects, 1u);
      }
    }
  }
}

SCENARIO("a result that is too large ends the connection, and those behind it get another") {
  GIVEN("a pool that takes results of 64 KiB") {
    auto target = server.settings();
    target.max_result_bytes = 64 << 10;
    auto other = start_full_pool(target, rules_for(1));
    WHEN("one asks for more, and others read behind it") {
      auto large = ask(other, read("SELECT REPEAT('x', 1000000)"));
      auto all = ask_to_read(other, 100);
      auto came = large.get();
      THEN("only that one fails") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "result_too_large");
        CHECK_EQ(outcomes(all), std::vector{"done"s});
      }
    }
  }
}

SCENARIO("transactions and writes of unknown kind get their turn among reads") {
  GIVEN("a connection that is shared by many reads") {
    std::vector<awaited<result>> reads;
    std::vector<awaited<result>> writes;
    std::vector<awaited<std::vector<result>>> transactions;
    for (auto i = 0; i < 300; ++i) {
      reads.push_back(ask(pool, read("SELECT 1")));
      if (i % 10 == 0) {
        writes.push_back(ask(pool, write("INSERT INTO numbers VALUES (?, 0)", i)));
        transactions.push_back(ask(pool, all_or_nothing(write("INSERT INTO numbers VALUES (?, 0)", 1000 + i),
                                                        write("UPDATE numbers SET n = n + 1 WHERE id = ?", 1000 + i))));
      }
    }
    THEN("all are done, each once") {
      CHECK_EQ(outcomes(reads), std::vector{"done"s});
      CHECK_EQ(outcomes(writes), std::vector{"done"s});
      CHECK(std::ranges::all_of(transactions, [](auto& x) { return x.get().has_value(); }));
      CHECK_EQ(rows(), 60u);
      CHECK_EQ(must(pool, read("SELECT SUM(n) FROM numbers"))[0].get<std::string>(0), "30");
    }
  }
}

SCENARIO("a shutdown finishes what shares a connection, or tells each that it did not") {
  GIVEN("a slow read with writes behind it") {
    auto first = ask(pool, read("SELECT SLEEP(0.3) /* slow */"));
    auto writes = ask_for_writes(10);
    await_running("%/* slow */", 1);
    THEN("a shutdown that has the time finishes all") {
      auto report = drain(pool, 10s).get();
      CHECK(first.get().has_value());
      CHECK_EQ(outcomes(writes), std::vector{"done"s});
      REQUIRE(report.has_value());
      CHECK_EQ(report->cut, 0u);
    }
  }
  GIVEN("another pool in the same state") {
    auto other = start_full_pool(server.settings(), rules_for(1));
    auto first = ask(other, read(slow));
    auto second = ask(other, idempotent_write("REPLACE INTO numbers VALUES (200, SLEEP(30))"));
    await_running("%SLEEP(30)%", 1);
    THEN("one that has no time cuts both") {
      auto report = drain(other, 0s).get();
      CHECK(!first.get().has_value());
      CHECK(!second.get().has_value());
      REQUIRE(report.has_value());
      CHECK_EQ(report->cut, 2u);
    }
  }
}

END_FIXTURE_SCOPE()

// A pool that prepares what it runs often: nobody notices but the server.

#define CAF_SUITE pool_server.prepared

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <string>
#include <vector>

#include <caf/scoped_actor.hpp>
#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

pool_settings rules_with(size_t size, size_t prepared) {
  auto rules = rules_for(size);
  rules.prepared_statements = prepared;
  return rules;
}

struct fixture : pool_fixture {
  fixture() {
    must(admin(), write("CREATE TABLE numbers (id INT PRIMARY KEY, n INT, s VARCHAR(20))"));
    must(admin(), write("INSERT INTO numbers SELECT seq, 2 * seq, CONCAT('text ', seq) FROM seq_1_to_100"));
  }

  uint64_t prepared() { return counter("Com_stmt_prepare"); }
  uint64_t executed() { return counter("Com_stmt_execute"); }

  /// Reads single rows, all at once.
  /// @returns how many of them were not what they should be.
  size_t read_many(const pool_actor& pool, int count) {
    std::vector<awaited<result>> all;
    for (auto i = 0; i < count; ++i)
      all.push_back(ask(pool, read("SELECT id, n, s FROM numbers WHERE id = ?", 1 + i % 100)));
    size_t wrong = 0;
    for (auto i = 0; i < count; ++i) {
      auto rows = all[static_cast<size_t>(i)].get();
      auto id = 1 + i % 100;
      wrong += !rows || rows->size() != 1 || (*rows)[0].get<int>(0) != id || (*rows)[0].get<int>(1) != 2 * id
               || (*rows)[0].get<std::string>(2) != "text " + std::to_string(id);
    }
    return wrong;
  }

  answer<void> reconfigure(const pool_actor& pool, const pool_settings& rules) {
    settings all;
    all.server = server.settings();
    all.pool = rules;
    caf::scoped_actor self{system()};
    answer<void> came;
    self->request(pool, caf::infinite, reconfigure_atom_v, settings_update{all})
        .receive([] {}, [&came](const caf::error& error) { came = tl::unexpected{details(error)}; });
    return came;
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("statements that are run often are prepared once for each connection, unless that is off") {
  GIVEN("two pools of two connections") {
    auto off = start_full_pool(server.settings(), rules_with(2, 0));
    auto on = start_full_pool(server.settings(), rules_with(2, 10));
    auto made = prepared();
    auto run_prepared = executed();
    WHEN("both read a thousand rows") {
      CHECK_EQ(read_many(off, 1000), 0u);
      THEN("one has prepared nothing, and each connection of the other the statement once") {
        CHECK_EQ(prepared(), made);
        CHECK_EQ(executed(), run_prepared);
        CHECK_EQ(read_many(on, 1000), 0u);
        CHECK_EQ(prepared(), made + 2);
        CHECK(executed() > run_prepared + 900);
      }
      AND("when that is switched off, its connections are replaced by others, which prepare nothing") {
        REQUIRE(reconfigure(on, rules_with(2, 0)).has_value());
        CHECK(eventually([&] { return status(on).connects >= 4; }));
        await_free(on, 2);
        auto before = executed();
        CHECK_EQ(read_many(on, 1000), 0u);
        CHECK_EQ(executed(), before);
      }
    }
  }
}

SCENARIO("sessions, which are reset, and transactions between statements change no result") {
  GIVEN("a pool of one connection") {
    auto pool = start_full_pool(server.settings(), rules_with(1, 10));
    session_user user{system(), pool};
    auto made = prepared();
    WHEN("it is used for all at once, many times") {
      size_t wrong = 0;
      for (auto i = 0; i < 60; ++i) {
        wrong += read_many(pool, 20);
        auto session = user.checkout();
        user.must(session, write("SET @a = ?", i));
        user.must(session, write("CREATE TEMPORARY TABLE numbers (id INT, n INT, s INT)"));
        wrong += !user.must(session, read("SELECT id, n, s FROM numbers WHERE id = ?", 1)).empty();
        REQUIRE(user.checkin(session).has_value());
        auto both = run(pool, all_or_nothing(write("UPDATE numbers SET n = n + 0 WHERE id = ?", 1),
                                             read("SELECT n FROM numbers WHERE id = ?", 1)));
        wrong += !both || (*both)[1][0].get<int>(0) != 2;
      }
      THEN("all is right, and no more was prepared than pays") {
        CHECK_EQ(wrong, 0u);
        CHECK(prepared() > made);
        CHECK(prepared() < made + 30);
      }
    }
  }
}

SCENARIO("tables that change under load change the results, and no statement fails") {
  GIVEN("a pool of two connections") {
    auto pool = start_full_pool(server.settings(), rules_with(2, 10));
    REQUIRE_EQ(read_many(pool, 200), 0u);
    WHEN("columns are added and dropped while it reads") {
      for (auto i = 0; i < 20; ++i) {
        std::vector<awaited<result>> all;
        for (auto j = 0; j < 50; ++j)
          all.push_back(ask(pool, read("SELECT * FROM numbers WHERE id = ?", 7)));
        must(admin(), write(i % 2 == 0 ? "ALTER TABLE numbers ADD extra DOUBLE DEFAULT 1.5 FIRST"
                                       : "ALTER TABLE numbers DROP extra"));
        for (auto& each : all) {
          auto rows = each.get();
          REQUIRE(rows.has_value());
          CHECK_EQ((*rows)[0].get<int>("n"), 14);
          CHECK_EQ((*rows)[0].get<std::string>("s"), "text 7");
          if (rows->columns().size() == 4u)
            CHECK_EQ((*rows)[0].get<double>("extra"), 1.5);
        }
        CHECK_EQ(must(pool, read("SELECT * FROM numbers WHERE id = ?", 7)).columns().size(), i % 2 == 0 ? 4u : 3u);
      }
      CHECK_EQ(read_many(pool, 200), 0u);
    }
  }
}

SCENARIO("connections that are killed are replaced by ones that prepare again") {
  GIVEN("a pool of two connections") {
    auto pool = start_full_pool(server.settings(), rules_with(2, 10));
    REQUIRE_EQ(read_many(pool, 200), 0u);
    WHEN("all its sessions are ended while it is idle, again and again") {
      for (auto i = 0; i < 5; ++i) {
        auto before = executed();
        for (auto id : sessions())
          end_session(id);
        CHECK_EQ(read_many(pool, 200), 0u);
        CHECK(executed() > before + 100);
      }
    }
  }
}

SCENARIO("a statement that takes too long is stopped, and those behind it are answered") {
  GIVEN("a pool of one connection that has prepared both") {
    auto pool = start_full_pool(server.settings(), rules_with(1, 10));
    for (auto i = 0; i < 10; ++i)
      must(pool, read("SELECT SLEEP(?) AS s", 0));
    REQUIRE_EQ(read_many(pool, 100), 0u);
    WHEN("it takes too long") {
      auto slow = ask(pool, read("SELECT SLEEP(?) AS s", 20).within(300ms));
      await_running("SELECT SLEEP(%", 1);
      CHECK_EQ(read_many(pool, 100), 0u);
      auto outcome = slow.get();
      REQUIRE(!outcome.has_value());
      CHECK(outcome.error().code == errc::statement_timeout);
      THEN("the connection is still the first") {
        CHECK_EQ(status(pool).connects, 1u);
      }
    }
  }
}

SCENARIO("a server without room for prepared statements is no problem for anybody") {
  GIVEN("a server that permits none, which it did when the pool connected") {
    auto pool = start_full_pool(server.settings(), rules_with(2, 10));
    must(admin(), write("SET GLOBAL max_prepared_stmt_count = 0"));
    auto made = prepared();
    WHEN("statements are run often") {
      CHECK_EQ(read_many(pool, 1000), 0u);
      THEN("the server was asked once for each connection") {
        CHECK_EQ(counter("Prepared_stmt_count"), 0u);
        CHECK(prepared() <= made + 2); // It may not count those that it refuses.
      }
    }
  }
}

END_FIXTURE_SCOPE()

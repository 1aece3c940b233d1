// Sessions that end without being checked in.

#define CAF_SUITE sessions.ends

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <filesystem>
#include <iterator>
#include <optional>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

size_t descriptors() {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));
  std::optional<session_user> user;

  fixture() {
    must(pool, write("CREATE TABLE things (id INT PRIMARY KEY)"));
    admin();
    user.emplace(system(), pool);
  }

  statement insert(int id) { return write("INSERT INTO things VALUES (?)", id); }

  size_t things() { return must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0); }

  /// A session with a row in an open transaction.
  session_id start(session_options options = {}) {
    auto id = user->checkout(std::move(options));
    if (!user->begin(id))
      throw std::runtime_error{"cannot begin"};
    user->must(id, insert(1));
    return id;
  }

  bool is_refused(session_id id, outcome expected = outcome::rolled_back) {
    auto came = user->run(id, read("SELECT 1"));
    return !came && came.error().code == errc::session_ended && came.error().outcome == expected;
  }

  uint64_t serving_session() { return must(pool, which_session())[0].get<uint64_t>(0); }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a session whose holder ends is rolled back and its connection kept") {
  GIVEN("a pool of one connection that has been used") {
    auto connection = serving_session();
    auto before = descriptors();
    WHEN("twenty holders end in the middle of their transactions") {
      for (int i = 0; i < 20; ++i) {
        start();
        user->end();
        CHECK_EQ(serving_session(), connection);
        user.emplace(system(), pool);
      }
      THEN("no row and no descriptor is left") {
        CHECK_EQ(things(), 0u);
        CHECK_EQ(await_free(pool, 1).connects, 1u);
        CHECK(eventually([&] { return descriptors() <= before; }));
      }
    }
  }
}

SCENARIO("what a session runs is stopped when its holder ends") {
  GIVEN("a session in the middle of a long statement, with more to do") {
    auto connection = serving_session();
    auto id = start();
    user->ask(id, read("SELECT SLEEP(600)"));
    user->ask(id, insert(2));
    user->ask_commit(id);
    await_running("%SLEEP(600)%", 1);
    WHEN("its holder ends") {
      user->end();
      auto next = serving_session();
      THEN("it does not run on, nothing of the rest was done, and the connection serves the next one") {
        await_running("%SLEEP(600)%", 0);
        CHECK_EQ(next, connection);
        CHECK_EQ(things(), 0u);
        CHECK_EQ(status(pool).connects, 1u);
      }
    }
  }
}

SCENARIO("a holder that ends after its checkin does not keep the connection") {
  GIVEN("a session that is checked in while a long statement runs") {
    auto id = start();
    user->ask(id, read("SELECT SLEEP(600)"));
    REQUIRE(user->checkin(id).has_value());
    await_running("%SLEEP(600)%", 1);
    WHEN("its holder ends") {
      user->end();
      THEN("the statement is stopped and the connection serves") {
        await_running("%SLEEP(600)%", 0);
        serving_session();
        CHECK_EQ(things(), 0u);
      }
    }
  }
}

SCENARIO("the end of one session leaves another one of its holder alone, and both end with it") {
  GIVEN("a holder of two sessions, one of which was checked in") {
    auto pair = start_full_pool(server.settings(), rules_for(2));
    session_user holder{system(), pair};
    auto first = holder.checkout();
    auto second = holder.checkout();
    REQUIRE(holder.begin(second).has_value());
    holder.must(second, insert(1));
    REQUIRE(holder.checkin(first).has_value());
    holder.must(second, read("SELECT 1"));
    WHEN("it ends") {
      holder.end();
      THEN("the other one is rolled back, and both connections are free") {
        CHECK_EQ(await_free(pair, 2).connects, 2u);
        CHECK_EQ(things(), 0u);
      }
    }
  }
}

SCENARIO("a holder that ends while its connection is checked does not keep it") {
  GIVEN("a frozen server and a pool that pings before every use") {
    auto rules = rules_for(1);
    rules.pre_ping_idle = 0s;
    auto careful = start_full_pool(server.settings(), rules);
    session_user holder{system(), careful};
    freeze();
    holder.ask_checkout();
    await_status(careful, [](auto& x) { return x.checked_out == 1; });
    WHEN("the holder ends before the server goes on") {
      holder.end();
      // Answered after the pool has heard of that.
      status(careful);
      thaw();
      THEN("the connection serves the next one") {
        CHECK(run(careful, read("SELECT 1")).has_value());
        await_free(careful, 1);
      }
    }
  }
}

SCENARIO("a holder that ends while it waits gets no session") {
  GIVEN("a pool whose connection is checked out, and another holder that waits") {
    auto id = start();
    session_user waiting{system(), pool};
    waiting.ask_checkout();
    await_status(pool, [](auto& x) { return x.waiting == 1; });
    WHEN("that one ends, and the connection comes back") {
      waiting.end();
      REQUIRE(user->checkin(id).has_value());
      THEN("it serves the next one") {
        serving_session();
        await_free(pool, 1);
      }
    }
  }
}

SCENARIO("a session ends when its time is over") {
  GIVEN("a session that may last for half a second") {
    auto connection = serving_session();
    session_options options;
    options.time_limit = 500ms;
    WHEN("its holder does nothing with it, and with the next one something that takes long") {
      auto idle = start(options);
      auto next = serving_session();
      auto idle_refused = is_refused(idle);
      auto busy = start(options);
      auto running = user->ask(busy, read("SELECT SLEEP(600)"));
      auto waiting = user->ask(busy, read("SELECT 1"));
      auto cut = running.get();
      auto refused = waiting.get();
      THEN("both are rolled back and refused afterwards, and the connection serves again") {
        CHECK_EQ(next, connection);
        CHECK(idle_refused);
        REQUIRE(!cut.has_value());
        CHECK_EQ(to_string(cut.error().code), "session_ended");
        CHECK_EQ(to_string(cut.error().outcome), "rolled_back");
        REQUIRE(!refused.has_value());
        CHECK_EQ(to_string(refused.error().code), "session_ended");
        CHECK_EQ(to_string(refused.error().outcome), "rolled_back");
        CHECK_EQ(serving_session(), connection);
        CHECK(is_refused(busy));
        CHECK_EQ(things(), 0u);
      }
    }
  }
}

SCENARIO("a session whose connection is killed while it is idle is refused afterwards") {
  GIVEN("a session with an open transaction") {
    auto connection = serving_session();
    auto id = start();
    WHEN("its connection is killed") {
      end_session(connection);
      auto gone = await_status(pool, [](auto& x) { return x.lost == 1; });
      THEN("it has ended, nothing is left, and the pool has another connection") {
        CHECK(is_refused(id));
        CHECK(user->checkin(id).has_value());
        CHECK_NE(serving_session(), connection);
        CHECK_EQ(things(), 0u);
        CHECK(!gone.last_error.empty());
      }
    }
  }
}

SCENARIO("a session whose connection is killed while it works is told what became of that") {
  GIVEN("sessions that run something, in a transaction and without one") {
    WHEN("their connections are killed") {
      for (auto in_transaction : {true, false}) {
        MESSAGE((in_transaction ? "in a transaction" : "without one"));
        auto id = user->checkout();
        if (in_transaction) {
          REQUIRE(user->begin(id).has_value());
          user->must(id, insert(1));
        }
        auto asked = user->ask(id, read("SELECT SLEEP(600)"));
        auto waiting = user->ask_commit(id);
        await_running("%SLEEP(600)%", 1);
        for (auto x : sessions())
          end_session(x);
        auto came = asked.get();
        auto refused = waiting.get();
        THEN("the statement is rolled back with its transaction, and the rest was not sent") {
          REQUIRE(!came.has_value());
          CHECK_EQ(to_string(came.error().code), "connection_lost");
          CHECK_EQ(to_string(came.error().outcome), in_transaction ? "rolled_back" : "unknown");
          REQUIRE(!refused.has_value());
          auto expected = in_transaction ? outcome::rolled_back : outcome::rejected;
          CHECK_EQ(to_string(refused.error().code), "session_ended");
          CHECK_EQ(to_string(refused.error().outcome), to_string(expected));
          CHECK(is_refused(id, expected));
          CHECK_EQ(things(), 0u);
        }
      }
    }
  }
}

SCENARIO("a procedure on a connection that is killed may have committed") {
  GIVEN("a session whose transaction calls a procedure that commits and goes on") {
    must(admin(), write("CREATE PROCEDURE hasty() BEGIN COMMIT; SELECT SLEEP(600); END"));
    auto id = start();
    auto asked = user->ask(id, write("CALL hasty()"));
    await_running("%SLEEP(600)%", 1);
    WHEN("its connection is killed") {
      for (auto x : sessions())
        end_session(x);
      auto came = asked.get();
      THEN("the outcome is unknown") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().outcome), "unknown");
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

SCENARIO("a pool that is shut down ends its sessions in time") {
  GIVEN("a session that is idle and one that works") {
    auto pair = start_full_pool(server.settings(), rules_for(2));
    session_user holder{system(), pair};
    auto idle = holder.checkout();
    auto busy = holder.checkout();
    REQUIRE(holder.begin(idle).has_value());
    holder.must(idle, insert(1));
    REQUIRE(holder.begin(busy).has_value());
    auto asked = holder.ask(busy, read("SELECT SLEEP(600)"));
    await_running("%SLEEP(600)%", 1);
    WHEN("it is drained") {
      auto drained = drain(pair, 300ms);
      // Sessions go on for as long.
      auto used = holder.run(idle, insert(2));
      auto report = drained.get();
      auto came = asked.get();
      auto late = holder.commit(idle);
      THEN("what was open is rolled back, and everybody has an answer") {
        CHECK(used.has_value());
        REQUIRE(report.has_value());
        CHECK_EQ(report->cut, 2u);
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "connection_lost");
        CHECK_EQ(to_string(came.error().outcome), "rolled_back");
        CHECK(!late.has_value());
        CHECK(eventually([&] { return things() == 0; }));
        await_running("%SLEEP(600)%", 0);
      }
    }
  }
}

SCENARIO("a pool that is shut down lets sessions come to their end") {
  GIVEN("a pool that drains while a session has an open transaction") {
    auto id = start();
    auto drained = drain(pool, 60s);
    await_status(pool, [](auto& x) { return x.draining; });
    WHEN("its work is done") {
      REQUIRE(user->commit(id).has_value());
      REQUIRE(user->checkin(id).has_value());
      auto report = drained.get();
      THEN("the pool ends without cutting anything") {
        REQUIRE(report.has_value());
        CHECK_EQ(report->cut, 0u);
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

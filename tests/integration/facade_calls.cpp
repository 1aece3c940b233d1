// The blocking facade: single calls, and where they are permitted.

#define CAF_SUITE facade.calls

#include "integration/facade_support.hpp"

#include <future>
#include <memory>
#include <thread>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

/// What came of `f` when an actor of this kind ran it.
template <caf::spawn_options Options, class F>
std::string from_actor(caf::actor_system& sys, F f) {
  auto said = std::make_shared<std::promise<std::string>>();
  auto answer = said->get_future();
  sys.spawn<Options>([said, f](caf::event_based_actor*) { said->set_value(misuse_of(f)); });
  return answer.get();
}

} // namespace

BEGIN_FIXTURE_SCOPE(facade_fixture)

SCENARIO("a statement's answer is its result") {
  GIVEN("a database with a table") {
    CHECK_EQ(db.execute(insert(1)).affected_rows(), 1u);
    WHEN("a row is read") {
      auto rows = db.execute(read("SELECT id FROM facade WHERE id = ?", 1));
      THEN("it is there") {
        REQUIRE_EQ(rows.size(), 1u);
        CHECK_EQ(rows[0].get<int>("id"), 1);
      }
    }
  }
}

SCENARIO("what the server refuses is thrown with all that is known") {
  GIVEN("a table with a row") {
    db.execute(insert(1));
    WHEN("the row is inserted again") {
      auto error = failure_of([&] { db.execute(insert(1)); });
      THEN("the error says so") {
        REQUIRE(error);
        CHECK_EQ(error->code, errc::server_error);
        CHECK_EQ(error->outcome, outcome::rejected);
        CHECK_EQ(error->number, 1062u);
      }
      AND("its text is one line with the number") {
        try {
          db.execute(insert(1));
          CAF_FAIL("no error");
        } catch (const std::runtime_error& err) {
          CHECK_EQ(std::string{err.what()}, to_string(*error));
          CHECK(std::string{err.what()}.find("1062") != std::string::npos);
        }
      }
    }
  }
}

SCENARIO("transact does all or nothing") {
  GIVEN("an empty table") {
    WHEN("a transaction succeeds and another one fails") {
      auto results = db.transact(all_or_nothing(insert(1), insert(2)));
      auto error = failure_of([&] { db.transact(all_or_nothing(insert(3), insert(1))); });
      THEN("the first has taken effect and the second none") {
        CHECK_EQ(results.size(), 2u);
        REQUIRE(error);
        CHECK_EQ(error->statement_index, 1u);
        CHECK_EQ(rows(), 2u);
      }
    }
  }
}

SCENARIO("initialize and verify_connection tell what the server is") {
  GIVEN("a database") {
    WHEN("it is initialized and verified") {
      auto first = db.initialize();
      auto second = db.verify_connection();
      THEN("both have made a round trip") {
        CHECK(!first.server_version.empty());
        CHECK_EQ(second.server_version, first.server_version);
        CHECK(second.server_connection_id != 0);
      }
    }
  }
}

SCENARIO("the status shows the pool") {
  GIVEN("a database that has been used") {
    await_all_back();
    WHEN("its status is asked for") {
      auto now = db.get_pool_status();
      THEN("the numbers are the pool's") {
        CHECK(now.initialized);
        CHECK_EQ(now.pool_size, 2u);
        CHECK_EQ(now.checked_in, 2u);
        CHECK_EQ(now.checked_out, 0u);
      }
    }
  }
}

SCENARIO("dispose replaces all connections") {
  GIVEN("a database whose connection is known") {
    db.initialize();
    auto connects = db.get_pool_status().connects;
    WHEN("it is disposed") {
      db.dispose();
      THEN("others are opened, and it goes on") {
        auto now = await_status(pool, [&](auto& x) { return x.connects == connects + 2 && x.total_connections == 2; });
        CHECK(now.generation > 0);
        CHECK_EQ(db.execute(insert(1)).affected_rows(), 1u);
      }
    }
  }
}

SCENARIO("a closed database refuses every call, and a pool of somebody else goes on") {
  GIVEN("a database that has been closed twice") {
    db.close();
    db.close();
    WHEN("it is called") {
      auto code = [](auto f) {
        auto error = failure_of(f);
        return error ? to_string(error->code) : "none";
      };
      THEN("every call is refused") {
        CHECK_EQ(code([&] { db.initialize(); }), "shutting_down");
        CHECK_EQ(code([&] { db.get_pool_status(); }), "shutting_down");
        CHECK_EQ(code([&] { db.execute(read("SELECT 1")); }), "shutting_down");
        CHECK_EQ(code([&] { db.with_session([](auto&) {}); }), "shutting_down");
        CHECK_EQ(code([&] { db.dispose(); }), "shutting_down");
      }
      AND("the pool answers its owner") {
        CHECK(verify(pool).has_value());
      }
    }
  }
}

SCENARIO("a pool that has ended is an error and no hang") {
  GIVEN("a database whose pool has been drained by its owner") {
    REQUIRE(drain(pool, caf::timespan{0}).get().has_value());
    WHEN("it is called") {
      auto error = failure_of([&] { db.execute(read("SELECT 1")); });
      THEN("the error says that the pool has ended") {
        REQUIRE(error);
        CHECK(error->code == errc::pool_gone || error->code == errc::shutting_down);
      }
    }
  }
}

SCENARIO("an actor is refused before it waits") {
  GIVEN("actors on the scheduler and on threads of their own") {
    WHEN("they call a database") {
      auto on_scheduler = from_actor<caf::no_spawn_options>(system(), [this] { db.execute(read("SELECT 1")); });
      auto detached = from_actor<caf::detached>(system(), [this] { db.with_session([](auto&) {}); });
      auto closing = from_actor<caf::no_spawn_options>(system(), [this] { db.close(); });
      THEN("each is told what to do instead") {
        for (auto& text : {on_scheduler, detached, closing})
          CHECK(text.find("from inside an actor") != std::string::npos && text.find("then()") != std::string::npos);
      }
      AND("the database is none the worse") {
        CHECK_EQ(db.execute(insert(1)).affected_rows(), 1u);
      }
    }
  }
}

SCENARIO("a thread that an actor has started may call when it has a name of its own") {
  GIVEN("an actor that starts a thread") {
    auto said = std::make_shared<std::promise<std::string>>();
    system().spawn([this, said](caf::event_based_actor*) {
      std::thread{[this, said] {
        auto before = misuse_of([this] { db.initialize(); });
        pthread_setname_np(pthread_self(), "helper");
        auto after = misuse_of([this] { db.initialize(); });
        said->set_value((before.empty() ? "permitted, " : "refused, ")
                        + std::string{after.empty() ? "permitted" : after});
      }}.detach();
    });
    WHEN("the thread calls a database before and after it takes its name") {
      auto answer = said->get_future().get();
      THEN("it is refused before and not after") {
        CHECK_EQ(answer, "refused, permitted");
      }
    }
  }
}

END_FIXTURE_SCOPE()

// The blocking facade: pauses, settings, events, evictions.

#define CAF_SUITE facade.control

#include "integration/facade_support.hpp"

#include <algorithm>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

using session = database::session;

struct fixture : facade_fixture {
  fixture() : facade_fixture{1} {
    // nop
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("calls wait while the pool is paused") {
  GIVEN("a paused pool and a thread that calls") {
    db.pause();
    auto call = std::async(std::launch::async, [this] { return db.execute(read("SELECT 42"))[0].get<int>(0); });
    await_status(pool, [](auto& x) { return x.paused && x.waiting == 1; });
    WHEN("it is verified, and then resumed") {
      auto verified = failure_of([this] { db.verify_connection(); });
      auto still_waits = db.get_pool_status().waiting;
      db.resume();
      THEN("verifying fails at once, and the call is served afterwards") {
        REQUIRE(verified);
        CHECK_EQ(verified->code, errc::acquire_timeout);
        CHECK_EQ(verified->outcome, outcome::unavailable);
        CHECK(verified->text.find("is paused") != std::string::npos);
        CHECK_EQ(still_waits, 1u);
        CHECK_EQ(call.get(), 42);
        CHECK(!db.get_pool_status().paused);
      }
    }
  }
}

SCENARIO("a session goes on in a paused pool") {
  GIVEN("a transaction during which the pool is paused") {
    WHEN("it goes on and commits") {
      db.with_transaction([this](session& s) {
        db.pause();
        s.execute(insert(1));
      });
      db.resume();
      THEN("its row is there") {
        CHECK_EQ(rows(), 1u);
      }
    }
  }
}

SCENARIO("the settings that a database works with can be asked for") {
  GIVEN("a database with settings of its own") {
    settings config;
    config.server = shared_server().settings();
    config.pool = rules_for(3);
    config.pool.name = "bato";
    config.retry.max_retries = 2;
    database mine{config};
    WHEN("they are asked for") {
      auto found = mine.get_settings();
      THEN("they are told, and where the server is, without the user and the password") {
        CHECK_EQ(found.pool.name, "bato");
        CHECK_EQ(found.pool.size, 3u);
        REQUIRE(found.retry);
        CHECK_EQ(found.retry->max_retries, 2u);
        CHECK_EQ(found.endpoint, config.server.endpoint());
      }
    }
  }
}

SCENARIO("an operator sees sessions and statements, and ends a session") {
  GIVEN("a session that has sent something") {
    session_options terms;
    terms.owner = "importer";
    std::optional<session_details> seen;
    std::vector<statement_summary> statements;
    auto ended = failure_of([&] {
      db.with_session(
          [&](session& s) {
            s.execute(read("SELECT 17"));
            seen = db.get_details().sessions.at(0);
            statements = db.get_statements();
            db.kill(seen->id);
            s.execute(read("SELECT 18"));
          },
          terms);
    });
    THEN("it was seen, and has ended") {
      CHECK_EQ(seen->owner, "importer");
      CHECK_EQ(seen->last_statement, "SELECT 17");
      CHECK(std::ranges::find(statements, "SELECT ?", &statement_summary::digest) != statements.end());
      REQUIRE(ended);
      CHECK_EQ(ended->code, errc::session_ended);
      await_all_back();
      auto again = failure_of([&] { db.kill(seen->id); });
      REQUIRE(again);
      CHECK_EQ(again->code, errc::session_ended);
    }
  }
}

SCENARIO("an evicted connection is not used again") {
  GIVEN("a session that evicts its connection") {
    auto id = [](session& s) { return s.execute(which_session())[0].get<uint64_t>(0); };
    auto first = db.with_session([&](session& s) {
      s.evict();
      return id(s);
    });
    WHEN("the next session begins") {
      auto second = db.with_session(id);
      THEN("it has another one") {
        CHECK_NE(first, second);
      }
    }
  }
}

SCENARIO("a function that listens is told what happens until the database is closed, and may throw") {
  GIVEN("two functions that listen, one of which throws") {
    std::mutex mutex;
    std::string told;
    auto mine = std::make_unique<database>(system(), pool);
    mine->subscribe([](const pool_events&) { throw std::runtime_error{"out of luck"}; });
    mine->subscribe([&](const pool_events& x) {
      std::lock_guard guard{mutex};
      for (auto& y : x.events) // The pool may still be at work for others.
        if (!y.owner.empty())
          told += to_string(y.kind) + "(" + y.owner + ") ";
    });
    auto heard = [&] {
      std::lock_guard guard{mutex};
      return told;
    };
    WHEN("a session comes and goes, and the database is closed before another one") {
      session_options terms;
      terms.owner = "importer";
      mine->with_session([](session&) {}, terms);
      CHECK(eventually([&] { return heard().find("checked_in") != std::string::npos; }));
      mine.reset();
      terms.owner = "another one";
      db.with_session([](session&) {}, terms);
      THEN("only the first is told") {
        CHECK_EQ(heard(), "checked_out(importer) checked_in(importer) ");
      }
    }
  }
}

END_FIXTURE_SCOPE()

SCENARIO("a session of the facade may take its time before its first statement") {
  GIVEN("a pool that ends sessions that are not used at once") {
    actor_fixture x;
    auto rules = rules_for(1);
    rules.unclaimed_session_timeout = 50ms;
    database db{x.system(), x.start_full_pool(shared_server().settings(), rules)};
    WHEN("a function computes for longer before its first statement") {
      auto came = db.with_session([&](database::session& s) {
        auto over = std::chrono::steady_clock::now() + 300ms;
        x.eventually([&] { return std::chrono::steady_clock::now() > over; });
        return s.execute(read("SELECT 42"))[0].get<int>(0);
      });
      THEN("it still has its session") {
        CHECK_EQ(came, 42);
      }
    }
  }
}

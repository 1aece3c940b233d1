// The blocking facade with an actor system and a pool of its own.

#define CAF_SUITE facade.own_pool

#include "cenote/configuration.hpp"
#include "integration/facade_support.hpp"
#include "support/silent_listener.hpp"

#include <future>
#include <thread>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

struct fixture : pool_fixture {
  settings config() const {
    settings result;
    result.server = server.settings();
    result.pool = rules_for(2);
    result.retry.initial_delay = 10ms;
    return result;
  }
};

settings how_to_reach(uint16_t port) {
  settings result;
  result.server = parse_uri("mysql://user:geheim@127.0.0.1:" + std::to_string(port) + "/bato?connect_timeout=1");
  return result;
}

/// Waits until the database refuses calls.
void await_closing(database& db) {
  auto refused = [&] { return failure_of([&] { db.get_pool_status(); }).has_value(); };
  for (stopwatch time; !refused();)
    if (time.elapsed() > patience)
      throw std::runtime_error{"the database does not close"};
}

} // namespace

SCENARIO("a server that is down is a clear error within the connect timeout") {
  GIVEN("a database whose server is not there") {
    database db{how_to_reach(1)};
    WHEN("it is initialized") {
      stopwatch time;
      auto error = failure_of([&] { db.initialize(); });
      auto took = time.elapsed();
      THEN("the error says what happened, where, and shows no password") {
        REQUIRE(error);
        CHECK_EQ(error->code, errc::connect_failed);
        CHECK_EQ(error->outcome, outcome::unavailable);
        CHECK(to_string(*error).find("127.0.0.1") != std::string::npos);
        CHECK(to_string(*error).find("geheim") == std::string::npos);
        CHECK(took < 2s);
      }
      AND("it says so again") {
        CHECK(failure_of([&] { db.verify_connection(); }));
      }
    }
  }
}

SCENARIO("a server that takes connections and says nothing is an error within the connect timeout") {
  GIVEN("a database whose server is silent") {
    silent_listener silence;
    database db{how_to_reach(silence.port())};
    WHEN("it is initialized") {
      stopwatch time;
      auto error = failure_of([&] { db.initialize(); });
      auto took = time.elapsed();
      THEN("the error comes in time") {
        REQUIRE(error);
        CHECK_EQ(error->code, errc::connect_failed);
        CHECK(took < 5s);
      }
    }
  }
}

SCENARIO("a setting out of range is an error before anything starts") {
  GIVEN("settings without connections") {
    auto config = how_to_reach(1);
    config.pool.size = 0;
    WHEN("a database is made of them") {
      THEN("the setting is named") {
        try {
          database db{config};
          CAF_FAIL("no error");
        } catch (const configuration_error& err) {
          CHECK(std::string{err.what()}.find("pool.size") != std::string::npos);
        }
      }
    }
  }
}

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a database lives from initialize to close") {
  GIVEN("a database of its own") {
    database db{config()};
    WHEN("it is used and closed") {
      auto found = db.initialize();
      auto two =
          db.with_transaction([](database::session& s) { return s.execute(read("SELECT 1 + 1"))[0].get<int>(0); });
      db.close();
      db.close();
      THEN("it has worked, and its sessions are gone from the server") {
        CHECK(!found.server_version.empty());
        CHECK_EQ(two, 2);
        CHECK(eventually([this] { return sessions().empty(); }));
        CHECK_EQ(failure_of([&] { db.execute(read("SELECT 1")); })->code, errc::shutting_down);
      }
    }
  }
}

SCENARIO("a database that failed to initialize works as soon as its server is there") {
  GIVEN("a server that is down") {
    auto settings = config();
    server.stop();
    database db{settings};
    CHECK(failure_of([&] { db.initialize(); }));
    WHEN("the server comes") {
      server.start();
      THEN("the database can be initialized") {
        CHECK(eventually([&] { return !failure_of([&] { db.initialize(); }); }));
      }
    }
  }
}

SCENARIO("a read that loses its connection is repeated") {
  GIVEN("a read that runs on the server") {
    database db{config()};
    db.initialize();
    auto answer = std::async(std::launch::async, [&] { return db.execute(read("SELECT 7, SLEEP(1)"))[0].get<int>(0); });
    await_running("SELECT 7, SLEEP%", 1);
    WHEN("the server ends its session") {
      auto session =
          must(admin(), read("SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT 7, SLEEP%'"));
      must(admin(), write("KILL CONNECTION ?", session[0].get<uint64_t>(0)));
      THEN("the caller notices nothing") {
        CHECK_EQ(answer.get(), 7);
      }
    }
  }
}

SCENARIO("closing lets a session end its work") {
  GIVEN("a session that knows when the database is being closed") {
    database db{config()};
    must(admin(), write("CREATE TABLE late (id INT PRIMARY KEY) ENGINE=InnoDB"));
    std::promise<void> has_session;
    auto session = std::async(std::launch::async, [&] {
      db.with_transaction([&](database::session& s) {
        has_session.set_value();
        await_closing(db);
        s.execute(write("INSERT INTO late VALUES (1)"));
      });
    });
    has_session.get_future().wait();
    WHEN("it is closed") {
      db.close();
      THEN("what the session did later has been committed") {
        CHECK(session.wait_for(0s) == std::future_status::ready
              || session.wait_for(patience) == std::future_status::ready);
        CHECK_EQ(must(admin(), read("SELECT COUNT(*) FROM late"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("closing without a drain timeout cuts what runs") {
  GIVEN("a statement that runs for a minute") {
    auto settings = config();
    settings.pool.drain_timeout = 0s;
    database db{settings};
    auto cut = std::async(std::launch::async, [&] { return failure_of([&] { db.execute(write("DO SLEEP(60)")); }); });
    await_running("DO SLEEP%", 1);
    WHEN("the database is closed") {
      stopwatch time;
      db.close();
      auto took = time.elapsed();
      THEN("the statement fails, and nobody waits for it") {
        CHECK(cut.get());
        CHECK(took < 20s);
      }
    }
  }
}

SCENARIO("many threads may close, and all wait until it is done") {
  GIVEN("a database of its own") {
    database db{config()};
    db.initialize();
    WHEN("four threads close it") {
      std::vector<std::thread> closers;
      for (int i = 0; i < 4; ++i)
        closers.emplace_back([&] { db.close(); });
      for (auto& x : closers)
        x.join();
      THEN("it is closed") {
        CHECK_EQ(failure_of([&] { db.initialize(); })->code, errc::shutting_down);
      }
    }
  }
}

SCENARIO("a thread that has called once does not hold up the end") {
  GIVEN("a thread that lives on after its call") {
    auto db = std::make_unique<database>(config());
    std::promise<void> called, over;
    std::thread caller{[&, until = over.get_future()]() mutable {
      db->with_session([](database::session& s) { s.execute(read("SELECT 1")); });
      called.set_value();
      until.wait();
    }};
    called.get_future().wait();
    WHEN("the database is destroyed") {
      db.reset();
      THEN("that comes to its end") {
        CHECK(!db);
      }
    }
    over.set_value();
    caller.join();
  }
}

SCENARIO("who holds a session cannot close the database") {
  GIVEN("a session") {
    database db{config()};
    WHEN("its function closes the database") {
      auto text = db.with_session([&](database::session&) { return misuse_of([&] { db.close(); }); });
      THEN("it is told why not, and the database goes on") {
        CHECK(text.find("would wait for itself") != std::string::npos);
        CHECK_EQ(db.execute(read("SELECT 1")).size(), 1u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

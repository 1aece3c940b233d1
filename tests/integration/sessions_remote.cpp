// Transactions and sessions from another node.

#define CAF_SUITE sessions.remote

#include "support/both_ways.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <optional>

#include <caf/io/middleman.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(1));

  /// Another node: an actor system of its own that knows no database.
  std::optional<actor_fixture> node{std::in_place};

  /// The pool as the other node sees it.
  pool_actor proxy;

  std::optional<session_user> user;

  fixture() {
    must(pool, write("CREATE TABLE things (id INT AUTO_INCREMENT PRIMARY KEY, what TEXT)"));
    admin();
    auto port = system().middleman().publish(pool, 0, "127.0.0.1");
    if (!port)
      throw std::runtime_error{"cannot publish: " + to_string(port.error())};
    auto handle = node->system().middleman().remote_actor<pool_actor>("127.0.0.1", *port);
    if (!handle)
      throw std::runtime_error{"cannot connect: " + to_string(handle.error())};
    proxy = *handle;
    user.emplace(node->system(), proxy);
  }

  size_t things() { return must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0); }

  void leave() {
    user.reset();
    proxy = nullptr;
    node.reset();
  }
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("transactions work from another node") {
  GIVEN("a good transaction and a bad one") {
    auto good =
        all_or_nothing(write("INSERT INTO things (what) VALUES (?)", "it's \u732b"), read("SELECT what FROM things"));
    auto bad = all_or_nothing(write("DELETE FROM things"), write("INSERT INTO absent VALUES (1)"));
    WHEN("they are run there, in both ways") {
      for (auto& way : both_ways) {
        MESSAGE(way.name);
        auto came = node->run(proxy, way(good));
        auto failed = node->run(proxy, way(bad).within(30s).at(isolation::read_committed).retried_at_most(1));
        THEN("the answers are those of home") {
          REQUIRE(came.has_value());
          REQUIRE_EQ(came->size(), 2u);
          CHECK_EQ((*came)[0].affected_rows(), 1u);
          CHECK_EQ((*came)[1][0].get<std::string>(0), "it's \u732b");
          REQUIRE(!failed.has_value());
          CHECK_EQ(to_string(failed.error().code), "server_error");
          CHECK_EQ(failed.error().number, 1146u);
          CHECK_EQ(failed.error().statement_index.value_or(99), 1u);
        }
      }
      CHECK_EQ(things(), 2u);
    }
  }
}

SCENARIO("sessions work from another node") {
  GIVEN("a session of a holder there") {
    session_options terms;
    terms.owner = "far away";
    auto id = user->checkout(terms);
    WHEN("it does all that a session can do") {
      transaction_options options;
      options.level = isolation::serializable;
      auto begun = user->begin(id, options);
      auto inserted = user->run(id, write("INSERT INTO things (what) VALUES ('a')"));
      auto saved = user->savepoint(id, "here");
      user->must(id, write("INSERT INTO things (what) VALUES ('b')"));
      auto back = user->rollback(id, "here");
      auto committed = user->commit(id);
      auto again = user->begin(id);
      user->must(id, write("DELETE FROM things"));
      auto rolled_back = user->rollback(id);
      auto checked_in = user->checkin(id);
      auto refused = user->run(id, read("SELECT 1"));
      THEN("all of it works") {
        CHECK(begun.has_value());
        REQUIRE(inserted.has_value());
        CHECK_EQ(inserted->last_insert_id(), 1u);
        CHECK(saved.has_value());
        CHECK(back.has_value());
        CHECK(committed.has_value());
        CHECK(again.has_value());
        CHECK(rolled_back.has_value());
        CHECK(checked_in.has_value());
        REQUIRE(!refused.has_value());
        CHECK_EQ(to_string(refused.error().code), "session_ended");
        CHECK_EQ(things(), 1u);
      }
    }
  }
}

SCENARIO("a session is rolled back when its holder's node goes away") {
  GIVEN("a session of a holder there with an open transaction, in the middle of a statement") {
    auto id = user->checkout();
    REQUIRE(user->begin(id).has_value());
    user->must(id, write("INSERT INTO things (what) VALUES ('a')"));
    auto running = user->ask(id, read("SELECT SLEEP(600)"));
    await_running("%SLEEP(600)%", 1);
    WHEN("that node ends") {
      leave();
      THEN("what runs is stopped, nothing is left, and the connection serves again") {
        await_running("%SLEEP(600)%", 0);
        CHECK(run(pool, read("SELECT 1")).has_value());
        CHECK_EQ(await_free(pool, 1).connects, 1u);
        CHECK_EQ(things(), 0u);
      }
    }
  }
}

SCENARIO("a session is rolled back when its holder on another node ends") {
  GIVEN("a session of a holder there with an open transaction") {
    auto id = user->checkout();
    REQUIRE(user->begin(id).has_value());
    user->must(id, write("INSERT INTO things (what) VALUES ('a')"));
    WHEN("that one ends, and its node stays") {
      user->end();
      THEN("nothing is left, and the connection serves again, there, too") {
        CHECK(node->run(proxy, read("SELECT 1")).has_value());
        CHECK_EQ(await_free(pool, 1).connects, 1u);
        CHECK_EQ(things(), 0u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

// Sessions that stop others, but only on the server that those are on.

#define CAF_SUITE db.control_session

#include "db/control_session.hpp"

#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;

namespace {

using db::kill_outcome;

struct fixture {
  server_settings target = shared_server().settings();
  db::connection victim = open(target);
  db::connection observer = open(target);
  db::control_session control = db::control_session::open(target).value();
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a session knows its server, since when it runs, and its own address") {
  GIVEN("two sessions of one user") {
    WHEN("their identities are compared") {
      auto& one = victim.identity();
      auto& other = observer.identity();
      THEN("they are on the same server, with numbers and addresses of their own") {
        MESSAGE(one.server.instance << ", started " << one.server.started << ", " << one.client);
        CHECK(one.server == other.server);
        CHECK(contains(one.server.instance, ", " + std::to_string(target.port) + ", "));
        CHECK(contains(one.server.instance, run(observer, "SELECT @@server_uid")[0].get<std::string>(0)));
        CHECK_NE(one.id, other.id);
        CHECK_NE(one.client, other.client);
        CHECK_EQ(one.id, victim.server_id());
        auto rows = run(observer, "SELECT CONCAT(USER, '@', HOST), UNIX_TIMESTAMP() FROM information_schema.PROCESSLIST"
                                  " WHERE ID = "
                                      + std::to_string(one.id));
        CHECK_EQ(rows[0].get<std::string>(0), one.client);
        CHECK(rows[0].get<int64_t>(1) - one.server.started < 3600);
      }
    }
  }
}

SCENARIO("a session of the same server is ended, and one that has ended is gone") {
  GIVEN("a session") {
    WHEN("it is ended twice") {
      auto first = control.end_session(victim.identity());
      await([&] { return sessions(observer, victim.server_id()) == 0; });
      auto second = control.end_session(victim.identity());
      auto third = control.stop_statement(victim.identity());
      THEN("it is told apart") {
        CHECK(first.value() == kill_outcome::done);
        CHECK(second.value() == kill_outcome::gone);
        CHECK(third.value() == kill_outcome::gone);
      }
    }
  }
}

SCENARIO("nothing happens to a session that only has the same number") {
  GIVEN("a session, and others with its number") {
    auto on_another_server = victim.identity();
    on_another_server.server.instance += " of another";
    auto before_the_last_start = victim.identity();
    --before_the_last_start.server.started;
    auto on_an_unknown_server = victim.identity();
    on_an_unknown_server.server = {};
    auto of_another_client = victim.identity(); // Which means that two servers pass for one.
    of_another_client.client = "cenote@127.0.0.1:1";
    WHEN("those are to be ended") {
      std::vector<kill_outcome> came;
      for (auto& x : {on_another_server, before_the_last_start, on_an_unknown_server, of_another_client}) {
        came.push_back(control.end_session(x).value());
        came.push_back(control.stop_statement(x).value());
      }
      THEN("they are elsewhere, or have ended with their server, and this one is still there") {
        using enum kill_outcome;
        CHECK(came
              == std::vector<kill_outcome>(
                  {elsewhere, elsewhere, gone, gone, elsewhere, elsewhere, elsewhere, elsewhere}));
        CHECK_EQ(sessions(observer, victim.server_id()), 1u);
        CHECK_EQ(run(victim, "SELECT 1").size(), 1u);
      }
    }
  }
}

SCENARIO("the start of a server is known to be the same whenever it is asked") {
  GIVEN("a session") {
    WHEN("others are opened while time passes, and the session's own clock is set") {
      auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{1500};
      size_t different = 0;
      while (std::chrono::steady_clock::now() < until)
        different += !(open(target).identity().server == victim.identity().server);
      target.init_command = "SET timestamp = 1000000";
      auto in_the_past = open(target);
      THEN("all say the same") {
        CHECK_EQ(different, 0u);
        CHECK(in_the_past.identity().server == victim.identity().server);
      }
    }
  }
}

SCENARIO("a user without privileges is identified as well") {
  GIVEN("a user who may do nothing") {
    run(observer, "CREATE OR REPLACE USER nobody@'%' IDENTIFIED BY 'a password'");
    target.user = "nobody";
    target.password = secret{"a password"};
    target.database.clear();
    WHEN("it stops what it runs itself") {
      auto own = open(target);
      auto other = db::control_session::open(target);
      auto came = other->end_session(own.identity());
      auto of_another = other->end_session(victim.identity());
      THEN("that is done, and what others run is not its own") {
        CHECK(came.value() == kill_outcome::done);
        REQUIRE(!of_another.has_value());
        CHECK_EQ(of_another.error().number, 1095u);
      }
    }
  }
}

END_FIXTURE_SCOPE()

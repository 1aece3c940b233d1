// Connects that fail, and how the pool gets over it.

#define CAF_SUITE pool_server.connect_failures

#include "support/pool_fixture.hpp"
#include "support/silent_listener.hpp"

#include <chrono>
#include <string>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

BEGIN_FIXTURE_SCOPE(pool_fixture)

SCENARIO("a wrong password fails every caller at once and is not tried again and again") {
  GIVEN("a pool with a wrong password") {
    auto target = plain_user("locked", "the right one");
    target.password = secret{"an0ther-one"};
    auto pool = start_pool(target, pool_settings{});
    WHEN("callers send statements") {
      std::vector<awaited<result>> asked;
      for (int i = 0; i < 50; ++i)
        asked.push_back(ask(pool, read("SELECT 1")));
      THEN("each gets the server's refusal") {
        for (auto& x : asked) {
          auto came = x.get();
          REQUIRE(!came.has_value());
          REQUIRE_EQ(to_string(came.error().code), "login_refused");
          REQUIRE_EQ(to_string(came.error().outcome), "rejected");
          REQUIRE_EQ(came.error().number, 1045u);
          REQUIRE_EQ(came.error().sqlstate, "28000");
          REQUIRE(contains(came.error().text, "Access denied"));
          REQUIRE(!contains(came.error().text, "an0ther-one"));
        }
      }
      AND("verify and status tell it, too") {
        auto came = verify(pool);
        REQUIRE(!came.has_value());
        CHECK_EQ(came.error().number, 1045u);
        auto now = status(pool);
        CHECK(!now.initialized);
        CHECK_EQ(now.total_connections, 0u);
        CHECK(contains(now.last_error, "Access denied"));
        CHECK(!contains(now.last_error, "an0ther-one"));
      }
      AND("the server saw few attempts") {
        CHECK(counter("Access_denied_errors") <= 6);
      }
    }
  }
}

SCENARIO("a pool gets over a refused login once the account is put right") {
  GIVEN("a pool with a password that the server does not know yet") {
    auto target = plain_user("late", "the old one");
    target.password = secret{"the new one"};
    auto pool = start_pool(target, rules_for(2));
    auto refused = verify(pool);
    REQUIRE(!refused.has_value());
    CHECK_EQ(to_string(refused.error().code), "login_refused");
    WHEN("the account gets that password") {
      must(admin(), write("ALTER USER late@'%' IDENTIFIED BY 'the new one'"));
      THEN("the pool connects by itself") {
        await_free(pool, 2);
        CHECK_EQ(must(pool, read("SELECT 1"))[0].get<int>(0), 1);
      }
    }
  }
}

SCENARIO("an unknown database is told apart from a wrong password") {
  GIVEN("a pool for a database that does not exist") {
    auto target = server.settings();
    target.database = "atlantis";
    auto pool = start_pool(target, rules_for(1));
    WHEN("a statement is sent") {
      auto came = run(pool, read("SELECT 1"));
      THEN("the failure names the database") {
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "login_refused");
        CHECK_EQ(to_string(came.error().outcome), "rejected");
        CHECK_EQ(came.error().number, 1049u);
        CHECK_EQ(came.error().sqlstate, "42000");
        CHECK(contains(came.error().text, "atlantis"));
      }
    }
  }
}

SCENARIO("callers of a server that is down are served when it comes up") {
  GIVEN("a pool whose server is down") {
    auto target = server.settings();
    server.stop();
    auto pool = start_pool(target, rules_for(3));
    std::vector<awaited<result>> asked;
    for (int i = 0; i < 20; ++i)
      asked.push_back(ask(pool, read("SELECT ?", i)));
    auto now = await_status(pool, [](auto& x) { return x.waiting == 20 && !x.last_error.empty(); });
    CHECK(!now.initialized);
    auto verified = verify(pool);
    REQUIRE(!verified.has_value());
    CHECK_EQ(to_string(verified.error().code), "connect_failed");
    CHECK_EQ(to_string(verified.error().outcome), "unavailable");
    CHECK_EQ(verified.error().number, 2002u);
    WHEN("the server is started") {
      server.start();
      THEN("everybody who waits gets an answer, and the pool its size") {
        for (int i = 0; i < 20; ++i) {
          auto came = asked[static_cast<size_t>(i)].get();
          REQUIRE(came.has_value());
          CHECK_EQ((*came)[0].get<int>(0), i);
        }
        CHECK(await_free(pool, 3).initialized);
      }
    }
  }
}

SCENARIO("a host name that does not exist fails its callers when their time is up") {
  GIVEN("a pool for a name that cannot exist, so that no name server has to be asked") {
    server_settings target;
    target.host = std::string(64, 'x') + ".invalid";
    target.user = "nobody";
    auto rules = rules_for(1);
    rules.timeout = 500ms;
    auto pool = start_pool(target, rules);
    WHEN("it is verified and used") {
      auto verified = verify(pool);
      auto came = run(pool, read("SELECT 1"));
      THEN("verify fails at once, and the statement after the pool's timeout with the reason") {
        REQUIRE(!verified.has_value());
        CHECK_EQ(to_string(verified.error().code), "connect_failed");
        CHECK_EQ(verified.error().number, 2005u);
        REQUIRE(!came.has_value());
        CHECK_EQ(to_string(came.error().code), "acquire_timeout");
        CHECK_EQ(to_string(came.error().outcome), "unavailable");
        CHECK(came.error().waited >= 500ms);
        CHECK(contains(came.error().last_connect_error, target.host));
        CHECK(contains(came.error().text, "no connection could be opened"));
      }
    }
  }
}

SCENARIO("a server that never answers is given up after the connect timeout") {
  GIVEN("a pool for a server that takes connections and says nothing") {
    silent_listener nobody;
    server_settings target;
    target.port = nobody.port();
    target.user = "nobody";
    target.connect_timeout = 1s;
    auto pool = start_pool(target, rules_for(1));
    WHEN("it is verified and used") {
      stopwatch watch;
      auto limited = run(pool, read("SELECT 1").within(200ms));
      auto limited_took = watch.elapsed();
      auto verified = verify(pool);
      auto verified_took = watch.elapsed();
      THEN("a statement's own limit counts while the connect hangs") {
        REQUIRE(!limited.has_value());
        CHECK_EQ(to_string(limited.error().code), "acquire_timeout");
        CHECK(limited_took >= 200ms);
        CHECK(limited_took < 1s);
      }
      AND("verify fails when the connect does") {
        REQUIRE(!verified.has_value());
        CHECK_EQ(to_string(verified.error().code), "connect_failed");
        CHECK(verified_took >= 900ms);
        CHECK(verified_took < 10s);
      }
    }
  }
}

SCENARIO("a server that has reached max_connections is filled as far as it goes") {
  GIVEN("a server with room for ten sessions of ordinary users, and a pool of twelve") {
    auto target = plain_user("crowd", "of people");
    must(admin(), write("SET GLOBAL max_connections = 10"));
    auto pool = start_pool(target, rules_for(12));
    WHEN("the server is full") {
      auto now = await_status(pool, [](auto& x) { return !x.last_error.empty() && x.total_connections >= 9; });
      THEN("callers are served by the connections there are") {
        CHECK(contains(now.last_error, "Too many connections"));
        std::vector<awaited<result>> asked;
        for (int i = 0; i < 100; ++i)
          asked.push_back(ask(pool, read("SELECT 1")));
        for (auto& x : asked)
          CHECK(x.get().has_value());
        CHECK(status(pool).total_connections < 12);
      }
      AND("when the limit is raised the pool gets its full size") {
        must(admin(), write("SET GLOBAL max_connections = 50"));
        await_free(pool, 12);
      }
    }
  }
}

END_FIXTURE_SCOPE()

// What is asked of a session too late: after it has ended, after its time, and more than can be done.

#define CAF_SUITE sessions.late

#include "support/heap.hpp"
#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

template <class T>
std::string told(const answer<T>& x) {
  return x ? "success" : to_string(x.error().code) + ", " + to_string(x.error().outcome);
}

struct fixture : pool_fixture {
  pool_actor pool = start_full_pool(server.settings(), rules_for(2));
  session_user user{system(), pool};

  fixture() { must(admin(), write("CREATE TABLE things (id INT PRIMARY KEY)")); }

  static statement insert(int id) { return write("INSERT INTO things VALUES (?)", id); }

  size_t things() { return must(admin(), read("SELECT COUNT(*) FROM things"))[0].get<size_t>(0); }

  uint64_t number_of(session_id id) { return user.must(id, which_session())[0].get<uint64_t>(0); }

  void await_loss(uint64_t lost) {
    await_status(pool, [lost](auto& x) { return x.lost >= lost; });
  }
};

/// How a session is left, and what is then known of what comes later.
struct way_to_leave {
  const char* name;
  std::function<void(session_user&, session_id)> leave;
  const char* told;
};

const std::vector<way_to_leave>& ways_to_leave() {
  static const std::vector<way_to_leave> all{
      {"in a transaction",
       [](auto& user, auto id) {
         user.begin(id);
         user.must(id, write("INSERT INTO things VALUES (1)"));
       },
       "session_ended, rolled_back"},
      {"in a transaction that SQL has begun",
       [](auto& user, auto id) {
         user.must(id, write("START TRANSACTION"));
         user.must(id, write("INSERT INTO things VALUES (1)"));
       },
       "session_ended, rolled_back"},
      {"in a transaction without autocommit",
       [](auto& user, auto id) {
         user.must(id, write("SET autocommit = 0"));
         user.must(id, write("INSERT INTO things VALUES (1)"));
       },
       "session_ended, rolled_back"},
      {"in an empty transaction", [](auto& user, auto id) { user.begin(id); }, "session_ended, rolled_back"},
      {"without one", [](auto& user, auto id) { user.must(id, write("DO 1")); }, "session_ended, rejected"},
      {"after a commit",
       [](auto& user, auto id) {
         user.begin(id);
         user.commit(id);
       },
       "session_ended, rejected"},
      {"after a rollback",
       [](auto& user, auto id) {
         user.begin(id);
         user.must(id, write("INSERT INTO things VALUES (1)"));
         user.rollback(id);
       },
       "session_ended, rejected"},
      {"after its transaction was committed behind its back",
       [](auto& user, auto id) {
         user.begin(id);
         user.run(id, write("CREATE TABLE IF NOT EXISTS others (id INT)"));
       },
       "session_ended, unknown"},
  };
  return all;
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("whoever comes back to a session that was killed learns what became of its transaction") {
  GIVEN("sessions that are idle, with a transaction and without") {
    uint64_t lost = 0;
    WHEN("their connections are killed") {
      for (auto& x : ways_to_leave()) {
        MESSAGE(x.name);
        auto id = user.checkout();
        auto number = number_of(id);
        x.leave(user, id);
        end_session(number);
        await_loss(++lost);
        THEN("every request says so, and says why") {
          auto came = user.run(id, insert(2));
          CHECK_EQ(told(came), x.told);
          CHECK(!came && came.error().text.find("its connection was lost") != std::string::npos);
          CHECK_EQ(told(user.commit(id)), x.told);
          CHECK_EQ(told(user.begin(id)), x.told);
          CHECK_EQ(told(user.rollback(id)), x.told);
          CHECK_EQ(told(user.savepoint(id, "a")), x.told);
          CHECK_EQ(told(user.checkin(id)), "success");
          CHECK_EQ(things(), 0u);
        }
      }
    }
  }
}

SCENARIO("it is the same if the server loses patience with an idle session") {
  GIVEN("sessions with an open transaction") {
    WHEN("nothing comes for longer than the server waits") {
      uint64_t lost = 0;
      for (auto limit : {"wait_timeout", "idle_transaction_timeout"}) {
        MESSAGE(limit);
        auto id = user.checkout();
        user.must(id, write("SET SESSION "s + limit + " = 1"));
        REQUIRE(user.begin(id).has_value());
        user.must(id, insert(1));
        await_loss(++lost);
        THEN("the commit is known to be undone") {
          CHECK_EQ(told(user.commit(id)), "session_ended, rolled_back");
          CHECK_EQ(things(), 0u);
        }
      }
    }
  }
}

SCENARIO("what waits behind a statement whose connection is killed is told what became of the transaction") {
  GIVEN("sessions with something that takes long, and more behind it") {
    struct row {
      bool begin;
      statement query;
      const char* came;
      const char* waiting;
    };
    const row table[] = {
        {true, read("SELECT SLEEP(600)"), "connection_lost, rolled_back", "session_ended, rolled_back"},
        {false, read("SELECT SLEEP(600)"), "connection_lost, unknown", "session_ended, rejected"},
        {true, write("BEGIN NOT ATOMIC SELECT SLEEP(600); END"), "connection_lost, unknown", "session_ended, rejected"},
    };
    WHEN("their connections are killed") {
      for (auto& x : table) {
        MESSAGE(x.query.sql << (x.begin ? " in a transaction" : ""));
        auto id = user.checkout();
        auto number = number_of(id);
        if (x.begin)
          REQUIRE(user.begin(id).has_value());
        auto asked = user.ask(id, x.query);
        auto waiting = user.ask_commit(id);
        await_running("%SLEEP(600)%", 1);
        end_session(number);
        THEN("each is answered with what is certain") {
          CHECK_EQ(told(asked.get()), x.came);
          CHECK_EQ(told(waiting.get()), x.waiting);
          CHECK_EQ(told(user.commit(id)), x.waiting);
        }
      }
    }
  }
}

SCENARIO("a session says why it has ended, to its holder alone") {
  GIVEN("a session that was checked in, and two whose time is over") {
    auto checked_in = user.checkout();
    REQUIRE(user.begin(checked_in).has_value());
    REQUIRE(user.checkin(checked_in).has_value());
    session_options options;
    options.time_limit = 300ms;
    auto idle = user.checkout(options);
    auto open = user.checkout(options);
    REQUIRE(user.begin(open).has_value());
    user.must(open, insert(1));
    await_free(pool, 2);
    WHEN("their holder and somebody else use them") {
      session_user other{system(), pool};
      auto first = user.run(checked_in, insert(2));
      auto second = user.run(idle, insert(2));
      auto third = user.commit(open);
      THEN("only the holder learns the reason") {
        CHECK_EQ(told(first), "session_ended, rejected");
        CHECK_EQ(told(second), "session_ended, rejected");
        CHECK_EQ(told(third), "session_ended, rolled_back");
        CHECK(!first && first.error().text.find("checked in") != std::string::npos);
        CHECK(!second && second.error().text.find("time limit has passed") != std::string::npos);
        CHECK(!third && third.error().text.find("time limit has passed") != std::string::npos);
        auto stranger = other.commit(open);
        CHECK_EQ(told(stranger), "session_ended, rejected");
        CHECK(!stranger && stranger.error().text.find("time limit has passed") == std::string::npos);
        CHECK_EQ(things(), 0u);
      }
    }
  }
}

SCENARIO("the time limit of a session's statement counts from its arrival") {
  GIVEN("a session whose transaction runs something for three seconds") {
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    auto slow = user.ask(id, read("SELECT SLEEP(3)"));
    await_running("%SLEEP(3)%", 1);
    WHEN("statements with less time, and with enough, wait behind it") {
      stopwatch time;
      auto late = user.ask(id, insert(1).within(200ms));
      auto at_once = user.ask(id, insert(2).within(-1ms));
      auto in_time = user.ask(id, insert(3).within(60s));
      auto never = user.ask(id, insert(4).within(std::chrono::nanoseconds::max()));
      auto refused = at_once.get();
      auto expired = late.get();
      auto elapsed = time.elapsed();
      THEN("the first ones are answered in their time and not sent, the others run") {
        CHECK_EQ(told(refused), "statement_timeout, not_sent");
        CHECK_EQ(told(expired), "statement_timeout, not_sent");
        CHECK(elapsed >= 200ms);
        CHECK(!slow.arrived());
        CHECK_EQ(told(in_time.get()), "success");
        CHECK_EQ(told(never.get()), "success");
        CHECK_EQ(told(user.commit(id)), "success");
        CHECK_EQ(things(), 2u);
        CHECK_EQ(told(slow.get()), "success");
      }
    }
  }
}

SCENARIO("the longest times mean never, and negative ones have passed") {
  GIVEN("a pool") {
    WHEN("sessions and statements have such times") {
      session_options options;
      options.time_limit = std::chrono::nanoseconds::max();
      auto longest = user.checkout(options);
      options.time_limit = std::chrono::nanoseconds::max() - 1ms;
      auto long_enough = user.checkout(options);
      auto first = user.run(longest, read("SELECT SLEEP(0.1)").within(std::chrono::nanoseconds::max()));
      auto second = user.run(long_enough, read("SELECT SLEEP(0.1)").within(std::chrono::nanoseconds::max() - 1s));
      auto passed = user.run(longest, read("SELECT 1").within(-1ns));
      auto long_passed = user.run(longest, read("SELECT 1").within(std::chrono::nanoseconds::min()));
      options.time_limit = -1ns;
      auto no_time = user.ask_checkout(options).get();
      options.time_limit = std::chrono::nanoseconds::min();
      auto min_time = user.ask_checkout(options).get();
      THEN("nothing ends that should not, and what is over is refused at once") {
        CHECK_EQ(told(first), "success");
        CHECK_EQ(told(second), "success");
        CHECK_EQ(told(passed), "statement_timeout, not_sent");
        CHECK_EQ(told(long_passed), "statement_timeout, not_sent");
        CHECK_EQ(told(no_time), "acquire_timeout, unavailable");
        CHECK_EQ(told(min_time), "acquire_timeout, unavailable");
        CHECK_EQ(told(user.run(longest, read("SELECT 1"))), "success");
      }
    }
  }
}

SCENARIO("any number of requests that are not sent wait their turn") {
  GIVEN("a session in a transaction that runs something") {
    auto id = user.checkout();
    REQUIRE(user.begin(id).has_value());
    auto slow = user.ask(id, read("SELECT SLEEP(1)"));
    WHEN("its holder begins 20 000 times, and sends as many statements that have no parameters, without waiting") {
      std::vector<awaited<void>> begun;
      std::vector<awaited<result>> sent;
      for (int i = 0; i < 20'000; ++i) {
        begun.push_back(user.ask_begin(id));
        sent.push_back(user.ask(id, read("SELECT ?")));
      }
      auto committed = user.ask_commit(id);
      THEN("each is refused, and the session goes on") {
        size_t refused = 0;
        for (auto& x : begun)
          refused += told(x.get()) == "invalid_statement, rejected" ? 1 : 0;
        for (auto& x : sent)
          refused += told(x.get()) == "invalid_statement, rejected" ? 1 : 0;
        CHECK_EQ(refused, 40'000u);
        CHECK_EQ(told(slow.get()), "success");
        CHECK_EQ(told(committed.get()), "success");
      }
    }
  }
}

SCENARIO("an idle connection keeps nothing of what it has done") {
  GIVEN("a pool that has done something") {
    must(pool, write("DO LENGTH(?)", "short"));
    auto id = user.checkout();
    user.must(id, write("DO 1"));
    REQUIRE(user.checkin(id).has_value());
    await_free(pool, 2);
    auto before = heap_in_use();
    WHEN("large statements and transactions have been run") {
      std::string large(8u << 20, 'x');
      must(pool, write("DO LENGTH(?)", large));
      must(pool, write("DO LENGTH('" + large + "')"));
      CHECK(run(pool, all_or_nothing(write("DO LENGTH(?)", large))).has_value());
      id = user.checkout();
      user.must(id, write("DO LENGTH(?)", large));
      user.must(id, write("DO LENGTH('" + large + "')"));
      std::string{}.swap(large);
      THEN("they are gone, also while a session is idle") {
        constexpr size_t little = 2u << 20;
        CHECK(eventually([&] { return heap_in_use() < before + little; }));
        REQUIRE(user.checkin(id).has_value());
        await_free(pool, 2);
        CHECK(eventually([&] { return heap_in_use() < before + little; }));
      }
    }
  }
}

SCENARIO("a holder whose sessions overlap is not watched once for each") {
  GIVEN("a holder that always has a session") {
    auto held = user.checkout();
    auto once = [&] {
      auto next = user.checkout();
      user.checkin(held);
      held = next;
    };
    for (int i = 0; i < 2000; ++i)
      once();
    auto before = heap_in_use();
    WHEN("it takes another one before it gives that back, again and again") {
      for (int i = 0; i < 5000; ++i)
        once();
      THEN("memory does not grow with it") {
        CHECK(eventually([&] { return heap_in_use() < before + (100u << 10); }));
      }
    }
  }
}

END_FIXTURE_SCOPE()

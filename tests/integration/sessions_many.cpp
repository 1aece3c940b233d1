// Many sessions, and those that are held for long.

#define CAF_SUITE sessions.many

#include "support/pool_fixture.hpp"
#include "support/session_user.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

/// Keeps what is logged, besides showing it. Made before anything is logged: then the logger is chosen.
const auto kept_lines = [] {
  auto result = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(1000);
  auto shown = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  spdlog::register_logger(std::make_shared<spdlog::logger>("cenote", spdlog::sinks_init_list{shown, result}));
  return result;
}();

/// The lines of the log with these words.
std::vector<std::string> logged(const std::string& words) {
  std::vector<std::string> result;
  for (auto& line : kept_lines->last_formatted())
    if (line.find(words) != std::string::npos)
      result.push_back(line);
  return result;
}

/// What all the actors of a crowd know together.
struct ledger {
  std::mutex mutex;
  std::set<uint64_t> held; ///< Connections, as the server counts them.
  std::set<session_id> ids;
  size_t shared = 0;  ///< Times that somebody got a connection that somebody else held.
  size_t changed = 0; ///< Times that a session did not stay on its connection.
  std::vector<failure> failures;
  std::atomic<size_t> left;
  std::promise<void> done;

  void began(session_id id, uint64_t connection) {
    std::lock_guard guard{mutex};
    ids.insert(id);
    shared += !held.insert(connection).second;
  }

  void ends(uint64_t connection, uint64_t last) {
    std::lock_guard guard{mutex};
    changed += connection != last;
    held.erase(connection);
  }

  void failed(const caf::error& error) {
    {
      std::lock_guard guard{mutex};
      failures.push_back(details(error));
    }
    finished();
  }

  void finished() {
    if (--left == 0)
      done.set_value();
  }
};

/// Ten times in turn: checks a session out, adds a row to its transaction, looks, commits or rolls back, checks in.
struct worker {
  caf::event_based_actor* self;
  pool_actor pool;
  std::shared_ptr<ledger> all;
  int number;
  int rounds = 0;

  template <class... Ts>
  auto ask(Ts... xs) {
    return self->request(pool, caf::infinite, std::move(xs)...);
  }

  static void next(std::shared_ptr<worker> me) {
    if (me->rounds++ == 10) {
      me->all->finished();
      return;
    }
    auto failed = [me](const caf::error& error) { me->all->failed(error); };
    me->ask(checkout_atom_v, session_options{})
        .then(
            [me, failed](session_id id) {
              me->ask(execute_atom_v, id, which_session())
                  .then(
                      [me, id, failed](const result& x) {
                        auto connection = x[0].get<uint64_t>(0);
                        me->all->began(id, connection);
                        auto row = me->number * 100 + me->rounds;
                        // What it sends is carried out in this order; only the last answer matters.
                        me->ask(begin_atom_v, id, transaction_options{}).then([] {}, failed);
                        me->ask(execute_atom_v, id, write("INSERT INTO things VALUES (?)", row))
                            .then([](const result&) {}, failed);
                        me->ask(execute_atom_v, id, which_session())
                            .then(
                                [me, id, connection, failed](const result& y) {
                                  me->all->ends(connection, y[0].get<uint64_t>(0));
                                  auto end = [me, id, failed] {
                                    me->ask(checkin_atom_v, id).then([me] { next(me); }, failed);
                                  };
                                  if (me->rounds % 2 == 0)
                                    me->ask(commit_atom_v, id).then(end, failed);
                                  else
                                    end();
                                },
                                failed);
                      },
                      failed);
            },
            failed);
  }
};

struct fixture : pool_fixture {};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("no connection is ever checked out to two holders") {
  GIVEN("a pool of ten connections") {
    auto pool = start_full_pool(server.settings(), rules_for(10));
    must(pool, write("CREATE TABLE things (id INT PRIMARY KEY)"));
    WHEN("a hundred actors use ten sessions each, one after the other") {
      auto all = std::make_shared<ledger>();
      all->left = 100;
      for (int i = 0; i < 100; ++i)
        system().spawn([pool, all, i](caf::event_based_actor* self) {
          worker::next(std::make_shared<worker>(worker{self, pool, all, i}));
        });
      auto in_time = all->done.get_future().wait_for(patience) == std::future_status::ready;
      THEN("all are served, each alone on its connection") {
        REQUIRE(in_time);
        for (auto& x : all->failures)
          FAIL(to_string(x));
        CHECK_EQ(all->ids.size(), 1000u);
        CHECK_EQ(all->shared, 0u);
        CHECK_EQ(all->changed, 0u);
        auto now = await_free(pool, 10);
        CHECK_EQ(now.connects, 10u);
        // Every second one was committed; the others were rolled back by their checkin.
        CHECK_EQ(must(pool, read("SELECT COUNT(*) FROM things"))[0].get<int>(0), 500);
      }
    }
  }
}

SCENARIO("a session that is held for long is logged once, with its owner and what it did last") {
  GIVEN("a pool that warns after 100 ms, and a session of a named owner") {
    auto rules = rules_for(2);
    rules.leak_warning = 100ms;
    auto pool = start_full_pool(server.settings(), rules);
    session_user user{system(), pool};
    session_options options;
    options.owner = "the forgetful one";
    auto id = user.checkout(options);
    user.must(id, read("SELECT 'left behind', ?", "secret"));
    WHEN("it is held until it is logged, and on until another one is") {
      auto first = eventually([&] { return !logged(options.owner).empty(); });
      options.owner = "somebody else";
      user.checkout(options);
      auto second = eventually([&] { return !logged(options.owner).empty(); });
      THEN("there is one line about it that says what it did last, without parameters") {
        CHECK(first);
        CHECK(second);
        auto lines = logged("the forgetful one");
        REQUIRE_EQ(lines.size(), 1u);
        CHECK_NE(lines[0].find("warning"), std::string::npos);
        CHECK_NE(lines[0].find("has been held"), std::string::npos);
        CHECK_NE(lines[0].find("SELECT 'left behind', ?"), std::string::npos);
        CHECK_EQ(lines[0].find("secret"), std::string::npos);
        CHECK_NE(logged("somebody else")[0].find("last statement: none"), std::string::npos);
      }
    }
  }
}

END_FIXTURE_SCOPE()

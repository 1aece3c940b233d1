// Actors on the pool's own I/O thread: those of the application, and the retrier.

#define CAF_SUITE pool_server.beside

#include "cenote/beside.hpp"
#include "cenote/database.hpp"
#include "cenote/pool.hpp"
#include "cenote/repository.hpp"
#include "support/kept_log.hpp"
#include "support/pool_fixture.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <pthread.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// An event loop, or a thread of the scheduler.
using home = const caf::execution_unit*;

/// Says where it runs, and asks the pool.
caf::behavior inquirer(caf::event_based_actor* self, const pool_actor& pool,
                       const std::shared_ptr<std::promise<home>>& where) {
  where->set_value(self->context());
  return {[self, pool](int number) {
    return query(self, pool, read("SELECT ?", number), [](const result& rows) { return rows[0].get<int>(0); });
  }};
}

/// The same as a class; tells when its state goes.
struct inquirer_state {
  static inline const char* name = "inquirer";

  inquirer_state(caf::event_based_actor* this_actor, pool_actor target, std::shared_ptr<std::promise<home>> where,
                 std::shared_ptr<std::promise<void>> on_end = nullptr)
      : self{this_actor}, pool{std::move(target)}, said{std::move(where)}, gone{std::move(on_end)} {
    // nop
  }

  ~inquirer_state() {
    if (gone)
      gone->set_value();
  }

  caf::behavior make_behavior() { return inquirer(self, pool, said); }

  caf::event_based_actor* self;
  pool_actor pool;
  std::shared_ptr<std::promise<home>> said;
  std::shared_ptr<std::promise<void>> gone;
};

using inquirer_actor = caf::stateful_actor<inquirer_state>;

/// Blocks, which no actor should.
struct sleeper_state {
  static inline const char* name = "sleeper";

  caf::behavior make_behavior() {
    return {[](caf::timespan span) {
      std::this_thread::sleep_for(span);
      return true;
    }};
  }
};

/// Makes fifty requests one after the other, and adds up the answers.
struct caller_state {
  explicit caller_state(caf::event_based_actor* this_actor, pool_actor target,
                        std::shared_ptr<std::promise<int>> result)
      : self{this_actor}, pool{std::move(target)}, sum{std::move(result)} {
    // nop
  }
  caf::behavior make_behavior() {
    next();
    return {[](int) {}};
  }
  void next() {
    if (count == 50) {
      sum->set_value(total);
      self->quit();
      return;
    }
    self->request(pool, caf::infinite, execute_atom_v, read("SELECT ?", count))
        .then(
            [this](const result& rows) {
              total += rows[0].get<int>(0);
              ++count;
              next();
            },
            [this](const caf::error&) { sum->set_value(-1); });
  }
  caf::event_based_actor* self;
  pool_actor pool;
  std::shared_ptr<std::promise<int>> sum;
  int count = 0;
  int total = 0;
};
struct fixture : actor_fixture {
  fixture() : pool{start_full_pool(shared_server().settings(), rules_for(2))} {
    // nop
  }

  /// Starts an inquirer beside a pool, and waits until it runs.
  /// @returns where that is.
  home start_beside(const pool_actor& target) {
    auto where = std::make_shared<std::promise<home>>();
    actors.push_back(spawn_beside(target, inquirer, target, where));
    return where->get_future().get();
  }

  ~fixture() {
    for (auto& each : actors)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  }

  /// A decorator that the application spawns by itself.
  pool_actor decorate(const pool_actor& target) {
    auto relay = system().spawn([target](caf::event_based_actor* self) -> caf::behavior {
      return {[self, target](execute_atom a, statement& query) { return self->delegate(target, a, std::move(query)); },
              [self, target](execute_atom a, statement& query, caf::strong_actor_ptr& user) {
                return self->delegate(target, a, std::move(query), std::move(user));
              }};
    });
    actors.push_back(relay);
    return caf::actor_cast<pool_actor>(relay);
  }

  pool_actor pool;
  std::vector<caf::actor> actors;
};

/// Says what `f` said on the thread of an actor beside the pool.
template <class F>
auto run_beside(const pool_actor& pool, F f) {
  using answer = std::invoke_result_t<F>;
  auto said = std::make_shared<std::promise<answer>>();
  spawn_beside(pool, [said, f](caf::event_based_actor*) { said->set_value(f()); });
  return said->get_future().get();
}

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("actors beside a pool, a retrier before it, or beside each other share the event loop of the pool") {
  GIVEN("a pool, a retrier before it, and a retrier before that") {
    auto retrier = spawn_retrier(system(), pool);
    auto second = spawn_retrier(system(), retrier);
    auto other = start_full_pool(shared_server().settings(), rules_for(1));
    WHEN("actors are spawned beside each of them") {
      auto loop = start_beside(pool);
      auto others = {start_beside(pool), start_beside(retrier), start_beside(second)};
      auto by_class = std::make_shared<std::promise<home>>();
      actors.push_back(spawn_beside<inquirer_actor>(pool, pool, by_class));
      THEN("all run on one event loop, and are served") {
        for (auto each : others)
          CHECK(each == loop);
        CHECK(by_class->get_future().get() == loop);
        for (auto& each : actors)
          CHECK_EQ(*request_of<int>(each, 42).get(), 42);
      }
      AND("it is the one that serves the pool's connections") {
        std::promise<void> leave;
        auto until = leave.get_future().share();
        auto entered = std::make_shared<std::promise<void>>();
        spawn_beside(pool, [entered, until](caf::event_based_actor*) {
          entered->set_value();
          until.wait_for(patience);
        });
        entered->get_future().wait();
        auto answer = ask(pool, read("SELECT 1"));
        must(other, read("SELECT SLEEP(0.05)"));
        CHECK(!answer.arrived());
        leave.set_value();
        CHECK(answer.get().has_value());
      }
    }
  }
}

SCENARIO("beside what does not live on an I/O thread, actors run on the scheduler") {
  GIVEN("a pool, and a decorator of the application before it") {
    auto decorator = decorate(pool);
    WHEN("actors are spawned beside both, and beside a retrier before the decorator") {
      auto loop = start_beside(pool);
      auto elsewhere = {start_beside(decorator), start_beside(spawn_retrier(system(), decorator))};
      THEN("only the first is on the pool's event loop, and all are served") {
        for (auto each : elsewhere)
          CHECK(each != loop);
        for (auto& each : actors)
          if (each != actors.front())
            CHECK_EQ(*request_of<int>(each, 7).get(), 7);
      }
    }
  }
}

SCENARIO("a retrier in another actor system than its pool lives in its own") {
  GIVEN("a pool and another actor system") {
    application_config config;
    caf::actor_system other{config};
    WHEN("a retrier is spawned there") {
      auto retrier = spawn_retrier(other, pool);
      auto loop = start_beside(pool);
      auto where = std::make_shared<std::promise<home>>();
      auto beside_it = spawn_beside(retrier, inquirer, retrier, where);
      THEN("actors beside it run there as well") {
        CHECK(where->get_future().get() != loop);
        CHECK(run(retrier, read("SELECT 1")).has_value());
      }
      caf::anon_send_exit(beside_it, caf::exit_reason::user_shutdown);
      caf::anon_send_exit(retrier, caf::exit_reason::user_shutdown);
    }
  }
}

SCENARIO("an actor beside a pool ends as every other actor does") {
  GIVEN("actors beside a pool") {
    auto start = [this] {
      auto where = std::make_shared<std::promise<home>>();
      auto gone = std::make_shared<std::promise<void>>();
      auto actor = spawn_beside<inquirer_actor>(pool, pool, where, gone);
      where->get_future().wait();
      return std::pair{actor, gone->get_future()};
    };
    auto is_over = [](std::future<void>& gone) { return gone.wait_for(patience) == std::future_status::ready; };
    WHEN("one is killed, one loses its last handle, and one throws") {
      auto [killed, first] = start();
      caf::anon_send_exit(killed, caf::exit_reason::kill);
      auto [dropped, second] = start();
      dropped = nullptr;
      spawn_beside(pool, [](caf::event_based_actor*) { throw std::runtime_error{"out of luck"}; });
      THEN("they are over, and the pool serves") {
        CHECK(is_over(first));
        CHECK(is_over(second));
        CHECK(!request_of<int>(killed, 1).get().has_value());
        CHECK(run(pool, read("SELECT 1")).has_value());
      }
    }
  }
}

SCENARIO("actors beside a pool outlive it, and so does a retrier's answer") {
  GIVEN("an actor beside a retrier before a pool") {
    auto retrier = spawn_retrier(system(), pool);
    auto loop = start_beside(retrier);
    WHEN("the pool ends") {
      CHECK(drain(pool, caf::timespan{0}).get().has_value());
      auto refused = request_of<int>(actors.back(), 1).get();
      THEN("the actor goes on, on its event loop, and is told that the pool has ended") {
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == errc::shutting_down || refused.error().code == errc::pool_gone);
        CHECK(eventually([&] { return !run(retrier, read("SELECT 1")).has_value(); }));
        auto here = std::make_shared<std::promise<home>>();
        auto late = spawn_beside(pool, inquirer, pool, here); // The loop is still there.
        CHECK(here->get_future().get() == loop);
        caf::anon_send_exit(late, caf::exit_reason::user_shutdown);
      }
    }
  }
}

SCENARIO("beside a pool of which nothing is left, actors run on the scheduler") {
  GIVEN("a pool that has ended") {
    CHECK(drain(pool, caf::timespan{0}).get().has_value());
    WHEN("its thread has ended, too") {
      auto name = [this] {
        return run_beside(pool, [] {
          char text[16] = {};
          pthread_getname_np(pthread_self(), text, sizeof(text));
          return std::string{text};
        });
      };
      THEN("actors are workers' business") {
        CHECK(eventually([&] { return name() == "caf.worker"; }));
      }
    }
  }
}

SCENARIO("a session of an actor beside a pool comes back when the actor ends") {
  GIVEN("an actor beside the pool that holds a session") {
    auto holder = spawn_beside(pool, [target = pool](caf::event_based_actor* self) -> caf::behavior {
      return {[self, target](caf::get_atom) {
        auto done = self->make_response_promise<bool>();
        self->request(target, caf::infinite, checkout_atom_v, session_options{}).then([done](session_id) mutable {
          done.deliver(true);
        });
        return done;
      }};
    });
    CHECK(*request_of<bool>(holder, caf::get_atom_v).get());
    CHECK_EQ(status(pool).checked_out, 1u);
    WHEN("it ends") {
      caf::anon_send_exit(holder, caf::exit_reason::kill);
      THEN("the connection is free again") {
        await_free(pool, 2);
      }
    }
  }
}

SCENARIO("an actor that never has nothing to do does not keep the pool from its work") {
  GIVEN("an actor beside the pool that sends itself one message after the other") {
    auto busy = spawn_beside(pool, [](caf::event_based_actor* self) -> caf::behavior {
      self->send(self, 0);
      self->send(self, 0);
      return {[self](int n) { self->send(self, n + 1); }};
    });
    WHEN("statements are run") {
      auto served = 0;
      for (auto i = 0; i < 100; ++i)
        served += run(pool, read("SELECT 1")).has_value();
      THEN("they are served") {
        CHECK_EQ(served, 100);
      }
    }
    caf::anon_send_exit(busy, caf::exit_reason::kill);
  }
}

SCENARIO("a handler that holds the thread is logged, once in ten seconds") {
  GIVEN("an actor beside the pool, and one on the scheduler") {
    kept_log lines;
    using sleeper = caf::stateful_actor<sleeper_state>;
    actors = {spawn_beside<sleeper>(pool), system().spawn<sleeper>()};
    WHEN("both take long several times") {
      for (auto i = 0; i < 3; ++i)
        for (auto& each : actors)
          CHECK(*request_of<bool>(each, caf::timespan{20ms}).get());
      THEN("one line says which actor it is, and for how long") {
        auto found = lines.take("I/O thread");
        REQUIRE_EQ(found.size(), 1u);
        CHECK(found[0].starts_with("warning the actor sleeper beside a pool has held the pool's I/O thread for "));
      }
    }
  }
}

SCENARIO("an actor beside a pool must not wait for a database") {
  GIVEN("a database, and an actor beside its pool") {
    database db{system(), pool};
    WHEN("the actor calls the database") {
      auto text = run_beside(pool, [&db]() -> std::string {
        try {
          db.execute(read("SELECT 1"));
          return "";
        } catch (const std::logic_error& err) {
          return err.what();
        }
      });
      THEN("it is told what to do instead") {
        CHECK(text.find("from inside an actor") != std::string::npos);
      }
    }
  }
}

SCENARIO("many callers beside a pool are all served") {
  GIVEN("a hundred actors beside the pool") {
    WHEN("each makes fifty requests") {
      std::vector<std::future<int>> sums;
      for (auto i = 0; i < 100; ++i) {
        auto sum = std::make_shared<std::promise<int>>();
        sums.push_back(sum->get_future());
        spawn_beside<caf::stateful_actor<caller_state>>(pool, pool, sum);
      }
      THEN("each has got its answers") {
        for (auto& each : sums)
          CHECK_EQ(each.get(), 49 * 50 / 2);
      }
    }
  }
}

END_FIXTURE_SCOPE()

// Threads that run the pool's event loop while they wait: callers of a database, and the scheduler's.

#define CAF_SUITE pool_server.guests

#include "cenote/beside.hpp"
#include "cenote/database.hpp"
#include "support/pool_fixture.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

using thread_id = std::thread::id;

std::string name_of_thread() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

struct fixture : actor_fixture {
  /// Calls `f` on the thread that runs the pool's event loop, until it returns true.
  /// @returns whether it ever did.
  bool look_inside(const std::function<bool()>& f) {
    auto probe = spawn_beside(
        pool, [f](caf::event_based_actor*) -> caf::behavior { return {[f](caf::get_atom) { return f(); }}; });
    caf::scoped_actor self{system()};
    auto found = eventually([&] {
      auto out = false;
      self->request(probe, caf::infinite, caf::get_atom_v)
          .receive([&](bool answer) { out = answer; }, [](const caf::error&) {});
      return out;
    });
    self->send_exit(probe, caf::exit_reason::user_shutdown);
    return found;
  }

  void await_end_of(const caf::actor& actor) {
    caf::scoped_actor self{system()};
    self->wait_for(actor);
  }

  pool_actor pool = start_full_pool(shared_server().settings(), rules_for(2));
};

/// A thread that asks a database again and again.
class asking_thread {
public:
  explicit asking_thread(database& db)
      : thread_{[this, &db] {
          for (auto i = 0; !over_; ++i)
            wrong_ += db.execute(read("SELECT ?", i))[0].get<int>(0) != i;
        }},
        id_{thread_.get_id()} {
    // nop
  }

  ~asking_thread() { stop(); }

  thread_id id() const { return id_; }

  /// @returns how many answers were wrong.
  int stop() {
    over_ = true;
    if (thread_.joinable())
      thread_.join();
    return wrong_;
  }

private:
  std::atomic<bool> over_ = false;
  std::atomic<int> wrong_ = 0;
  std::thread thread_;
  thread_id id_;
};

/// Asks the pool again and again, one request at a time. After each answer it waits for the mutex, with the next
/// request under way.
struct asking_state {
  asking_state(caf::event_based_actor* this_actor, pool_actor target, std::mutex* blocked_by, std::atomic<int>* count)
      : self{this_actor}, pool{std::move(target)}, obstacle{blocked_by}, answers{count} {
    // nop
  }

  caf::behavior make_behavior() {
    ask();
    return {[](int) {}};
  }

  void ask() {
    self->request(pool, caf::infinite, execute_atom_v, read("SELECT 1")).then([this](const result&) {
      ++*answers;
      ask();
      std::lock_guard wait{*obstacle};
    });
  }

  caf::event_based_actor* self;
  pool_actor pool;
  std::mutex* obstacle;
  std::atomic<int>* answers;
};

} // namespace

BEGIN_FIXTURE_SCOPE(fixture)

SCENARIO("a thread that waits for a database does the work of the I/O thread") {
  GIVEN("a thread that calls again and again") {
    database db{system(), pool};
    asking_thread caller{db};
    WHEN("the thread of the pool's event loop is looked at") {
      auto found = look_inside([id = caller.id()] { return std::this_thread::get_id() == id; });
      THEN("it is now and then the caller's, and all answers are right") {
        CHECK(found);
        CHECK_EQ(caller.stop(), 0);
      }
    }
    WHEN("the caller comes no more") {
      caller.stop();
      auto answered = look_inside([] { return true; });
      THEN("the loop is run without it") {
        CHECK(answered);
        CHECK(run(pool, read("SELECT 1")));
      }
    }
  }
}

SCENARIO("an actor that a waiting thread runs must not wait for a database") {
  GIVEN("a thread that calls again and again, and an actor beside the pool that calls, too") {
    database db{system(), pool};
    asking_thread caller{db};
    WHEN("the caller's thread runs the actor") {
      std::atomic<int> permitted = 0;
      auto found = look_inside([&] {
        try {
          db.execute(read("SELECT 1"));
          ++permitted;
        } catch (const std::logic_error&) {
        }
        return std::this_thread::get_id() == caller.id();
      });
      THEN("it is refused as everywhere, and the caller goes on") {
        CHECK(found);
        CHECK_EQ(permitted, 0);
        CHECK_EQ(caller.stop(), 0);
      }
    }
  }
}

SCENARIO("a pool that ends answers the thread that runs its loop") {
  GIVEN("threads that call again and again") {
    database db{system(), pool};
    std::atomic<int> refused = 0;
    std::vector<std::thread> callers;
    for (auto i = 0; i < 3; ++i)
      callers.emplace_back([&] {
        try {
          for (;;)
            db.execute(read("SELECT 1"));
        } catch (const database_error&) {
          ++refused;
        }
      });
    WHEN("the pool ends") {
      caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
      for (auto& x : callers)
        x.join();
      THEN("each is told") {
        CHECK_EQ(refused, 3);
      }
    }
  }
}

SCENARIO("threads of the scheduler do the work of the I/O thread") {
  GIVEN("an actor on the scheduler that asks again and again") {
    std::mutex obstacle;
    std::atomic<int> answers = 0;
    auto actor = system().spawn<caf::stateful_actor<asking_state>>(pool, &obstacle, &answers);
    WHEN("the thread of the pool's event loop is looked at") {
      auto found = look_inside([] { return name_of_thread() == "caf.worker"; });
      THEN("it is now and then the scheduler's") {
        CHECK(found);
      }
    }
    WHEN("the actor blocks its thread, again and again, while a thread calls a database") {
      database db{system(), pool};
      size_t answered = 0;
      for (auto i = 0; i < 50; ++i) {
        auto before = answers.load();
        CHECK(eventually([&] { return answers > before; }));
        std::lock_guard blocked{obstacle};
        for (auto j = 0; j < 10; ++j)
          answered += db.execute(read("SELECT 1")).size();
      }
      THEN("the thread is answered all the same") {
        CHECK_EQ(answered, 500u);
      }
    }
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    await_end_of(actor);
  }
}

END_FIXTURE_SCOPE()

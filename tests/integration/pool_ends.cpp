// The ends of a pool: an owner that cannot forget it, handles that are dropped, requests that come afterwards.

#define CAF_SUITE pool_server.ends

#include "cenote/database.hpp"
#include "cenote/scoped_pool.hpp"
#include "support/pool_fixture.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <future>
#include <thread>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::literals;

namespace {

settings config(size_t size = 1) {
  settings out;
  out.server = shared_server().settings();
  out.pool = rules_for(size);
  return out;
}

/// Nobody listens there.
server_settings nowhere() {
  server_settings out;
  out.port = 1;
  return out;
}

bool ended(const pool_actor& x) {
  return caf::actor_cast<caf::abstract_actor*>(x)->getf(caf::abstract_actor::is_terminated_flag);
}

/// Waits until it has: the answer to a drain is sent a moment before.
bool ends(const pool_actor& x) {
  auto limit = std::chrono::steady_clock::now() + patience;
  while (!ended(x) && std::chrono::steady_clock::now() < limit)
    std::this_thread::yield();
  return ended(x);
}

/// An actor system alone, whose destructor waits for its pools.
struct alone {
  application_config config;
  caf::actor_system system{config};
};

failure error_of(const pool_actor& pool, caf::actor_system& sys) {
  caf::scoped_actor self{sys};
  failure out;
  self->request(pool, caf::infinite, execute_atom_v, write("SELECT 1"))
      .receive([](const result&) { CAF_FAIL("served by a pool that has ended"); },
               [&out](const caf::error& err) { out = details(err); });
  return out;
}

} // namespace

// -- the owner -------------------------------------------------------------------------

SCENARIO("a scoped pool finishes what was accepted and ends with its scope") {
  GIVEN("an actor system with a scoped pool, and a statement that takes a while") {
    std::promise<answer<result>> done;
    pool_actor seen;
    {
      alone x;
      scoped_pool pool{x.system, config()};
      seen = pool.pool();
      std::promise<void> sent;
      x.system.spawn([&](caf::event_based_actor* self) {
        self->request(pool.handle(), caf::infinite, execute_atom_v, read("SELECT SLEEP(0.3), 42"))
            .then([&done](const result& rows) { done.set_value(rows); },
                  [&done](const caf::error& err) { done.set_value(tl::unexpected{details(err)}); });
        sent.set_value();
      });
      sent.get_future().wait();
      CHECK(pool.handle() != pool.pool()); // There is a retrier before it.
      caf::scoped_actor self{x.system};
      auto accepted = [&] {
        auto yes = false;
        self->request(pool.pool(), caf::infinite, status_atom_v)
            .receive([&yes](const pool_status& s) { yes = s.served + s.waiting > 0; },
                     [](const caf::error& err) { CAF_FAIL(describe(err)); });
        return yes;
      };
      while (!accepted())
        std::this_thread::yield();
    }
    WHEN("the scope has been left") {
      auto came = done.get_future().get();
      THEN("the statement was finished, and the pool has ended") {
        REQUIRE(came.has_value());
        CHECK_EQ((*came)[0].get<int>(1), 42);
        CHECK(ended(seen));
      }
    }
  }
}

SCENARIO("an exception after a scoped pool was made does not hang") {
  GIVEN("a program that throws after it has made its pool") {
    auto program = [](pool_actor& seen, bool is_lucky) {
      alone x;
      scoped_pool pool{x.system, nowhere(), rules_for(2)};
      seen = pool.handle();
      if (!is_lucky) // If it always threw, GCC 12 would take `seen` for empty afterwards, at -O2.
        throw std::runtime_error{"out of luck"};
    };
    WHEN("it is run") {
      pool_actor seen;
      CHECK_THROWS_AS(program(seen, false), std::runtime_error);
      THEN("the pool has ended") {
        CHECK(ended(seen));
      }
    }
  }
}

SCENARIO("a scoped pool can be moved and closed early, and ends what it owned before") {
  GIVEN("two scoped pools") {
    alone x;
    scoped_pool a{x.system, nowhere()};
    scoped_pool b{x.system, nowhere()};
    auto pool_a = a.pool();
    auto pool_b = b.pool();
    WHEN("one is moved, moved into the other, closed twice, and its pool ended behind its back") {
      scoped_pool c{std::move(a)};
      auto emptied = !a.handle();
      b = std::move(c);
      auto first = ends(pool_b);
      auto second = ended(pool_a);
      b.close();
      b.close();
      THEN("each pool ends when its owner lets go of it") {
        CHECK(emptied);
        CHECK(first);
        CHECK(!second);
        CHECK(ends(pool_a));
        scoped_pool d{x.system, nowhere()};
        caf::anon_send_exit(d.pool(), caf::exit_reason::kill);
        CHECK_EQ(d.close(), drain_report{}); // Did not wait for an answer that nobody gives.
      }
    }
  }
}

SCENARIO("an actor that drops a scoped pool does not wait for it") {
  GIVEN("a pool with a statement that runs") {
    actor_fixture x;
    auto owner = std::make_unique<scoped_pool>(x.system(), shared_server().settings(), rules_for(1));
    auto pool = owner->pool();
    x.await_free(pool, 1);
    auto running = x.ask(pool, read("SELECT SLEEP(0.5)"));
    x.await_status(pool, [](auto& s) { return s.checked_out == 1; });
    WHEN("an actor drops it") {
      std::promise<bool> dropped;
      x.system().spawn([&] {
        owner.reset();
        dropped.set_value(ended(pool));
      });
      auto ended_at_once = dropped.get_future().get();
      THEN("the actor goes on, and the pool ends when it has finished") {
        CHECK(!ended_at_once);
        CHECK(running.get().has_value());
        CHECK(x.eventually([&] { return ended(pool); }));
      }
    }
  }
}

// -- handles that are dropped -----------------------------------------------------------

SCENARIO("a pool that nobody can reach any more ends, so that its actor system can") {
  GIVEN("pools with and without a server, and one before which stands a retrier, whose handles are dropped") {
    {
      alone x;
      spawn_pool(x.system, shared_server().settings(), rules_for(2));
      spawn_pool(x.system, nowhere(), rules_for(2));
      spawn_retrier(x.system, spawn_pool(x.system, shared_server().settings(), rules_for(1)));
      {
        auto quick = rules_for(1);
        quick.timeout = 1s; // Timers of the past keep a pool for no longer than this.
        quick.keepalive = 0s;
        auto used = spawn_pool(x.system, shared_server().settings(), quick);
        caf::scoped_actor self{x.system};
        self->request(used, caf::infinite, execute_atom_v, read("SELECT 1"))
            .receive([](const result&) {}, [](const caf::error& err) { CAF_FAIL(describe(err)); });
      }
    }
    WHEN("the actor system's destructor has returned") {
      THEN("they have ended") {
        CHECK(true);
      }
    }
  }
}

SCENARIO("a pool that somebody holds does not end, however idle it is") {
  GIVEN("one pool that nobody holds, and others that an actor, another thread and a retrier hold") {
    actor_fixture x;
    auto dropped = spawn_pool(x.system(), shared_server().settings(), rules_for(1));
    auto by_actor = spawn_pool(x.system(), shared_server().settings(), rules_for(1));
    auto retrier = spawn_retrier(x.system(), spawn_pool(x.system(), shared_server().settings(), rules_for(1)));
    auto keeper = x.system().spawn([pool = by_actor](caf::event_based_actor* self) -> caf::behavior {
      return {[self, pool](execute_atom) { return self->delegate(pool, execute_atom_v, read("SELECT 7")); },
              [self, pool](drain_atom) { return self->delegate(pool, drain_atom_v, caf::timespan{0}); }};
    });
    WHEN("so much time has passed that the one has ended") {
      auto watcher = caf::actor_cast<caf::actor_addr>(dropped);
      x.await_free(dropped, 1);
      x.await_free(by_actor, 1);
      dropped = nullptr;
      by_actor = nullptr;
      CHECK(x.eventually([&] {
        auto strong = caf::actor_cast<caf::strong_actor_ptr>(watcher); // For a moment: that is not believed.
        return !strong || caf::actor_cast<caf::abstract_actor*>(strong)->getf(caf::abstract_actor::is_terminated_flag);
      }));
      THEN("the others still serve") {
        caf::scoped_actor self{x.system()};
        self->request(keeper, caf::infinite, execute_atom_v)
            .receive([](const result& rows) { CHECK_EQ(rows[0].get<int>(0), 7); },
                     [](const caf::error& err) { CAF_FAIL(describe(err)); });
        CHECK(x.run(retrier, read("SELECT 1")).has_value());
        self->request(retrier, caf::infinite, drain_atom_v, caf::timespan{0})
            .receive([](const drain_report&) {}, [](const caf::error& err) { CAF_FAIL(describe(err)); });
        self->request(keeper, caf::infinite, drain_atom_v)
            .receive([](const drain_report&) {}, [](const caf::error& err) { CAF_FAIL(describe(err)); });
        caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
      }
    }
  }
}

// -- after the end ------------------------------------------------------------------------

SCENARIO("what comes after the pool has ended was certainly not sent, and says so") {
  GIVEN("a pool that has ended, a retrier before it, and a database that uses it") {
    alone x;
    scoped_pool owner{x.system, config()};
    auto pool = owner.pool();
    auto retrier = owner.handle();
    database db{x.system, pool};
    owner.close();
    WHEN("requests come") {
      std::vector<failure> all{error_of(pool, x.system), error_of(retrier, x.system)};
      try {
        db.execute(read("SELECT 1"));
      } catch (const database_error& err) {
        all.push_back(err.details());
      }
      try {
        db.with_session([](auto&) {});
      } catch (const database_error& err) {
        all.push_back(err.details());
      }
      THEN("they may be repeated elsewhere, and the words are about the pool") {
        REQUIRE_EQ(all.size(), 4u);
        for (auto& y : all) {
          CHECK_EQ(y.code, errc::shutting_down);
          CHECK_EQ(y.outcome, outcome::unavailable);
          CHECK(y.text.find("pool") != std::string::npos);
          CHECK(y.text.find("sec::") == std::string::npos);
        }
      }
    }
  }
}

SCENARIO("what was not answered before the end of the pool may have been carried out") {
  GIVEN("an error of CAF's for each way in which an answer can fail to come") {
    struct row {
      caf::error err;
      errc code;
      outcome effect;
    };
    const row rows[] = {
        {caf::make_error(caf::sec::broken_promise), errc::pool_gone, outcome::unknown},
        {caf::make_error(caf::sec::request_timeout), errc::pool_gone, outcome::unknown},
        {caf::make_error(caf::exit_reason::remote_link_unreachable), errc::pool_gone, outcome::unknown},
        {caf::make_error(caf::sec::request_receiver_down), errc::shutting_down, outcome::unavailable},
        {caf::make_error(caf::sec::unexpected_message), errc::internal, outcome::rejected},
        {caf::make_error(caf::sec::runtime_error, "bad"), errc::internal, outcome::unknown},
    };
    WHEN("it is looked into") {
      THEN("outcome and words are about the request") {
        for (auto& x : rows) {
          auto y = details(x.err);
          CHECK_EQ(y.code, x.code);
          CHECK_EQ(y.outcome, x.effect);
          CHECK(y.text.find("request") != std::string::npos || y.text.find("it may") != std::string::npos);
        }
      }
    }
  }
}

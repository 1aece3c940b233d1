// What subscribers are told, by a pool with scripted connections and by a retrier.

#define CAF_SUITE actors.events

#include "actors/event_feed.hpp"
#include "config/setting.hpp"
#include "support/pool_under_test.hpp"

// After the actors' own headers: CAF's test framework defines words that they use.
#include "support/retried_pool.hpp"

#include <caf/action.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

/// A subscriber of which a test decides when it answers.
struct listener {
  struct shared {
    std::vector<pool_event> events;
    uint64_t lost = 0;
    size_t messages = 0;
    bool holds_back = false;
    std::optional<caf::typed_response_promise<void>> owed;
  };

  explicit listener(virtual_time& clock) : time{clock}, heard{std::make_shared<shared>()} {
    self = time.own(time.sys.spawn([heard = heard](caf::event_based_actor* me) -> caf::behavior {
      return {[me, heard](const pool_events& x) -> caf::result<void> {
        heard->events.insert(heard->events.end(), x.events.begin(), x.events.end());
        heard->lost += x.lost;
        ++heard->messages;
        if (!heard->holds_back)
          return caf::unit;
        return heard->owed.emplace(me->make_response_promise<void>());
      }};
    }));
  }

  template <class Handle>
  void subscribe(const Handle& pool) {
    time.tell(pool, subscribe_atom_v, caf::actor_cast<caf::strong_actor_ptr>(self));
  }

  /// Answers what it has held back.
  void answer() {
    // In the actor, because only there promises may be used.
    time.tell(self, caf::make_action([heard = heard] { std::exchange(heard->owed, std::nullopt)->deliver(); }));
  }

  /// `connection_opened 1, checked_out 1`, since the last call.
  std::string told() {
    std::string out;
    for (auto& x : std::exchange(heard->events, {}))
      out += (out.empty() ? "" : ", ") + to_string(x.kind)
             + (x.connection > 0 ? " " + std::to_string(x.connection) : std::string{})
             + (x.reason != close_reason::none ? " (" + to_string(x.reason) + ")" : "");
    return out;
  }

  virtual_time& time;
  std::shared_ptr<shared> heard;
  caf::actor self;
};

} // namespace

// -- the queues of subscribers -------------------------------------------------------

SCENARIO("a subscriber that is slow gets what happened meanwhile in one message") {
  GIVEN("a subscriber that has not answered the first event") {
    pool_under_test x{still_rules(1), 1};
    listener slow{x};
    slow.heard->holds_back = true;
    slow.subscribe(x.pool);
    x.dispose();
    CHECK_EQ(slow.heard->messages, 1u);
    WHEN("three more things happen, and then it answers") {
      for (auto i = 0; i < 3; ++i)
        x.dispose();
      auto before = slow.heard->messages;
      slow.heard->holds_back = false;
      slow.answer();
      THEN("they come together, in order, and none is lost") {
        CHECK_EQ(before, 1u);
        CHECK_EQ(slow.heard->messages, 2u);
        CHECK_EQ(slow.heard->lost, 0u);
        CHECK_EQ(slow.told(), "disposed, connection_closed 1 (disposed), disposed, disposed, disposed");
      }
    }
  }
}

SCENARIO("a subscriber that is too slow loses the oldest events and is told how many") {
  GIVEN("a subscriber that does not answer, and one that does") {
    pool_under_test x{still_rules(1)};
    listener slow{x};
    listener quick{x};
    slow.heard->holds_back = true;
    slow.subscribe(x.pool);
    quick.subscribe(x.pool);
    x.dispose();
    WHEN("more happens than is kept for it") {
      for (size_t i = 0; i < event_feed::max_waiting + 7; ++i)
        x.dispose();
      slow.heard->holds_back = false;
      slow.answer();
      THEN("it alone has lost seven") {
        CHECK_EQ(slow.heard->lost, 7u);
        CHECK_EQ(slow.heard->events.size(), 1 + event_feed::max_waiting);
        CHECK_EQ(quick.heard->lost, 0u);
        CHECK_EQ(quick.heard->events.size(), 1 + event_feed::max_waiting + 7);
      }
    }
  }
}

SCENARIO("a subscription ends with its subscriber, when it is unsubscribed, and when it answers with an error") {
  GIVEN("one that has ended, one that has unsubscribed, one that does not understand events, and one that stays") {
    pool_under_test x{still_rules(1)};
    listener gone{x};
    listener leaves{x};
    listener stays{x};
    auto deaf = x.own(x.sys.spawn([]() -> caf::behavior { return {[](int) {}}; }));
    for (auto subscriber : {&gone, &leaves, &stays})
      subscriber->subscribe(x.pool);
    x.tell(x.pool, subscribe_atom_v, caf::actor_cast<caf::strong_actor_ptr>(deaf));
    x.kill(gone.self);
    x.tell(x.pool, unsubscribe_atom_v, caf::actor_cast<caf::strong_actor_ptr>(leaves.self));
    WHEN("something happens") {
      x.dispose();
      x.dispose();
      THEN("only the last one is told") {
        CHECK_EQ(gone.told(), "");
        CHECK_EQ(leaves.told(), "");
        CHECK_EQ(stays.told(), "disposed, disposed");
      }
    }
  }
}

SCENARIO("a second subscription of the same actor changes nothing") {
  GIVEN("an actor that has subscribed twice") {
    pool_under_test x{still_rules(1)};
    listener ears{x};
    ears.subscribe(x.pool);
    ears.subscribe(x.pool);
    WHEN("something happens, it unsubscribes once, and something else happens") {
      x.dispose();
      x.tell(x.pool, unsubscribe_atom_v, caf::actor_cast<caf::strong_actor_ptr>(ears.self));
      x.dispose();
      THEN("it is told once") {
        CHECK_EQ(ears.told(), "disposed");
      }
    }
  }
}

SCENARIO("one subscriber too many is refused, and so is nobody") {
  GIVEN("a pool with as many subscribers as it can have") {
    pool_under_test x{still_rules(1)};
    std::vector<std::unique_ptr<listener>> all;
    for (size_t i = 0; i < event_feed::max_subscribers; ++i)
      all.emplace_back(std::make_unique<listener>(x))->subscribe(x.pool);
    WHEN("another one comes, and a null one") {
      listener extra{x};
      auto refusal = [&x](const caf::strong_actor_ptr& subscriber) {
        std::optional<failure> out;
        x.own(x.sys.spawn([&](caf::event_based_actor* me) {
          me->request(x.pool, caf::infinite, subscribe_atom_v, subscriber)
              .then([] {}, [&out](const caf::error& error) { out = details(error); });
        }));
        x.settle();
        return out;
      };
      auto answer = refusal(caf::actor_cast<caf::strong_actor_ptr>(extra.self));
      auto nobody = refusal(nullptr);
      x.dispose();
      THEN("they get errors, and the others are told") {
        REQUIRE(answer);
        CHECK_EQ(answer->code, errc::queue_full);
        REQUIRE(nobody);
        CHECK_EQ(nobody->code, errc::invalid_statement);
        CHECK_EQ(extra.told(), "");
        CHECK_EQ(all.back()->told(), "disposed");
      }
    }
  }
}

// -- what is told --------------------------------------------------------------------

SCENARIO("a subscriber is told of connections, and why they are closed") {
  GIVEN("a pool of one and one more while callers wait") {
    pool_under_test x{still_rules(1, 1)};
    listener ears{x};
    ears.subscribe(x.pool);
    WHEN("connections are opened, used, lost, and closed in several ways") {
      x.connections.succeed(1);
      x.execute(write("a"));
      x.execute(write("b"));
      x.connections.succeed(2);
      x.connections.answer(1); // Not needed any more when both are free.
      x.connections.answer(2);
      auto grown = ears.told();
      x.execute(write("c"));
      x.connections.answer(2, make_failure(errc::connection_lost, outcome::unknown, "cut"), disposition::lost);
      auto lost = ears.told();
      x.pass(1s);
      x.connections.succeed(3);
      x.connections.die(3);
      auto died = ears.told();
      x.pass(1s);
      x.connections.succeed(4);
      x.drain(0s);
      THEN("all is told, in order, and each connection is closed once") {
        CHECK_EQ(grown, "connection_opened 1, checked_out 1, connection_opened 2, checked_out 2, checked_in 1, "
                        "connection_closed 1 (idle), checked_in 2");
        CHECK_EQ(lost, "checked_out 2, connection_lost 2, checked_in 2, connection_closed 2 (lost)");
        CHECK_EQ(died, "connection_opened 3, connection_closed 3 (broken)");
        CHECK_EQ(ears.told(), "connection_opened 4, draining, connection_closed 4 (drained)");
      }
    }
  }
}

SCENARIO("an event holds what is known") {
  GIVEN("a subscriber of a pool named bato") {
    auto rules = still_rules(1);
    rules.name = "bato";
    pool_under_test x{rules};
    listener ears{x};
    ears.subscribe(x.pool);
    WHEN("a connection is opened, used for 2 s and closed after 5 s") {
      x.connections.succeed(1);
      x.execute(write("a"));
      x.pass(2s);
      x.connections.answer(1);
      x.pass(3s);
      x.dispose();
      auto& all = ears.heard->events;
      THEN("numbers, times and texts are right") {
        REQUIRE_EQ(all.size(), 5u);
        CHECK_EQ(all[0].pool, "bato");
        CHECK_EQ(all[0].server_connection_id, 101u);
        CHECK_EQ(all[0].detail, "11.4");
        CHECK(all[2].elapsed == 2s);
        CHECK(all[4].elapsed == 5s);
        CHECK_EQ(to_string(all[4]), "pool bato: connection 1 closed (disposed) after 5.000 s");
        CHECK_EQ(to_string(all[1]), "pool bato: connection 1 checked out after a wait of 0.000 s");
      }
    }
  }
}

SCENARIO("statements that may share a connection are not told") {
  GIVEN("a pool whose connections carry several statements") {
    auto rules = still_rules(1);
    rules.pipeline_depth = 4;
    pool_under_test x{rules, 1};
    listener ears{x};
    ears.subscribe(x.pool);
    WHEN("one runs") {
      x.execute(read("SELECT 1"));
      x.connections.answer(1);
      THEN("there is nothing to tell") {
        CHECK_EQ(ears.told(), "");
      }
    }
  }
}

SCENARIO("a subscriber is told when the breaker opens and closes") {
  GIVEN("a pool that cannot log in") {
    pool_under_test x{still_rules(1)};
    listener ears{x};
    ears.subscribe(x.pool);
    WHEN("it is refused, and succeeds later") {
      x.connections.refuse(1, errc::login_refused, "wrong password");
      auto opened = std::exchange(ears.heard->events, {});
      x.pass(10s);
      x.connections.succeed(2);
      THEN("it hears both") {
        REQUIRE(!opened.empty());
        CHECK_EQ(opened[0].kind, event_kind::breaker_changed);
        CHECK_EQ(opened[0].breaker, breaker_state::open);
        CHECK_EQ(opened[0].detail, "wrong password");
        auto closed = std::ranges::find_if(ears.heard->events, [](auto& y) {
          return y.kind == event_kind::breaker_changed && y.breaker == breaker_state::closed;
        });
        CHECK(closed != ears.heard->events.end());
      }
    }
  }
}

SCENARIO("a subscriber is told of pauses and of the end") {
  GIVEN("a pool without a connection") {
    pool_under_test x{still_rules(1)};
    listener ears{x};
    ears.subscribe(x.pool);
    WHEN("it is paused twice, resumed twice and drained twice") {
      for (auto i = 0; i < 2; ++i)
        x.tell(x.pool, pause_atom_v);
      auto paused = x.status().paused;
      for (auto i = 0; i < 2; ++i)
        x.tell(x.pool, resume_atom_v);
      x.execute(write("a")); // So that the drain takes time.
      x.drain(30s);
      x.drain(20s);
      THEN("each is told once") {
        CHECK(paused);
        CHECK_EQ(ears.told(), "paused, resumed, draining");
      }
    }
  }
}

SCENARIO("a subscriber of a retrier is told of its retries and of what the pool tells") {
  GIVEN("a retrier with a subscriber") {
    retried_pool x;
    listener ears{x};
    ears.subscribe(x.retrier);
    auto heard = x.pool.heard();
    WHEN("a statement is repeated") {
      x.execute(read("a"));
      x.pool.answer(make_failure(errc::connect_failed, outcome::unavailable, "server has gone away"));
      THEN("it hears why and when, and the pool knows the subscriber") {
        CHECK_EQ(heard, "subscribe");
        REQUIRE_EQ(ears.heard->events.size(), 1u);
        auto& x1 = ears.heard->events[0];
        CHECK_EQ(x1.kind, event_kind::retried);
        CHECK_EQ(x1.attempts, 1u);
        CHECK(x1.elapsed == 1s);
        CHECK(x1.detail.find("server has gone away") != std::string::npos);
      }
    }
  }
}

// -- the way over the network, and the settings ---------------------------------------

namespace {

template <class T>
T sent(caf::actor_system& sys, const T& x) {
  caf::byte_buffer bytes;
  caf::binary_serializer sink{sys, bytes};
  if (!sink.apply(x))
    throw std::runtime_error{to_string(sink.get_error())};
  T out;
  caf::binary_deserializer source{sys, bytes};
  if (!source.apply(out))
    throw std::runtime_error{to_string(source.get_error())};
  return out;
}

} // namespace

SCENARIO("events survive the way to another node") {
  GIVEN("events with all fields filled in") {
    virtual_time x;
    pool_events all{3, {}};
    for (auto kind : {event_kind::connection_opened, event_kind::draining})
      all.events.push_back({kind, "main", std::chrono::sys_time<std::chrono::nanoseconds>{5ns}, 7, 8, session_id{9},
                            "owner", close_reason::drained, breaker_state::half_open, 4, 6s, "why"});
    WHEN("they are sent") {
      auto came = sent(x.sys, all);
      THEN("they are the same") {
        CHECK(came == all);
      }
    }
  }
}

SCENARIO("the settings in force are all of the pool's and the retrier's, and survive the way to another node") {
  GIVEN("settings of which each has another value than its default") {
    virtual_time x;
    settings all;
    std::vector<const config::setting*> keys;
    for (auto& y : config::table()) {
      if (!y.key.starts_with("pool.") && !y.key.starts_with("retry."))
        continue;
      keys.push_back(&y);
      auto before = format(y, all);
      for (auto value : {"7", "7s", "false", "other"})
        if (format(y, all) == before)
          assign(y, all, {value, value});
      CHECK_NE(format(y, all), before);
    }
    WHEN("they are sent") {
      auto came = sent(x.sys, effective_settings{all.pool, all.retry, "db.example:3306/bato"});
      THEN("none is missing") {
        settings copy;
        copy.pool = came.pool;
        REQUIRE(came.retry);
        copy.retry = *came.retry;
        for (auto y : keys) {
          MESSAGE(y->key);
          CHECK_EQ(format(*y, copy), format(*y, all));
        }
        CHECK_EQ(came.endpoint, "db.example:3306/bato");
      }
    }
  }
}

SCENARIO("a pool says which settings it works with") {
  GIVEN("a pool with settings of its own") {
    auto rules = still_rules(3);
    rules.name = "bato";
    rules.timeout = 7s;
    pool_under_test x{rules};
    WHEN("it is asked") {
      auto answer = x.ask<effective_settings>(x.pool, settings_atom_v);
      THEN("it tells them, and where its server is") {
        REQUIRE(answer->value);
        CHECK_EQ(answer->value->pool.name, "bato");
        CHECK_EQ(answer->value->pool.size, 3u);
        CHECK(answer->value->pool.timeout == 7s);
        CHECK(!answer->value->retry);
        CHECK_EQ(answer->value->endpoint, "scripted:3306/test");
      }
    }
  }
}

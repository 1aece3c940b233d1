// How long a call may take: a pool with scripted connections behind a retrier, as `cenote::database` has them.

#define CAF_SUITE actors.call_times

#include "cenote/pool.hpp"
#include "pool/refusals.hpp"
#include "support/pool_under_test.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

using std::chrono::nanoseconds;

pool_settings rules_with(nanoseconds timeout, size_t max_waiting = 1000) {
  auto result = still_rules(1);
  result.timeout = timeout;
  result.max_waiting = max_waiting;
  return result;
}

/// A pool behind a retrier, and calls that are timed.
class timed_pool : public pool_under_test {
public:
  explicit timed_pool(const pool_settings& rules, uint64_t open = 1)
      : pool_under_test{rules, open}, retrier{own(spawn_retrier(sys, pool))} {
    settle();
  }

  auto call(statement query) { return ask<result>(retrier, execute_atom_v, std::move(query)); }
  auto call(transaction request) { return ask<std::vector<result>>(retrier, transact_atom_v, std::move(request)); }

  /// Puts the connection into use for ever.
  void occupy() {
    execute(write("busy"));
    began = now();
  }

  /// What a call was answered, and when: `acquire_timeout after 1.0 s`.
  template <class T>
  std::string answer(const reply_ptr<T>& x) {
    if (!x->error)
      return x->value ? "served" : "not yet";
    return to_string(x->error->code) + " after " + cenote::pool::to_text(x->at - began);
  }

  pool_actor retrier;
  caf::actor_clock::time_point began = now();
};

} // namespace

SCENARIO("on a full pool every call is answered after the pool's timeout, or its own if that is shorter") {
  GIVEN("a pool with a timeout of 1 s that stays full") {
    timed_pool x{rules_with(1s)};
    x.occupy();
    WHEN("statements, transactions and checkouts come, and a verification") {
      auto a = x.call(read("a"));
      auto b = x.call(write("b"));
      auto c = x.call(all_or_nothing(write("c")));
      auto d = x.ask<session_id>(x.retrier, checkout_atom_v, session_options{});
      auto e = x.ask<verification>(x.retrier, verify_atom_v);
      auto f = x.call(read("f").within(200ms));
      auto g = x.ask<session_id>(x.retrier, checkout_atom_v, session_options{"", 0s, 300ms});
      x.pass(10s);
      THEN("nobody waits for longer") {
        CHECK_EQ(x.answer(a), "acquire_timeout after 1.0 s");
        CHECK_EQ(x.answer(b), "acquire_timeout after 1.0 s");
        CHECK_EQ(x.answer(c), "acquire_timeout after 1.0 s");
        CHECK_EQ(x.answer(d), "acquire_timeout after 1.0 s");
        CHECK_EQ(x.answer(e), "acquire_timeout after 1.0 s");
        CHECK_EQ(x.answer(f), "acquire_timeout after 200 ms");
        CHECK_EQ(x.answer(g), "acquire_timeout after 300 ms");
        REQUIRE(a->error);
        CHECK_EQ(a->error->attempts, 1u);
      }
    }
  }
}

SCENARIO("who has given a call a time of its own is served whenever that is possible in it") {
  GIVEN("a pool with a timeout of 1 s that stays full for 2.5 s") {
    timed_pool x{rules_with(1s)};
    x.occupy();
    WHEN("a statement may take 10 s, another 3 s") {
      auto patient = x.call(write("patient").within(10s));
      auto hasty = x.call(write("hasty").within(1500ms));
      x.pass(2500ms);
      x.connections.answer(1);
      x.pass(10ms);
      x.connections.answer(1);
      x.pass(10s);
      THEN("the first is tried again and served, the second is told when no retry has a chance") {
        CHECK(patient->succeeded());
        CHECK_EQ(x.answer(hasty), "acquire_timeout after 1.0 s");
      }
    }
  }
}

SCENARIO("a queue that is full is told at once") {
  GIVEN("a pool that is full, with as many waiting as may") {
    timed_pool x{rules_with(30s, 1)};
    x.occupy();
    x.execute(write("waits"));
    WHEN("a statement comes without a time of its own, and one with 5 s") {
      auto a = x.call(read("a"));
      auto b = x.call(read("b").within(5s));
      x.pass(20s);
      THEN("the first is told at once, the second when its time allows no further retry") {
        CHECK_EQ(x.answer(a), "queue_full after 0 us");
        CHECK_EQ(x.answer(b), "queue_full after 3.0 s"); // After 0, 1 and 3 s.
      }
    }
  }
}

SCENARIO("while the server is down a call is tried five times more, and its own time bounds that") {
  GIVEN("a pool whose breaker is open, and stays so") {
    auto rules = rules_with(30s);
    rules.breaker_after = 1ms;
    rules.max_reconnect_delay = 10min;
    rules.reconnect_delay = 10min;
    timed_pool x{rules, 0};
    x.connections.refuse(1, errc::login_refused);
    x.began = x.now();
    CHECK(x.status().breaker != breaker_state::closed);
    WHEN("statements come") {
      auto refused = x.call(read("a"));
      x.pass(1min);
      THEN("a login that is refused is final") {
        CHECK_EQ(x.answer(refused), "login_refused after 0 us");
      }
    }
  }
  GIVEN("a pool for which three connects have failed") {
    auto rules = rules_with(30s);
    rules.breaker_after = 150ms;
    rules.reconnect_delay = 100ms;
    rules.max_reconnect_delay = 100s;
    timed_pool x{rules, 0};
    uint64_t id = 1;
    for (; x.status().breaker == breaker_state::closed && id < 20; ++id) {
      x.connections.refuse(id);
      x.pass(150ms);
    }
    x.pass(100ms);
    x.began = x.now();
    WHEN("calls come, and no connect ends") {
      auto a = x.call(read("a"));
      auto b = x.call(read("b").within(5s));
      auto c = x.call(write("c").retried_at_most(0));
      x.pass(10min);
      THEN("those without a time of their own know after 31 s, the others before it is up") {
        CHECK_EQ(x.answer(a), "circuit_open after 31.0 s");
        CHECK_EQ(x.answer(b), "circuit_open after 3.0 s");
        CHECK_EQ(x.answer(c), "circuit_open after 0 us");
      }
    }
  }
}

SCENARIO("a call at any limit is answered at once, in its time, or runs without one") {
  GIVEN("a free connection") {
    for (auto limit : {nanoseconds::min(), nanoseconds{-1}}) {
      timed_pool x{rules_with(1s)};
      WHEN("calls come whose time has passed") {
        auto a = x.call(read("a").within(limit));
        auto b = x.call(all_or_nothing(read("b")).within(limit));
        auto c = x.ask<session_id>(x.retrier, checkout_atom_v, session_options{"", limit, 0s});
        auto d = x.ask<session_id>(x.retrier, checkout_atom_v, session_options{"", 0s, limit});
        x.pass(1s);
        THEN("they fail at once, and nothing has reached a connection") {
          CHECK_EQ(x.answer(a), "acquire_timeout after 0 us");
          CHECK_EQ(x.answer(b), "acquire_timeout after 0 us");
          CHECK_EQ(x.answer(c), "acquire_timeout after 0 us");
          CHECK_EQ(x.answer(d), "acquire_timeout after 0 us");
          CHECK_EQ(x.heard(), "");
          CHECK_EQ(x.status().timed_out, 4u);
        }
      }
    }
    for (auto limit : {nanoseconds{0}, nanoseconds::max() - nanoseconds{1}, nanoseconds::max()}) {
      timed_pool x{rules_with(1s)};
      WHEN("a call comes without a limit") {
        auto a = x.call(read("a").within(limit));
        auto deadline = x.connections.granted(1).request.deadline;
        x.connections.answer(1);
        THEN("it runs without one") {
          CHECK(deadline == caf::actor_clock::time_point::max());
          CHECK(a->succeeded());
        }
      }
    }
  }
}

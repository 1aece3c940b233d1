#define CAF_SUITE actors.retrier_limits

#include "support/retried_pool.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

failure away() {
  return make_failure(errc::connect_failed, outcome::unavailable, "server has gone away");
}

} // namespace

// -- a statement's own time --------------------------------------------------------

SCENARIO("each retry gets what is left of the statement's time") {
  GIVEN("a read that may take 10 s") {
    retried_pool x;
    x.execute(read("a").within(10s));
    CHECK(x.pool.last().timeout == 10s);
    WHEN("it fails after 2 s and again after another 1.5 s") {
      x.pass(2s);
      x.pool.answer(away());
      x.pass(1s);
      auto first = x.pool.last().timeout;
      x.pass(1500ms);
      x.pool.answer(away());
      x.pass(2s);
      auto second = x.pool.last().timeout;
      THEN("the delays count as well") {
        CHECK(first == 7s);
        CHECK(second == 3500ms);
        CHECK_EQ(x.pool.open(), 1u);
      }
    }
  }
}

SCENARIO("a statement without a limit gets none from its retries") {
  GIVEN("a read without a limit") {
    retried_pool x;
    x.execute(read("a"));
    WHEN("it is repeated") {
      x.pool.answer(away());
      x.pass(1s);
      THEN("it still has none") {
        CHECK_EQ(x.pool.heard(), "execute a, execute a");
        CHECK(x.pool.last().timeout == 0s);
      }
    }
  }
}

SCENARIO("a retry that would start when the statement's time is up is not made") {
  GIVEN("a read that may take 3 s and failed twice in no time") {
    retried_pool x;
    auto answer = x.execute(read("a").within(3s));
    x.pool.answer(away());
    x.pass(1s);
    WHEN("the second retry would start after exactly 3 s") {
      x.pool.answer(away());
      THEN("the caller gets the error at once") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->text, "failed after 1 retry: server has gone away");
        CHECK(answer->at == x.now());
        CHECK_EQ(x.pool.heard(), "execute a, execute a");
      }
    }
  }
}

SCENARIO("a retry that starts just before the statement's time is up is made") {
  GIVEN("a read that may take 3.001 s and failed twice in no time") {
    retried_pool x;
    x.execute(read("a").within(3001ms));
    x.pool.answer(away());
    x.pass(1s);
    x.pool.answer(away());
    WHEN("3 s are over") {
      x.pass(2s);
      THEN("it is sent with the millisecond that is left") {
        CHECK_EQ(x.pool.heard(), "execute a, execute a, execute a");
        CHECK(x.pool.last().timeout == 1ms);
      }
    }
  }
}

SCENARIO("the longest time there is means no limit") {
  GIVEN("a read that may take as long as can be said") {
    retried_pool x;
    auto answer = x.execute(read("a").within(std::chrono::nanoseconds::max()));
    WHEN("it fails") {
      x.pool.answer(away());
      x.pass(1s);
      THEN("it is repeated as any other") {
        CHECK_EQ(x.pool.heard(), "execute a, execute a");
        CHECK(!answer->arrived());
      }
    }
  }
}

SCENARIO("a statement that used up its time is not repeated") {
  GIVEN("a read that may take 10 s") {
    retried_pool x;
    auto answer = x.execute(read("a").within(10s));
    WHEN("the pool stops it because of a limit") {
      x.pool.answer(make_failure(errc::statement_timeout, outcome::unknown, "stopped after its time limit"));
      THEN("the caller gets the error") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::statement_timeout);
        CHECK_EQ(answer->error->text, "stopped after its time limit");
      }
    }
  }
}

SCENARIO("a limit that is not one of the usual is passed on as it is") {
  GIVEN("limits that have passed already, that are very short, and that are never reached") {
    using ns = std::chrono::nanoseconds;
    for (auto limit : {ns::min(), ns{-1}, ns{1}, ns::max() - ns{1}, ns::max()}) {
      retried_pool x;
      auto answer = x.execute(read("a").within(limit));
      WHEN("the pool answers that there was no connection in time") {
        auto asked = x.pool.last().timeout;
        x.pool.answer(make_failure(errc::acquire_timeout, outcome::unavailable));
        x.pass(1s);
        THEN("it has been asked for that time, and not again: none is left, or none was given") {
          CHECK(asked == limit);
          CHECK_EQ(x.pool.heard(), "execute a");
          CHECK(answer->arrived());
        }
      }
    }
  }
}

SCENARIO("a full pool is asked once, unless the caller has said for how long to try") {
  GIVEN("statements without and with a time of their own") {
    for (auto code : {errc::acquire_timeout, errc::queue_full, errc::overloaded}) {
      retried_pool x;
      auto without = x.execute(read("without"));
      auto with = x.execute(read("with").within(10s));
      WHEN("the pool has no room for them") {
        x.pool.answer(make_failure(code, outcome::unavailable, "no room"));
        x.pool.answer(make_failure(code, outcome::unavailable, "no room"));
        x.pass(1s);
        THEN("the first is told at once, the second is tried again") {
          REQUIRE(without->error);
          CHECK_EQ(without->error->text, "no room");
          CHECK_EQ(without->error->attempts, 1u);
          CHECK(!with->arrived());
          CHECK_EQ(x.pool.heard(), "execute without, execute with, execute with");
        }
      }
    }
  }
}

SCENARIO("a server that cannot be reached is tried again after 1, 2, 4, 8 and 16 seconds") {
  GIVEN("a statement without a time of its own") {
    retried_pool x;
    auto began = x.now();
    auto answer = x.execute(write("a"));
    WHEN("the breaker of the pool stays open") {
      for (auto i = 0; i < 6; ++i) {
        x.pool.answer(make_failure(errc::circuit_open, outcome::unavailable, "no server"));
        x.pass(std::chrono::seconds{1 << i});
      }
      THEN("the caller knows after 31 seconds") {
        REQUIRE(answer->error);
        CHECK(answer->at - began == 31s);
        CHECK_EQ(answer->error->attempts, 6u);
        CHECK_EQ(answer->error->text, "failed after 5 retries: no server");
      }
    }
  }
}

SCENARIO("a retrier takes any rules") {
  GIVEN("the smallest and the largest delays") {
    using ns = std::chrono::nanoseconds;
    retried_pool hasty{{3, ns::min(), ns::min()}};
    retried_pool patient{{3, ns::max(), ns::max()}};
    WHEN("a statement fails") {
      auto a = hasty.execute(read("a"));
      for (auto i = 0; i < 4; ++i, hasty.pass(1ms))
        hasty.pool.answer(away());
      auto b = patient.execute(read("b"));
      patient.pool.answer(away());
      THEN("less than no delay is none, and a retry that would never come is none") {
        REQUIRE(a->error);
        CHECK_EQ(a->error->attempts, 4u);
        REQUIRE(b->error);
        CHECK_EQ(b->error->attempts, 1u);
      }
    }
  }
}

// -- the other messages ------------------------------------------------------------

SCENARIO("all but statements is passed on to the pool") {
  GIVEN("a retrier") {
    retried_pool x;
    WHEN("it is asked for everything else that a pool can do") {
      auto verified = x.ask<verification>(x.retrier, verify_atom_v);
      auto status = x.ask<pool_status>(x.retrier, status_atom_v);
      x.tell(x.retrier, dispose_atom_v);
      x.tell(x.retrier, pause_atom_v);
      x.tell(x.retrier, resume_atom_v);
      x.tell(x.retrier, handover_atom_v, session_id{1}, caf::strong_actor_ptr{});
      x.tell(x.retrier, evict_atom_v, session_id{1});
      x.tell(x.retrier, reconfigure_atom_v, settings_update{});
      auto settings = x.ask<effective_settings>(x.retrier, settings_atom_v);
      auto drained = x.ask<drain_report>(x.retrier, drain_atom_v, caf::timespan{5s});
      THEN("the pool has heard it and its answers come back") {
        CHECK_EQ(x.pool.heard(),
                 "verify, status, dispose, pause, resume, handover, evict, reconfigure, settings, drain 5 s");
        CHECK((verified->value == verification{"11.4", 7, 3ms}));
        REQUIRE(status->value);
        CHECK_EQ(status->value->pool, "scripted");
        REQUIRE(settings->value);
        CHECK_EQ(settings->value->pool.name, "scripted");
        REQUIRE(settings->value->retry); // What it does itself is added.
        CHECK_EQ(settings->value->retry->max_retries, 5u);
        CHECK((drained->value == drain_report{3, 1}));
      }
    }
  }
}

// -- the end -----------------------------------------------------------------------

SCENARIO("a retrier ends with its pool") {
  GIVEN("a retrier with nothing to do") {
    retried_pool x;
    REQUIRE(!has_ended(x.retrier));
    WHEN("its pool ends") {
      x.pool.end();
      x.pass(1s);
      THEN("so does the retrier") {
        CHECK(has_ended(x.retrier));
      }
    }
  }
}

SCENARIO("what a pool says when it ends reaches the callers") {
  GIVEN("a read and a write that wait for the pool") {
    retried_pool x;
    auto a = x.execute(read("a"));
    auto b = x.execute(write("b"));
    WHEN("the pool refuses both and ends in the same moment") {
      x.pool.end();
      x.pass(1s);
      THEN("they are told that it shuts down, not that an answer is missing") {
        for (auto& answer : {a, b}) {
          REQUIRE(answer->error);
          CHECK_EQ(answer->error->code, errc::shutting_down);
          CHECK_EQ(answer->error->outcome, outcome::unavailable);
        }
        CHECK(has_ended(x.retrier));
      }
    }
  }
}

SCENARIO("a request that waits for its retry gets its last error when the pool ends") {
  GIVEN("a write that was not sent and will be repeated in a second") {
    retried_pool x;
    auto answer = x.execute(write("a"));
    x.pool.answer(make_failure(errc::connection_lost_unsent, outcome::not_sent, "ten dead connections"));
    x.pass(500ms);
    WHEN("the pool ends") {
      x.pool.end();
      x.pass(100ms);
      THEN("the caller knows that nothing was sent") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::connection_lost_unsent);
        CHECK_EQ(answer->error->outcome, outcome::not_sent);
        CHECK_EQ(answer->error->text, "ten dead connections");
        CHECK(has_ended(x.retrier));
      }
    }
  }
}

SCENARIO("when a pool dies without a word, nobody knows what became of its statements") {
  GIVEN("a read and a write that wait for the pool") {
    retried_pool x;
    auto a = x.execute(read("a"));
    auto b = x.execute(write("b"));
    WHEN("the pool dies") {
      x.pool.crash();
      x.pass(1s);
      THEN("both are told so, and nothing is repeated") {
        for (auto& answer : {a, b}) {
          REQUIRE(answer->error);
          CHECK_EQ(answer->error->outcome, outcome::unknown);
        }
        CHECK(has_ended(x.retrier));
      }
    }
  }
}

#define CAF_SUITE actors.retrier

#include "support/retried_pool.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

retry_settings rules_of(size_t max_retries, caf::timespan initial_delay, caf::timespan max_delay) {
  return {max_retries, initial_delay, max_delay};
}

failure away() {
  return make_failure(errc::connect_failed, outcome::unavailable, "server has gone away");
}

failure lost() {
  return make_failure(errc::connection_lost, outcome::unknown, "server has gone away");
}

failure busy() {
  return make_failure(errc::circuit_open, outcome::unavailable, "no connection came free");
}

/// Whether a statement that fails like this is sent again within the longest delay.
bool is_repeated(statement query, const failure& error) {
  retried_pool x;
  auto answer = x.execute(std::move(query));
  x.pool.answer(error);
  x.pass(30s);
  auto repeated = x.pool.heard() == "execute a, execute a";
  if (repeated == answer->arrived())
    throw std::runtime_error{"a request that is not repeated has to be answered, and the other way round"};
  return repeated;
}

std::vector<statement> every_kind() {
  return {read("a"), idempotent_write("a"), write("a")};
}

} // namespace

// -- delays ----------------------------------------------------------------------

SCENARIO("requests that fail are repeated after 1, 2, 4, 8 and 16 seconds") {
  GIVEN("a read that fails again and again") {
    retried_pool x;
    auto answer = x.execute(read("a"));
    auto began = x.now();
    CHECK_EQ(x.pool.heard(), "execute a");
    WHEN("the time of each retry is one millisecond short, and then there") {
      THEN("it is sent then and not before") {
        for (auto delay : {1s, 2s, 4s, 8s, 16s}) {
          x.pool.answer(away());
          x.pass(delay - 1ms);
          CHECK_EQ(x.pool.heard(), "");
          x.pass(1ms);
          CHECK_EQ(x.pool.heard(), "execute a");
        }
        CHECK(x.now() - began == 31s);
        CHECK(!answer->arrived());
      }
    }
  }
}

SCENARIO("what lost its connection comes back to the pool soon, which waits for the server") {
  GIVEN("a read whose connection is lost") {
    retried_pool x;
    x.execute(read("a"));
    x.pool.answer(lost());
    WHEN("a moment passes") {
      x.pass(50ms);
      THEN("it is sent again") {
        CHECK_EQ(x.pool.heard(), "execute a, execute a");
      }
    }
  }
}

SCENARIO("the sixth failure is final and says so") {
  GIVEN("a read that has been repeated five times") {
    retried_pool x;
    auto answer = x.execute(read("a"));
    for (auto i = 0; i < 5; ++i) {
      x.pool.answer(away());
      x.pass(16s);
    }
    REQUIRE_EQ(x.pool.open(), 1u);
    x.pool.heard();
    WHEN("it fails once more") {
      x.pool.answer(lost());
      THEN("the caller gets the last error with the number of retries") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::connection_lost);
        CHECK_EQ(answer->error->outcome, outcome::unknown);
        CHECK_EQ(answer->error->text, "failed after 5 retries: server has gone away");
        CHECK_EQ(answer->error->attempts, 6u);
        x.pass(1h);
        CHECK_EQ(x.pool.heard(), "");
      }
    }
  }
}

SCENARIO("delays grow no further than max-delay") {
  GIVEN("a retrier that waits for 1 s at first and for 3 s at most") {
    retried_pool x{rules_of(4, 1s, 3s)};
    auto answer = x.execute(read("a"));
    x.pool.heard();
    WHEN("a read fails again and again") {
      THEN("it is repeated after 1, 2, 3 and 3 seconds") {
        for (auto delay : {1s, 2s, 3s, 3s}) {
          x.pool.answer(busy());
          x.pass(delay - 1ms);
          CHECK_EQ(x.pool.heard(), "");
          x.pass(1ms);
          CHECK_EQ(x.pool.heard(), "execute a");
        }
      }
    }
  }
}

SCENARIO("a repeated request that succeeds looks like any other") {
  GIVEN("a write that was not sent") {
    retried_pool x;
    auto answer = x.execute(write("a"));
    x.pool.answer(make_failure(errc::connection_lost_unsent, outcome::not_sent));
    x.pass(1s);
    WHEN("its first retry succeeds") {
      x.pool.answer(one_cell("done"));
      THEN("the caller gets the result") {
        REQUIRE(answer->value);
        CHECK_EQ((*answer->value)[0].get<std::string>(0), "done");
        CHECK_EQ(x.pool.heard(), "execute a, execute a");
      }
    }
  }
}

SCENARIO("a single retry is written in the singular") {
  GIVEN("a retrier that repeats once") {
    retried_pool x{rules_of(1, 1s, 30s)};
    auto answer = x.execute(read("a"));
    WHEN("a read fails twice") {
      x.pool.answer(away());
      x.pass(1s);
      x.pool.answer(away());
      THEN("the text says so") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->text, "failed after 1 retry: server has gone away");
      }
    }
  }
}

SCENARIO("without retries the error comes as it is") {
  GIVEN("a retrier that repeats nothing") {
    retried_pool x{rules_of(0, 1s, 30s)};
    auto answer = x.execute(read("a"));
    WHEN("a read fails") {
      x.pool.answer(away());
      THEN("the caller gets the error at once") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->text, "server has gone away");
        CHECK_EQ(answer->error->attempts, 1u);
      }
    }
  }
}

SCENARIO("requests are repeated independently of each other") {
  GIVEN("two reads that failed at different times") {
    retried_pool x;
    x.execute(read("a"));
    x.pool.answer(away());
    x.pass(400ms);
    x.execute(read("b"));
    x.pool.answer(away());
    CHECK_EQ(x.pool.heard(), "execute a, execute b");
    WHEN("time passes") {
      THEN("each is repeated one second after its own failure") {
        x.pass(600ms);
        CHECK_EQ(x.pool.heard(), "execute a");
        x.pass(399ms);
        CHECK_EQ(x.pool.heard(), "");
        x.pass(1ms);
        CHECK_EQ(x.pool.heard(), "execute b");
      }
    }
  }
}

// -- what is repeated --------------------------------------------------------------

SCENARIO("what was not sent, was rolled back or could not be served is repeated, whatever it is") {
  GIVEN("statements of each kind") {
    WHEN("they fail without having had an effect") {
      THEN("they are sent again") {
        for (auto& query : every_kind()) {
          CHECK(is_repeated(query, make_failure(errc::connection_lost_unsent, outcome::not_sent)));
          CHECK(is_repeated(query, make_failure(errc::deadlock, outcome::rolled_back)));
          CHECK(is_repeated(query, make_failure(errc::lock_wait, outcome::rolled_back)));
          CHECK(!is_repeated(query, make_failure(errc::acquire_timeout, outcome::unavailable)));
          CHECK(!is_repeated(query, make_failure(errc::queue_full, outcome::unavailable)));
          CHECK(is_repeated(query, make_failure(errc::connect_failed, outcome::unavailable)));
        }
      }
    }
  }
}

SCENARIO("a statement that may have run is repeated only if that does no harm") {
  GIVEN("statements of each kind") {
    WHEN("their connection is lost after they were sent") {
      THEN("reads and idempotent writes are sent again, other writes never") {
        CHECK(is_repeated(read("a"), lost()));
        CHECK(is_repeated(idempotent_write("a"), lost()));
        CHECK(!is_repeated(write("a"), lost()));
      }
    }
  }
}

SCENARIO("a write of unknown outcome keeps its error") {
  GIVEN("a write that was sent") {
    retried_pool x;
    auto answer = x.execute(write("a"));
    WHEN("its connection is lost") {
      x.pool.answer(lost());
      THEN("the caller is told at once, in the words of the pool") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->outcome, outcome::unknown);
        CHECK_EQ(answer->error->text, "server has gone away");
      }
    }
  }
}

SCENARIO("what was rejected is never repeated") {
  GIVEN("statements of each kind") {
    WHEN("the server refuses them") {
      THEN("they are not sent again") {
        for (auto& query : every_kind())
          for (auto code : {errc::server_error, errc::invalid_statement, errc::login_refused, errc::read_only_server})
            CHECK(!is_repeated(query, make_failure(code, outcome::rejected)));
      }
    }
  }
}

SCENARIO("a pool that shuts down is not asked again") {
  GIVEN("statements of each kind") {
    WHEN("the pool refuses them because it shuts down") {
      THEN("they are not sent again") {
        for (auto& query : every_kind())
          CHECK(!is_repeated(query, make_failure(errc::shutting_down, outcome::unavailable)));
      }
    }
  }
}

// -- all attempts together -----------------------------------------------------------

SCENARIO("once an attempt may have run, no later one says that the request has not") {
  GIVEN("an idempotent write and a read whose first attempt was lost after it was sent") {
    const failure later[] = {make_failure(errc::queue_full, outcome::unavailable, "the queue is full"),
                             make_failure(errc::shutting_down, outcome::unavailable, "the pool is shutting down"),
                             make_failure(errc::connection_lost_unsent, outcome::not_sent, "the connection was dead"),
                             make_failure(errc::deadlock, outcome::rolled_back, "deadlock found"),
                             make_failure(errc::server_error, outcome::rejected, "duplicate entry")};
    WHEN("the last of its attempts fails otherwise") {
      THEN("the outcome is unknown, and code, text and number of attempts are those of the last one") {
        for (auto& query : {idempotent_write("a"), read("a")})
          for (auto& error : later) {
            retried_pool x{rules_of(2, 1s, 30s)};
            auto answer = x.execute(query);
            x.pool.answer(lost());
            x.pass(30s);
            x.pool.answer(away());
            x.pass(30s);
            x.pool.answer(error);
            REQUIRE(answer->error);
            MESSAGE(answer->error->text);
            CHECK_EQ(answer->error->code, error.code);
            CHECK_EQ(answer->error->outcome, outcome::unknown);
            CHECK_EQ(answer->error->attempts, 3u);
            CHECK_EQ(answer->error->text, "failed after 2 retries: " + error.text
                                              + "; an earlier attempt was sent and may have taken effect");
          }
      }
    }
  }
}

SCENARIO("a later success settles what an attempt has left open") {
  GIVEN("an idempotent write whose first attempt was lost after it was sent") {
    retried_pool x;
    auto answer = x.execute(idempotent_write("a"));
    x.pool.answer(lost());
    x.pass(50ms);
    WHEN("the second succeeds") {
      x.pool.answer(one_cell("done"));
      THEN("so has the request") {
        CHECK(answer->value);
      }
    }
  }
}

SCENARIO("a doubt outlives the pool") {
  GIVEN("an idempotent write that may have run, then found no connection, and waits for its third attempt") {
    retried_pool x;
    auto answer = x.execute(idempotent_write("a"));
    x.pool.answer(lost());
    x.pass(50ms);
    x.pool.answer(away());
    WHEN("the pool ends") {
      x.pool.end();
      THEN("the outcome is unknown") {
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->code, errc::connect_failed);
        CHECK_EQ(answer->error->outcome, outcome::unknown);
      }
    }
  }
}

SCENARIO("a request that comes right behind the end of the pool was certainly not sent") {
  GIVEN("a pool that ends, and a request that reaches the retrier behind the news of that") {
    retried_pool x;
    caf::anon_send_exit(caf::actor_cast<caf::actor>(x.pool.handle()), caf::exit_reason::kill);
    auto answer = x.execute(write("a"));
    THEN("it is refused as one to an ended pool, and the retrier ends as well") {
      REQUIRE(answer->error);
      CHECK_EQ(answer->error->code, errc::shutting_down);
      CHECK_EQ(answer->error->outcome, outcome::unavailable);
      CHECK(has_ended(x.retrier));
    }
  }
}

// -- deadlocks ---------------------------------------------------------------------

SCENARIO("deadlocks are repeated within 50 ms, again and again") {
  GIVEN("a write") {
    retried_pool x;
    auto answer = x.execute(write("a"));
    x.pool.heard();
    WHEN("it is the victim of one deadlock after another") {
      THEN("it is sent again each time within 50 ms, and five times") {
        for (auto i = 0; i < 5; ++i) {
          x.pool.answer(make_failure(errc::deadlock, outcome::rolled_back, "deadlock found"));
          x.pass(50ms);
          CHECK_EQ(x.pool.heard(), "execute a");
        }
        x.pool.answer(make_failure(errc::deadlock, outcome::rolled_back, "deadlock found"));
        REQUIRE(answer->error);
        CHECK_EQ(answer->error->outcome, outcome::rolled_back);
        CHECK_EQ(answer->error->text, "failed after 5 retries: deadlock found");
      }
    }
  }
}

SCENARIO("victims of the same deadlock do not come back at the same moment") {
  GIVEN("twenty writes that all failed by deadlocks") {
    retried_pool x;
    for (auto i = 0; i < 20; ++i)
      x.execute(write("a"));
    for (auto i = 0; i < 20; ++i)
      x.pool.answer(make_failure(errc::deadlock, outcome::rolled_back));
    WHEN("50 ms pass") {
      size_t moments = 0;
      for (auto ms = 0; ms < 50; ++ms) {
        auto before = x.pool.open();
        x.pass(1ms);
        moments += x.pool.open() > before;
      }
      THEN("they have come back at many different moments") {
        CHECK_EQ(x.pool.open(), 20u);
        CHECK_GT(moments, 5u);
      }
    }
  }
}

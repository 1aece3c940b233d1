#define CAF_SUITE pool.refusals

#include "pool/refusals.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

pool_settings orders() {
  pool_settings result;
  result.name = "orders";
  result.size = 10;
  result.max_overflow = 5;
  result.max_waiting = 100;
  return result;
}

} // namespace

SCENARIO("a timeout names the pool, its limits and numbers, and what to change") {
  GIVEN("a pool with all connections in use") {
    circumstances now{15, 15, 42, 30s, {}};
    WHEN("a caller has waited too long") {
      auto error = acquire_timeout(orders(), now);
      THEN("the error says so") {
        CHECK_EQ(error.code, errc::acquire_timeout);
        CHECK_EQ(error.outcome, outcome::unavailable);
        CHECK_EQ(error.text,
                 "pool orders: limit of size 10 overflow 5 reached, timed out after 30.0 s (in use 15, open "
                 "15, waiting 42); shorten the statements, or raise pool.size or pool.timeout");
        CHECK(error.waited == 30s);
        CHECK_EQ(error.last_connect_error, "");
        CHECK_EQ(error.number, 0u);
        CHECK_EQ(error.sqlstate, "");
      }
    }
  }
}

SCENARIO("a timeout without any connection says that the server is the cause, and how") {
  GIVEN("a pool that cannot connect") {
    circumstances now{0, 0, 1, 250ms, "db.example:3306: access is slow today"};
    WHEN("a caller has waited too long") {
      auto error = acquire_timeout(orders(), now);
      THEN("the error names the last connect error") {
        CHECK_EQ(error.code, errc::acquire_timeout);
        CHECK_EQ(error.text, "pool orders: no connection could be opened, timed out after 250 ms (in use 0, open 0, "
                             "waiting 1; last connect error: db.example:3306: access is slow today); check the server");
        CHECK_EQ(error.last_connect_error, "db.example:3306: access is slow today");
      }
    }
  }
}

SCENARIO("a full queue names its limit and what to change") {
  GIVEN("a pool for which 100 callers wait") {
    circumstances now{15, 15, 100, 0s, {}};
    WHEN("one more comes") {
      auto error = queue_full(orders(), now);
      THEN("the error says so") {
        CHECK_EQ(error.code, errc::queue_full);
        CHECK_EQ(error.outcome, outcome::unavailable);
        CHECK_EQ(error.text,
                 "pool orders: 100 callers are waiting already (in use 15, open 15, waiting 100); send fewer "
                 "requests at a time, or raise pool.max-waiting");
      }
    }
  }
}

SCENARIO("a pool that shuts down says so") {
  GIVEN("a pool that shuts down with two statements running") {
    circumstances now{2, 3, 0, 0s, {}};
    WHEN("a caller comes") {
      auto error = shutting_down(orders(), now);
      THEN("the error says so") {
        CHECK_EQ(error.code, errc::shutting_down);
        CHECK_EQ(error.outcome, outcome::unavailable);
        CHECK_EQ(error.text, "pool orders is shutting down (in use 2, open 3, waiting 0)");
      }
    }
  }
}

SCENARIO("a connect that failed for good is passed on with its number") {
  GIVEN("a refused login") {
    failure cause;
    cause.code = errc::login_refused;
    cause.outcome = outcome::rejected;
    cause.number = 1045;
    cause.sqlstate = "28000";
    cause.text = "db.example:3306: Access denied for user 'bato'";
    WHEN("a caller is told") {
      auto error = no_connection(orders(), {0, 0, 7, 12ms, cause.text}, cause, true, 5s);
      THEN("code, outcome, number and text are those of the cause, with the pool's name") {
        CHECK_EQ(error.code, errc::login_refused);
        CHECK_EQ(error.outcome, outcome::rejected);
        CHECK_EQ(error.number, 1045u);
        CHECK_EQ(error.sqlstate, "28000");
        CHECK_EQ(error.text, "pool orders cannot connect: db.example:3306: Access denied for user 'bato'");
        CHECK_EQ(error.last_connect_error, cause.text);
        CHECK(error.waited == 12ms);
        CHECK(error.retry_after == 5s);
      }
    }
  }
}

SCENARIO("while callers still wait for the server, a fail-fast one is told why it is not there") {
  GIVEN("a server that is full") {
    failure cause;
    cause.code = errc::server_full;
    cause.outcome = outcome::unavailable;
    cause.number = 1040;
    cause.text = "db.example:3306: Too many connections";
    WHEN("a caller is told") {
      auto error = no_connection(orders(), {0, 0, 7, 12ms, cause.text}, cause, false, 80ms);
      THEN("it is the cause, and when the pool will try again") {
        CHECK_EQ(error.code, errc::server_full);
        CHECK_EQ(error.outcome, outcome::unavailable);
        CHECK_EQ(error.number, 1040u);
        CHECK_EQ(error.text, "pool orders cannot connect: db.example:3306: Too many connections");
        CHECK(error.retry_after == 80ms);
      }
    }
  }
}

SCENARIO("an open circuit breaker says so, and when the next attempt is") {
  GIVEN("a server that does not answer") {
    failure cause;
    cause.code = errc::connect_failed;
    cause.outcome = outcome::unavailable;
    cause.number = 2002;
    cause.text = "db.example:3306: Connection refused";
    WHEN("callers are told before and during an attempt") {
      auto before = no_connection(orders(), {0, 0, 1, 0s, cause.text}, cause, true, 1500ms);
      auto during = no_connection(orders(), {0, 0, 1, 0s, cause.text}, cause, true, 0s);
      THEN("both errors name the pool, the breaker, the next attempt and the last failure") {
        CHECK_EQ(before.code, errc::circuit_open);
        CHECK_EQ(before.outcome, outcome::unavailable);
        CHECK_EQ(before.number, 2002u);
        CHECK_EQ(before.text, "pool orders: the circuit breaker is open, no connect has succeeded for more than 5.0 s; "
                              "the next attempt is in 1.5 s; the last failure: db.example:3306: Connection refused");
        CHECK(before.retry_after == 1500ms);
        CHECK_EQ(before.last_connect_error, cause.text);
        CHECK(during.text.find("; an attempt is under way; ") != std::string::npos);
        CHECK(during.retry_after == 0s);
      }
    }
  }
}

SCENARIO("an overloaded pool says what it measured and what to change") {
  GIVEN("a pool that sheds load") {
    auto rules = orders();
    rules.shed_target = 100ms;
    rules.shed_interval = 2s;
    WHEN("a caller is given up") {
      auto error = overloaded(rules, {15, 15, 42, 250ms, {}});
      THEN("the error says so") {
        CHECK_EQ(error.code, errc::overloaded);
        CHECK_EQ(error.outcome, outcome::unavailable);
        CHECK_EQ(error.text,
                 "pool orders: overloaded, given up after 250 ms: every request of the last 2.0 s has waited "
                 "longer than 100 ms (in use 15, open 15, waiting 42); send fewer requests, shorten the "
                 "statements, or raise pool.size or pool.shed-target");
        CHECK(error.waited == 250ms);
      }
    }
  }
}

SCENARIO("a request that met only dead connections is known not to have run") {
  GIVEN("a request that was given ten connections") {
    circumstances now{0, 3, 0, 5ms, {}};
    WHEN("it is given up") {
      auto error = never_sent(orders(), now, 10, "the server had closed the connection");
      THEN("the error says how often it was tried, and that it may be repeated") {
        CHECK_EQ(error.code, errc::connection_lost_unsent);
        CHECK_EQ(error.outcome, outcome::not_sent);
        CHECK_EQ(error.attempts, 10u);
        CHECK_EQ(error.text,
                 "pool orders: 10 connections in turn were dead before the statement could be sent, the last "
                 "one: the server had closed the connection (in use 0, open 3, waiting 0)");
      }
    }
  }
}

SCENARIO("durations are written for people") {
  GIVEN("durations of all sizes") {
    WHEN("they are written") {
      THEN("the unit fits") {
        CHECK_EQ(to_text(0ns), "0 us");
        CHECK_EQ(to_text(12us), "12 us");
        CHECK_EQ(to_text(999us), "999 us");
        CHECK_EQ(to_text(1ms), "1 ms");
        CHECK_EQ(to_text(250ms), "250 ms");
        CHECK_EQ(to_text(999ms), "999 ms");
        CHECK_EQ(to_text(1s), "1.0 s");
        CHECK_EQ(to_text(1500ms), "1.5 s");
        CHECK_EQ(to_text(30s), "30.0 s");
        CHECK_EQ(to_text(1h), "3600.0 s");
      }
    }
  }
}

#define CAF_SUITE pool.circuit_breaker

#include "pool/circuit_breaker.hpp"

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

constexpr auto start = time_point{1h};

failure because(errc code) {
  failure result;
  result.code = code;
  return result;
}

/// Fails n connects in turn, each at the moment when it is due, without jitter. Returns the delays that followed.
std::vector<duration> fail(circuit_breaker& x, size_t n, time_point& now, errc code = errc::connect_failed) {
  std::vector<duration> result;
  for (size_t i = 0; i < n; ++i) {
    now = std::max(now, x.retry_at());
    x.began(now);
    x.ended();
    x.failed(because(code), now, 0.0);
    result.push_back(x.retry_at() - now);
  }
  return result;
}

} // namespace

SCENARIO("while the breaker is closed the delay grows by half, and when it is open up to its limit") {
  GIVEN("a breaker with the default rules") {
    circuit_breaker x{pool_settings{}};
    auto now = start;
    WHEN("connects fail for more than five seconds") {
      auto closed = fail(x, 34, now);
      auto state = x.state();
      auto open = fail(x, 9, now);
      THEN("the delays are those of the two states") {
        std::vector<duration> expected(34, 150ms);
        expected.front() = 100ms;
        CHECK_EQ(closed, expected);
        CHECK_EQ(state, breaker_state::closed);
        CHECK_EQ(open, std::vector<duration>({100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s, 5s}));
        CHECK_EQ(x.state(), breaker_state::open);
      }
    }
  }
}

SCENARIO("delays are shortened by up to a half at random") {
  GIVEN("a breaker with the default rules") {
    circuit_breaker x{pool_settings{}};
    WHEN("a connect fails with a number of nearly one") {
      x.failed(because(errc::connect_failed), start, 1.0 - 1e-9);
      THEN("the delay is half as long") {
        CHECK_GE(x.retry_at() - start, 50ms);
        CHECK_LT(x.retry_at() - start, 50ms + 1us);
      }
    }
  }
}

SCENARIO("two failures are too few to open the breaker, however far apart") {
  GIVEN("a breaker after one failure") {
    circuit_breaker x{pool_settings{}};
    x.failed(because(errc::connect_failed), start, 0.0);
    WHEN("two more come an hour later each") {
      x.failed(because(errc::connect_failed), start + 1h, 0.0);
      auto second = x.state();
      x.failed(because(errc::connect_failed), start + 2h, 0.0);
      THEN("only the third one opens it") {
        CHECK_EQ(second, breaker_state::closed);
        CHECK_EQ(x.state(), breaker_state::open);
      }
    }
  }
}

SCENARIO("the breaker opens exactly when connects have failed for so long") {
  GIVEN("a breaker after three failures") {
    circuit_breaker x{pool_settings{}};
    for (auto after : {0s, 1s, 2s})
      x.failed(because(errc::connect_failed), start + after, 0.0);
    WHEN("a connect fails one nanosecond early, and one later") {
      x.failed(because(errc::connect_failed), start + 5s - 1ns, 0.0);
      auto before = x.state();
      x.failed(because(errc::connect_failed), start + 6s, 0.0);
      THEN("it is open only after that") {
        CHECK_EQ(before, breaker_state::closed);
        CHECK_EQ(x.state(), breaker_state::open);
      }
    }
  }
}

SCENARIO("failures of connects that were under way together count once") {
  GIVEN("a breaker after one failure") {
    circuit_breaker x{pool_settings{}};
    x.failed(because(errc::connect_failed), start, 0.0);
    auto retry_at = x.retry_at();
    WHEN("others follow before the next attempt is due") {
      for (auto i = 0; i < 9; ++i)
        x.failed(because(errc::connect_failed), start + 99ms, 0.0);
      THEN("the next attempt is as near as before") {
        CHECK(x.retry_at() == retry_at);
      }
    }
  }
}

SCENARIO("with a breaker-after of zero only a refused login opens the breaker") {
  GIVEN("a breaker with a breaker-after of zero") {
    pool_settings rules;
    rules.breaker_after = 0s;
    circuit_breaker x{rules};
    auto now = start;
    WHEN("connects fail for an hour, and then a login is refused") {
      fail(x, 24'000, now);
      auto state = x.state();
      fail(x, 1, now, errc::login_refused);
      THEN("it opens only then") {
        CHECK_GT(now - start, 50min);
        CHECK_EQ(state, breaker_state::closed);
        CHECK_EQ(x.state(), breaker_state::open);
      }
    }
  }
}

SCENARIO("a refused login opens the breaker at once, and is tried again ever more rarely") {
  GIVEN("a breaker with the default rules") {
    circuit_breaker x{pool_settings{}};
    auto now = start;
    WHEN("logins are refused") {
      auto delays = fail(x, 8, now, errc::login_refused);
      THEN("the delays double from the longest one up to sixty times that") {
        CHECK_EQ(x.state(), breaker_state::open);
        CHECK_EQ(delays, std::vector<duration>({5s, 10s, 20s, 40s, 80s, 160s, 300s, 300s}));
      }
    }
  }
}

SCENARIO("after other failures the delays of refused logins begin anew, and the reverse") {
  GIVEN("a breaker that has been open for long") {
    circuit_breaker x{pool_settings{}};
    auto now = start;
    fail(x, 100, now);
    WHEN("logins are refused, and then connects fail again") {
      auto refused = fail(x, 2, now, errc::login_refused);
      auto failed = fail(x, 2, now);
      THEN("both begin with their first delay") {
        CHECK_EQ(refused, std::vector<duration>({5s, 10s}));
        CHECK_EQ(failed, std::vector<duration>({100ms, 200ms}));
      }
    }
  }
}

SCENARIO("an open breaker is half-open during an attempt, and closed when that succeeds") {
  GIVEN("an open breaker") {
    circuit_breaker x{pool_settings{}};
    auto now = start;
    fail(x, 1, now, errc::login_refused);
    WHEN("a connect begins and succeeds") {
      x.began(now + 5s);
      auto trying = x.state();
      x.ended();
      x.succeeded();
      THEN("it goes from half-open to closed and has forgotten all") {
        CHECK_EQ(trying, breaker_state::half_open);
        CHECK_EQ(x.state(), breaker_state::closed);
        CHECK(x.proven());
        CHECK(!x.cause());
        CHECK_LT(x.retry_at(), start);
        CHECK_EQ(fail(x, 1, now), std::vector<duration>({100ms}));
      }
    }
  }
}

SCENARIO("a server is in question while it is tried and nothing is known") {
  GIVEN("a server that has accepted one connect while another one hangs") {
    circuit_breaker x{pool_settings{}};
    x.began(start);
    auto at_first = x.in_question();
    x.began(start + 1s);
    x.ended();
    x.succeeded();
    auto accepted = x.in_question();
    WHEN("a connection is lost") {
      x.doubt(start + 9s);
      THEN("it is in question again, from that moment on") {
        CHECK(at_first);
        CHECK(!accepted);
        CHECK(x.in_question());
        CHECK(x.unanswered_since() == start + 9s);
        x.ended();
        CHECK(!x.in_question());
      }
    }
  }
}

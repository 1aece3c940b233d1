#define CAF_SUITE pool.retry_rules

#include "pool/retry_rules.hpp"

#include <random>
#include <set>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::pool;
using namespace std::chrono_literals;

namespace {

constexpr auto noon = time_point{12h};

failure failed(errc code, outcome effect) {
  failure result;
  result.code = code;
  result.outcome = effect;
  return result;
}

const auto refused_connect = failed(errc::connect_failed, outcome::unavailable);
const auto deadlock = failed(errc::deadlock, outcome::rolled_back);

retry_settings defaults() {
  return {};
}

} // namespace

SCENARIO("what may be repeated follows from the kind of the statement and what is known about the failure") {
  struct row {
    errc code;
    outcome effect;
    bool read;
    bool idempotent_write;
    bool write;
  };
  GIVEN("every code with its outcome") {
    const row table[] = {
        {errc::acquire_timeout, outcome::unavailable, true, true, true},
        {errc::queue_full, outcome::unavailable, true, true, true},
        {errc::connect_failed, outcome::unavailable, true, true, true},
        {errc::server_full, outcome::unavailable, true, true, true},
        {errc::circuit_open, outcome::unavailable, true, true, true},
        {errc::overloaded, outcome::unavailable, true, true, true},
        {errc::shutting_down, outcome::unavailable, false, false, false},
        {errc::connection_lost_unsent, outcome::not_sent, true, true, true},
        {errc::connection_lost, outcome::unknown, true, true, false},
        {errc::pool_gone, outcome::unknown, true, true, false},
        {errc::statement_timeout, outcome::unknown, false, false, false},
        {errc::deadlock, outcome::rolled_back, true, true, true},
        {errc::lock_wait, outcome::rolled_back, true, true, true},
        {errc::conflict, outcome::rolled_back, true, true, true},
        {errc::login_refused, outcome::rejected, false, false, false},
        {errc::invalid_statement, outcome::rejected, false, false, false},
        {errc::server_error, outcome::rejected, false, false, false},
        {errc::read_only_server, outcome::unavailable, true, true, true},
        {errc::interrupted, outcome::rejected, false, false, false},
        {errc::session_ended, outcome::rejected, false, false, false},
        {errc::result_too_large, outcome::rejected, false, false, false},
        {errc::invalid_setting, outcome::rejected, false, false, false},
        {errc::internal, outcome::rejected, false, false, false},
        {errc::transaction_ended, outcome::unknown, false, false, false},
        {errc::invalid_job, outcome::rejected, false, false, false},
        {errc::no_such_job, outcome::rejected, false, false, false},
    };
    CHECK_EQ(std::size(table), static_cast<size_t>(errc::no_such_job));
    WHEN("a statement of each kind failed with it") {
      THEN("it may be repeated as the table says") {
        for (auto& x : table) {
          MESSAGE(to_string(x.code));
          auto error = failed(x.code, x.effect);
          CHECK_EQ(may_repeat(statement_kind::read, error), x.read);
          CHECK_EQ(may_repeat(statement_kind::idempotent_write, error), x.idempotent_write);
          CHECK_EQ(may_repeat(statement_kind::write, error), x.write);
        }
      }
    }
  }
}

SCENARIO("what may have run is repeated only if that does no harm and what went wrong may be over") {
  GIVEN("every code with the outcome unknown") {
    const std::set<errc> transient{errc::acquire_timeout, errc::queue_full,   errc::connect_failed,
                                   errc::server_full,     errc::circuit_open, errc::overloaded,
                                   errc::connection_lost, errc::deadlock,     errc::connection_lost_unsent,
                                   errc::lock_wait,       errc::conflict,     errc::read_only_server,
                                   errc::pool_gone};
    WHEN("a read and an idempotent write failed with it") {
      THEN("losses, collisions and refusals of the pool are repeated, refusals of the server are not") {
        for (auto i = 1; i <= static_cast<int>(errc::no_such_job); ++i) {
          auto code = static_cast<errc>(i);
          MESSAGE(to_string(code));
          for (auto kind : {statement_kind::read, statement_kind::idempotent_write})
            CHECK_EQ(may_repeat(kind, failed(code, outcome::unknown)), transient.contains(code));
        }
      }
    }
  }
}

SCENARIO("once an attempt may have run, no later failure says that the request has not") {
  GIVEN("failures of a last attempt with every outcome") {
    WHEN("an earlier attempt may have run") {
      THEN("the outcome is unknown and the text says why; all else stays") {
        for (auto effect : {outcome::not_sent, outcome::rolled_back, outcome::rejected, outcome::unavailable}) {
          auto last = failed(errc::queue_full, effect);
          last.text = "the queue is full";
          last.number = 7;
          last.retry_after = 3s;
          auto wanted = last;
          wanted.outcome = outcome::unknown;
          wanted.text = "the queue is full; an earlier attempt was sent and may have taken effect";
          CHECK(after_doubt(last) == wanted);
          CHECK(after_doubt(wanted) == wanted);
        }
      }
    }
  }
}

SCENARIO("a write of unknown outcome is never repeated, whatever the code") {
  GIVEN("all codes with the outcome unknown") {
    WHEN("a write failed with them") {
      auto repeated = 0;
      for (auto i = 1; i <= static_cast<int>(errc::no_such_job); ++i)
        repeated += may_repeat(statement_kind::write, failed(static_cast<errc>(i), outcome::unknown));
      THEN("none is repeated") {
        CHECK_EQ(repeated, 0);
      }
    }
  }
}

SCENARIO("the delays before retries are 1, 2, 4, 8 and 16 seconds, and then the error is final") {
  GIVEN("the default rules") {
    WHEN("a statement fails again and again") {
      std::vector<std::optional<duration>> delays;
      for (uint32_t attempts = 1; attempts <= 6; ++attempts)
        delays.push_back(retry_delay(defaults(), {statement_kind::read, attempts}, refused_connect, noon, 0.5));
      THEN("five retries are made") {
        CHECK(delays == std::vector<std::optional<duration>>({1s, 2s, 4s, 8s, 16s, std::nullopt}));
      }
    }
  }
}

SCENARIO("what has lost its connection is repeated soon, and then like all others") {
  GIVEN("the default rules, and others with a short delay") {
    auto lost = failed(errc::connection_lost, outcome::unknown);
    retry_settings hasty{5, 10ms, 1s};
    WHEN("a read fails by a loss, and again") {
      THEN("the first retry comes within 50 ms or the delay, if that is shorter") {
        CHECK(retry_delay(defaults(), {statement_kind::read, 1}, lost, noon, 0.5) == duration{25ms});
        CHECK(retry_delay(hasty, {statement_kind::read, 1}, lost, noon, 0.5) == duration{10ms});
        CHECK(retry_delay(defaults(), {statement_kind::read, 2}, lost, noon, 0.5) == duration{2s});
        CHECK(!retry_delay(defaults(), {statement_kind::read, 6}, lost, noon, 0.5));
      }
    }
  }
}

SCENARIO("the delays grow no further than their limit") {
  GIVEN("rules for ten retries") {
    auto rules = defaults();
    rules.max_retries = 10;
    WHEN("a statement fails for the sixth, the seventh and the tenth time") {
      THEN("the delay is 30 seconds") {
        for (uint32_t attempts : {6, 7, 10})
          CHECK(retry_delay(rules, {statement_kind::read, attempts}, refused_connect, noon, 0.5) == duration{30s});
        CHECK(!retry_delay(rules, {statement_kind::read, 11}, refused_connect, noon, 0.5));
      }
    }
  }
}

SCENARIO("with no retries every error is final") {
  GIVEN("rules for no retries") {
    auto rules = defaults();
    rules.max_retries = 0;
    WHEN("a read fails for the first time, even by a deadlock") {
      THEN("it is not repeated") {
        CHECK(!retry_delay(rules, {statement_kind::read, 1}, refused_connect, noon, 0.5));
        CHECK(!retry_delay(rules, {statement_kind::read, 1}, deadlock, noon, 0.5));
      }
    }
  }
}

SCENARIO("what must not be repeated gets no delay") {
  GIVEN("the default rules") {
    WHEN("a write is lost, and a statement is refused") {
      auto lost = retry_delay(defaults(), {statement_kind::write, 1}, failed(errc::connection_lost, outcome::unknown),
                              noon, 0.5);
      auto refused =
          retry_delay(defaults(), {statement_kind::read, 1}, failed(errc::server_error, outcome::rejected), noon, 0.5);
      THEN("both errors are final") {
        CHECK(!lost);
        CHECK(!refused);
      }
    }
  }
}

SCENARIO("a pool that has too much to do is final without a time of the caller's own, a server that is away is not") {
  struct row {
    errc code;
    outcome effect;
    bool without_time;
  };
  GIVEN("all that a pool answers without having sent anything") {
    const row table[] = {
        {errc::acquire_timeout, outcome::unavailable, false}, {errc::queue_full, outcome::unavailable, false},
        {errc::overloaded, outcome::unavailable, false},      {errc::circuit_open, outcome::unavailable, true},
        {errc::connect_failed, outcome::unavailable, true},   {errc::server_full, outcome::unavailable, true},
        {errc::read_only_server, outcome::unavailable, true}, {errc::connection_lost_unsent, outcome::not_sent, true},
    };
    WHEN("a statement failed with it, without a time of its own, with enough, and with too little") {
      THEN("it is repeated as the table says; with enough time always, with too little never") {
        for (auto& x : table) {
          MESSAGE(to_string(x.code));
          auto error = failed(x.code, x.effect);
          auto after = [&](time_point deadline) {
            return retry_delay(defaults(), {statement_kind::write, 1, deadline}, error, noon, 0.5);
          };
          CHECK_EQ(after(time_point::max()).has_value(), x.without_time);
          CHECK(after(noon + 1s + 1ns) == duration{1s});
          CHECK(!after(noon + 1s));
        }
      }
    }
  }
}

SCENARIO("delays of any length make sums of none") {
  GIVEN("the longest and negative delays") {
    auto longest = retry_settings{5, duration::max(), duration::max()};
    auto negative = retry_settings{5, -1s, duration::min()};
    THEN("a retry in ever so long is none, and none comes before now") {
      CHECK(!retry_delay(longest, {statement_kind::read, 2}, refused_connect, noon, 0.5));
      for (uint32_t attempts = 1; attempts <= 5; ++attempts)
        CHECK(retry_delay(negative, {statement_kind::read, attempts}, refused_connect, noon, 0.5) == duration{0s});
    }
  }
}

SCENARIO("no attempt starts at or after the statement's deadline") {
  GIVEN("a statement that failed for the second time, with some time left") {
    auto with_left = [](duration left) {
      return retry_delay(defaults(), {statement_kind::read, 2, noon + left}, refused_connect, noon, 0.5);
    };
    WHEN("the time left is more than the delay, exactly that, less, and none") {
      THEN("it is repeated only in the first case") {
        CHECK(with_left(2s + 1ns) == duration{2s});
        CHECK(!with_left(2s));
        CHECK(!with_left(1s));
        CHECK(!with_left(0s));
        CHECK(!with_left(-1h));
      }
    }
  }
}

SCENARIO("deadlocks, lock waits and conflicts are repeated after less than 50 ms, each time") {
  GIVEN("a thousand random numbers") {
    std::minstd_rand rng{1};
    std::uniform_real_distribution<> below_one{0.0, 1.0};
    WHEN("a statement was rolled back for the first time or the fifth") {
      auto shortest = duration{1h};
      auto longest = duration{0};
      auto refused = 0;
      for (auto i = 0; i < 1000; ++i)
        for (auto code : {errc::deadlock, errc::lock_wait, errc::conflict})
          for (uint32_t attempts : {1, 5}) {
            auto delay = retry_delay(defaults(), {statement_kind::write, attempts}, failed(code, outcome::rolled_back),
                                     noon, below_one(rng));
            refused += !delay;
            shortest = std::min(shortest, delay.value_or(0s));
            longest = std::max(longest, delay.value_or(0s));
          }
      THEN("the delays are spread over 50 ms") {
        CHECK_EQ(refused, 0);
        CHECK_GE(shortest, duration{0});
        CHECK_LT(shortest, duration{1ms});
        CHECK_GT(longest, duration{49ms});
        CHECK_LT(longest, duration{50ms});
      }
    }
  }
}

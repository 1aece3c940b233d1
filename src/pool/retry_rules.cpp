#include "pool/retry_rules.hpp"

#include "pool/backoff.hpp"

#include <algorithm>

namespace cenote::pool {

bool may_repeat(statement_kind kind, const failure& why) {
  switch (why.what) {
  case outcome::not_sent:
  case outcome::rolled_back:
    return true;
  case outcome::unknown:
    // A statement that used up its time would do so again, as would one that ends its transaction, and a pool that has
    // ended does not come back.
    return kind != statement_kind::write && why.code != errc::statement_timeout && why.code != errc::pool_gone
           && why.code != errc::transaction_ended;
  case outcome::unavailable:
    return why.code != errc::shutting_down;
  case outcome::rejected:
    return false;
  }
  return false;
}

namespace {

/// Long enough for those that failed together not to come back together.
constexpr auto a_moment = std::chrono::milliseconds{50};

} // namespace

std::optional<duration> retry_delay(const retry_settings& rules, const failed_attempt& what, const failure& why,
                                    time_point now, double random) {
  if (what.attempts > what.max_retries.value_or(rules.max_retries) || !may_repeat(what.kind, why))
    return std::nullopt;
  auto soon = std::chrono::duration_cast<duration>(a_moment * random);
  auto later = exponential_delay(rules.initial_delay, rules.max_delay, what.attempts);
  auto first_loss = why.code == errc::connection_lost && what.attempts == 1;
  auto delay = why.what == outcome::rolled_back ? soon
               : first_loss                     ? std::min(soon, later)
                                                : std::max<duration>(later, why.retry_after);
  if (what.deadline - now <= delay)
    return std::nullopt;
  return delay;
}

} // namespace cenote::pool

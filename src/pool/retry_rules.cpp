#include "pool/retry_rules.hpp"

#include "pool/backoff.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

namespace {

/// Whether the cause may be gone at the next attempt. A statement that used up its time would do so again, a procedure
/// that the server refused would be refused again. A pool that has ended does not come back, and the retrier ends with
/// it; a pool of other processes goes on at another node.
bool is_transient(errc code) {
  switch (code) {
  case errc::acquire_timeout: // Of an attempt after one that may have run.
  case errc::queue_full:
  case errc::connect_failed:
  case errc::server_full:
  case errc::circuit_open:
  case errc::overloaded:
  case errc::connection_lost:
  case errc::connection_lost_unsent:
  case errc::pool_gone:
  case errc::deadlock:
  case errc::lock_wait:
  case errc::conflict:
  case errc::read_only_server:
    return true;
  default:
    return false;
  }
}

/// Whether other sessions were in the way, which will soon be done.
bool is_collision(errc code) {
  return code == errc::deadlock || code == errc::lock_wait || code == errc::conflict;
}

} // namespace

bool may_repeat(statement_kind kind, const failure& error) {
  switch (error.outcome) {
  case outcome::not_sent:
  case outcome::rolled_back:
    return true;
  case outcome::unknown:
    return kind != statement_kind::write && is_transient(error.code);
  case outcome::unavailable:
    return error.code != errc::shutting_down;
  case outcome::rejected:
    return false;
  }
  return false;
}

failure after_doubt(failure error) {
  if (error.outcome != outcome::unknown) {
    error.outcome = outcome::unknown;
    error.text += "; an earlier attempt was sent and may have taken effect";
  }
  return error;
}

namespace {

/// Whether the pool could not serve the request within the time, or the queue, that its settings permit.
bool is_full(errc code) {
  return code == errc::acquire_timeout || code == errc::queue_full || code == errc::overloaded;
}

/// Long enough that requests that failed together do not come back together.
constexpr auto max_spread = std::chrono::milliseconds{50};

} // namespace

std::optional<duration> retry_delay(const retry_settings& rules, const failed_attempt& attempt, const failure& error,
                                    time_point now, double random) {
  assert(attempt.attempts >= 1);
  assert(random >= 0 && random < 1);
  if (attempt.attempts > attempt.max_retries.value_or(rules.max_retries) || !may_repeat(attempt.kind, error))
    return std::nullopt;
  if (is_full(error.code) && attempt.deadline == time_point::max())
    return std::nullopt;
  auto soon = std::chrono::duration_cast<duration>(max_spread * random);
  auto later = exponential_delay(rules.initial_delay, rules.max_delay, attempt.attempts);
  // The pool itself waits for the server, or for another node.
  auto first_loss = (error.code == errc::connection_lost || error.code == errc::pool_gone) && attempt.attempts == 1;
  auto delay = error.outcome == outcome::rolled_back || is_collision(error.code) ? soon
               : first_loss                                                      ? std::min(soon, later)
                            : std::max<duration>(later, error.retry_after);
  if (time_left(attempt.deadline, now) <= delay)
    return std::nullopt;
  return delay;
}

} // namespace cenote::pool

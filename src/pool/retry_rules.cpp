#include "pool/retry_rules.hpp"

#include "pool/backoff.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

namespace {

/// Whether what went wrong may be over at the next attempt. A statement that used up its time would do so again, a
/// procedure that the server refused would be refused again, and a pool that has ended does not come back.
bool is_transient(errc x) {
  switch (x) {
  case errc::acquire_timeout: // Of an attempt after one that may have run.
  case errc::queue_full:
  case errc::connect_failed:
  case errc::server_full:
  case errc::circuit_open:
  case errc::overloaded:
  case errc::connection_lost:
  case errc::connection_lost_unsent:
  case errc::deadlock:
  case errc::lock_wait:
  case errc::conflict:
  case errc::read_only_server:
    return true;
  default:
    return false;
  }
}

/// Whether others stood in the way, who will soon be gone.
bool is_collision(errc x) {
  return x == errc::deadlock || x == errc::lock_wait || x == errc::conflict;
}

} // namespace

bool may_repeat(statement_kind kind, const failure& why) {
  switch (why.outcome) {
  case outcome::not_sent:
  case outcome::rolled_back:
    return true;
  case outcome::unknown:
    return kind != statement_kind::write && is_transient(why.code);
  case outcome::unavailable:
    return why.code != errc::shutting_down;
  case outcome::rejected:
    return false;
  }
  return false;
}

failure after_doubt(failure why) {
  if (why.outcome != outcome::unknown) {
    why.outcome = outcome::unknown;
    why.text += "; an earlier attempt was sent and may have taken effect";
  }
  return why;
}

namespace {

/// Whether the pool has not been able to serve the request in the time, or in the room, that its settings give it.
bool is_full(errc code) {
  return code == errc::acquire_timeout || code == errc::queue_full || code == errc::overloaded;
}

/// Long enough for those that failed together not to come back together.
constexpr auto a_moment = std::chrono::milliseconds{50};

} // namespace

std::optional<duration> retry_delay(const retry_settings& rules, const failed_attempt& what, const failure& why,
                                    time_point now, double random) {
  assert(what.attempts >= 1);
  assert(random >= 0 && random < 1);
  if (what.attempts > what.max_retries.value_or(rules.max_retries) || !may_repeat(what.kind, why))
    return std::nullopt;
  if (is_full(why.code) && what.deadline == time_point::max())
    return std::nullopt;
  auto soon = std::chrono::duration_cast<duration>(a_moment * random);
  auto later = exponential_delay(rules.initial_delay, rules.max_delay, what.attempts);
  auto first_loss = why.code == errc::connection_lost && what.attempts == 1;
  auto delay = why.outcome == outcome::rolled_back || is_collision(why.code) ? soon
               : first_loss                                                  ? std::min(soon, later)
                            : std::max<duration>(later, why.retry_after);
  if (time_left(what.deadline, now) <= delay)
    return std::nullopt;
  return delay;
}

} // namespace cenote::pool

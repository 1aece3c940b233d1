#include "pool/circuit_breaker.hpp"

#include "pool/backoff.hpp"

#include <cassert>

namespace cenote::pool {

namespace {

/// Fewer failed connects in a row may be an accident.
constexpr size_t min_failures = 3;

/// A refused login is repeated at intervals of up to so many times `max_reconnect_delay`: servers lock accounts.
constexpr int rarity_of_logins = 60;

} // namespace

void circuit_breaker::began(time_point now) {
  if (trying_++ == 0)
    unanswered_since_ = now;
}

void circuit_breaker::ended() {
  assert(trying_ > 0);
  --trying_;
}

void circuit_breaker::succeeded() {
  proven_ = true;
  open_ = false;
  failures_ = 0;
  retry_at_ = time_point::min();
  cause_.reset();
}

void circuit_breaker::forget_failures() {
  open_ = false;
  failures_ = 0;
  retry_at_ = time_point::min();
  cause_.reset();
}

void circuit_breaker::doubt(time_point now) {
  if (!proven_)
    return;
  proven_ = false;
  unanswered_since_ = now;
}

void circuit_breaker::failed(const failure& error, time_point now, double random) {
  assert(random >= 0 && random < 1);
  doubt(now);
  auto refused = error.code == errc::login_refused;
  auto was_refused = cause_ && cause_->code == errc::login_refused;
  if (!cause_)
    failing_since_ = now;
  cause_ = error;
  // Connects that were under way together count as one.
  if (now < retry_at_)
    return;
  // Refused logins have delays of their own; after another kind of failure they start anew, and vice versa.
  failures_ = open_ && refused != was_refused ? 1 : failures_ + 1;
  auto too_long = opens_after_ > duration::zero() && failures_ >= min_failures && now - failing_since_ >= opens_after_;
  if (!open_ && (refused || too_long)) {
    open_ = true;
    failures_ = 1;
  }
  retry_at_ = later(now, next_delay(random));
}

duration circuit_breaker::next_delay(double random) const {
  assert(cause_ && failures_ >= 1);
  if (cause_->code == errc::login_refused)
    return exponential_delay(max_delay_, times(max_delay_, rarity_of_logins), failures_);
  // While it is closed, little more than the first delay: within that, a server that is back is noticed.
  auto max_delay = open_ ? max_delay_ : std::min(times(first_delay_, 3) / 2, max_delay_);
  auto full = exponential_delay(first_delay_, max_delay, failures_);
  // Minus up to a half, so that several pools do not connect at the same moment.
  return full - std::chrono::duration_cast<duration>(full / 2 * random);
}

breaker_state circuit_breaker::state() const noexcept {
  if (!open_)
    return breaker_state::closed;
  return trying_ > 0 ? breaker_state::half_open : breaker_state::open;
}

} // namespace cenote::pool

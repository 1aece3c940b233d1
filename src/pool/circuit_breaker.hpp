#pragma once

#include "cenote/failure.hpp"
#include "cenote/settings.hpp"
#include "cenote/status.hpp"
#include "pool/request.hpp"

#include <cassert>
#include <cstddef>
#include <optional>

namespace cenote::pool {

/// What is known about connecting to one server, and when to try again.
///
/// Closed: connects are tried again after `reconnect_delay`, at most 1.5 times that, so that a server that is back is
/// noticed at once. Open, after connects have failed for `breaker_after` or a login was refused: connects are tried one
/// at a time and ever more rarely, and no request has to wait for them. A connect that succeeds closes it.
class circuit_breaker {
public:
  explicit circuit_breaker(const pool_settings& rules) { apply(rules); }

  /// Applies new rules; a delay that has begun stays as it is.
  void apply(const pool_settings& rules) {
    first_delay_ = rules.reconnect_delay;
    max_delay_ = rules.max_reconnect_delay;
    opens_after_ = rules.breaker_after;
  }

  /// A connect has begun.
  void began(time_point now);

  /// A connect that had begun is over. Its success is reported separately: it may say nothing about the server.
  void ended();

  /// The server has accepted a connection.
  void succeeded();

  /// A connect has failed, or the server has proved unusable.
  /// @param random from 0 to below 1, for the jitter of the delay.
  void failed(const failure& error, time_point now, double random);

  /// Earlier failures no longer count: the next connect is tried at once.
  void forget_failures();

  /// A connection that was open has been lost: the next connect is tried at once, and alone.
  void doubt(time_point now);

  /// Whether the server is known to accept connections: the last connect succeeded, and nothing has been lost since.
  bool proven() const noexcept { return proven_; }

  /// Whether a connect is under way and it is unknown whether the server will answer.
  bool in_question() const noexcept { return trying_ > 0 && !proven_; }

  /// Since when it has been in question; only if it is.
  time_point unanswered_since() const noexcept {
    assert(in_question());
    return unanswered_since_;
  }

  /// When to try next; the past if at once.
  time_point retry_at() const noexcept { return retry_at_; }

  /// Why the last connect failed; empty if it did not.
  const std::optional<failure>& cause() const noexcept { return cause_; }

  breaker_state state() const noexcept;

private:
  duration next_delay(double random) const;

  duration first_delay_{};
  duration max_delay_{};
  duration opens_after_{};

  bool proven_ = false;
  bool open_ = false;
  size_t trying_ = 0;
  time_point unanswered_since_; ///< The first connect, or the loss of what had been known, whichever is later.
  size_t failures_ = 0;         ///< In a row, since it was opened or closed.
  time_point failing_since_;
  time_point retry_at_ = time_point::min();
  std::optional<failure> cause_;
};

} // namespace cenote::pool

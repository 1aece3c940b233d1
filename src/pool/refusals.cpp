#include "pool/refusals.hpp"

#include <cstdio>
#include <utility>

namespace cenote::pool {

namespace {

std::string number(size_t count) {
  return std::to_string(count);
}

std::string named(const pool_settings& rules) {
  return "pool " + rules.name;
}

/// `(in use 15, waiting 42; last connect error: ...)`
std::string details(const circumstances& now) {
  auto result = " (in use " + number(now.in_use) + ", open " + number(now.open) + ", waiting " + number(now.waiting);
  if (!now.last_connect_error.empty())
    result += "; last connect error: " + now.last_connect_error;
  return result + ")";
}

/// Nothing without a budget.
std::string share(const pool_settings& rules) {
  return rules.budget.connections == 0
             ? ""
             : ", or the share of a budget of " + number(rules.budget.connections) + " connections,";
}

failure refusal(errc code, std::string text, const circumstances& now) {
  failure result;
  result.code = code;
  result.outcome = outcome::unavailable;
  result.text = std::move(text);
  result.waited = now.waited;
  result.last_connect_error = now.last_connect_error;
  return result;
}

} // namespace

failure acquire_timeout(const pool_settings& rules, const circumstances& now) {
  if (now.paused)
    return refusal(errc::acquire_timeout,
                   named(rules) + " is paused, given up after " + to_text(now.waited) + details(now)
                       + "; resume it, or ask again later",
                   now);
  if (now.open == 0)
    return refusal(errc::acquire_timeout,
                   named(rules) + ": no connection could be opened, timed out after " + to_text(now.waited)
                       + details(now) + "; check the server",
                   now);
  return refusal(errc::acquire_timeout,
                 named(rules) + ": limit of size " + number(rules.size) + " overflow " + number(rules.max_overflow)
                     + share(rules) + " reached, timed out after " + to_text(now.waited) + details(now)
                     + "; shorten the statements, or raise pool.size or pool.timeout",
                 now);
}

failure time_has_passed(const pool_settings& rules, const circumstances& now) {
  return refusal(
      errc::acquire_timeout,
      named(rules) + ": the request's own deadline had passed before it arrived; nothing was sent" + details(now), now);
}

failure queue_full(const pool_settings& rules, const circumstances& now) {
  return refusal(errc::queue_full,
                 named(rules) + ": " + number(rules.max_waiting) + " callers are waiting already" + details(now)
                     + "; send fewer requests at a time, or raise pool.max-waiting",
                 now);
}

failure overloaded(const pool_settings& rules, const circumstances& now) {
  return refusal(errc::overloaded,
                 named(rules) + ": overloaded, given up after " + to_text(now.waited) + ": every request of the last "
                     + to_text(rules.shed_interval) + " has waited longer than " + to_text(rules.shed_target)
                     + details(now)
                     + "; send fewer requests, shorten the statements, or raise pool.size or pool.shed-target",
                 now);
}

failure shutting_down(const pool_settings& rules, const circumstances& now) {
  return refusal(errc::shutting_down, named(rules) + " is shutting down" + details(now), now);
}

failure no_connection(const pool_settings& rules, const circumstances& now, const failure& cause, bool breaker_is_open,
                      duration retry_after) {
  auto result = cause;
  result.waited = now.waited;
  result.last_connect_error = cause.text;
  result.retry_after = retry_after;
  if (breaker_is_open && cause.code != errc::login_refused) {
    result.code = errc::circuit_open;
    auto next = retry_after > duration::zero() ? "the next attempt is in " + to_text(retry_after)
                                               : std::string{"an attempt is under way"};
    result.text = named(rules) + ": the circuit breaker is open, no connect has succeeded for more than "
                  + to_text(rules.breaker_after) + "; " + next + "; the last failure: " + cause.text;
  } else {
    result.text = named(rules) + " cannot connect: " + cause.text;
  }
  return result;
}

failure demoted(const std::string& reason) {
  failure result;
  result.code = errc::read_only_server;
  result.outcome = outcome::unavailable;
  result.text = reason;
  return result;
}

failure never_sent(const pool_settings& rules, const circumstances& now, uint32_t attempts, const std::string& reason) {
  auto result = refusal(errc::connection_lost_unsent,
                        named(rules) + ": " + number(attempts)
                            + " connections in turn were dead before the statement could be sent, the last one: "
                            + reason + details(now),
                        now);
  result.outcome = outcome::not_sent;
  result.attempts = attempts;
  return result;
}

std::string to_text(duration span) {
  char buffer[32];
  auto seconds = std::chrono::duration<double>(span).count();
  if (seconds >= 1)
    std::snprintf(buffer, sizeof(buffer), "%.1f s", seconds);
  else if (seconds >= 0.001)
    std::snprintf(buffer, sizeof(buffer), "%.0f ms", seconds * 1e3);
  else
    std::snprintf(buffer, sizeof(buffer), "%.0f us", seconds * 1e6);
  return buffer;
}

} // namespace cenote::pool

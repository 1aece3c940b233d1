#include "cenote/events.hpp"

#include "types/one_line.hpp"

#include <cstdio>

namespace cenote {

namespace {

std::string to_seconds(std::chrono::nanoseconds x) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.3f s", std::chrono::duration<double>(x).count());
  return buffer;
}

std::string connection_text(const pool_event& x) {
  return "connection " + std::to_string(x.connection);
}

std::string session_text(const pool_event& x) {
  if (x.session == session_id{})
    return {};
  return " by " + (x.owner.empty() ? std::string{"a session without a name"} : "session " + detail::one_line(x.owner));
}

std::string body(const pool_event& x) {
  switch (x.kind) {
  case event_kind::connection_opened:
    return connection_text(x) + " opened (session " + std::to_string(x.server_connection_id) + " of the server)";
  case event_kind::connection_closed:
    return connection_text(x) + " closed (" + to_string(x.reason) + ") after " + to_seconds(x.elapsed);
  case event_kind::connection_lost:
    return connection_text(x) + " lost";
  case event_kind::checked_out:
    return connection_text(x) + " checked out" + session_text(x) + " after a wait of " + to_seconds(x.elapsed);
  case event_kind::checked_in:
    return connection_text(x) + " checked in" + session_text(x) + " after " + to_seconds(x.elapsed);
  case event_kind::breaker_changed:
    return "circuit breaker " + to_string(x.breaker);
  case event_kind::disposed:
    return "replacing all connections";
  case event_kind::leak_suspected:
    return connection_text(x) + " held" + session_text(x) + " for " + to_seconds(x.elapsed);
  case event_kind::retried:
    return "retry " + std::to_string(x.attempts) + " in " + to_seconds(x.elapsed);
  case event_kind::paused:
  case event_kind::resumed:
  case event_kind::draining:
    break;
  }
  return to_string(x.kind);
}

} // namespace

std::string to_string(event_kind x) {
  switch (x) {
  case event_kind::connection_opened:
    return "connection_opened";
  case event_kind::connection_closed:
    return "connection_closed";
  case event_kind::connection_lost:
    return "connection_lost";
  case event_kind::checked_out:
    return "checked_out";
  case event_kind::checked_in:
    return "checked_in";
  case event_kind::breaker_changed:
    return "breaker_changed";
  case event_kind::disposed:
    return "disposed";
  case event_kind::leak_suspected:
    return "leak_suspected";
  case event_kind::retried:
    return "retried";
  case event_kind::paused:
    return "paused";
  case event_kind::resumed:
    return "resumed";
  case event_kind::draining:
    return "draining";
  }
  return "invalid event_kind";
}

std::string to_string(close_reason x) {
  switch (x) {
  case close_reason::none:
    return "none";
  case close_reason::idle:
    return "idle";
  case close_reason::aged:
    return "aged";
  case close_reason::disposed:
    return "disposed";
  case close_reason::evicted:
    return "evicted";
  case close_reason::lost:
    return "lost";
  case close_reason::broken:
    return "broken";
  case close_reason::demoted:
    return "demoted";
  case close_reason::drained:
    return "drained";
  }
  return "invalid close_reason";
}

std::string to_string(const pool_event& x) {
  auto out = x.pool.empty() ? std::string{} : "pool " + x.pool + ": ";
  out += body(x);
  if (!x.detail.empty())
    out += ": " + detail::one_line(x.detail);
  return out;
}

} // namespace cenote

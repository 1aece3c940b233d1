#include "cenote/events.hpp"

#include "types/one_line.hpp"

#include <cstdio>

namespace cenote {

namespace {

std::string to_seconds(std::chrono::nanoseconds span) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.3f s", std::chrono::duration<double>(span).count());
  return buffer;
}

std::string connection_text(const pool_event& event) {
  return "connection " + std::to_string(event.connection);
}

std::string session_text(const pool_event& event) {
  if (event.session == session_id{})
    return {};
  return " by "
         + (event.owner.empty() ? std::string{"a session without a name"} : "session " + detail::one_line(event.owner));
}

std::string body(const pool_event& event) {
  switch (event.kind) {
  case event_kind::connection_opened:
    return connection_text(event) + " opened (session " + std::to_string(event.server_connection_id)
           + " of the server)";
  case event_kind::connection_closed:
    return connection_text(event) + " closed (" + to_string(event.reason) + ") after " + to_seconds(event.elapsed);
  case event_kind::connection_lost:
    return connection_text(event) + " lost";
  case event_kind::checked_out:
    return connection_text(event) + " checked out" + session_text(event) + " after a wait of "
           + to_seconds(event.elapsed);
  case event_kind::checked_in:
    return connection_text(event) + " checked in" + session_text(event) + " after " + to_seconds(event.elapsed);
  case event_kind::breaker_changed:
    return "circuit breaker " + to_string(event.breaker);
  case event_kind::disposed:
    return "replacing all connections";
  case event_kind::leak_suspected:
    return connection_text(event) + " held" + session_text(event) + " for " + to_seconds(event.elapsed);
  case event_kind::retried:
    return "retry " + std::to_string(event.attempts) + " in " + to_seconds(event.elapsed);
  case event_kind::paused:
  case event_kind::resumed:
  case event_kind::draining:
    break;
  }
  return to_string(event.kind);
}

} // namespace

std::string to_string(event_kind kind) {
  switch (kind) {
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

std::string to_string(close_reason reason) {
  switch (reason) {
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

std::string to_string(const pool_event& event) {
  auto out = event.pool.empty() ? std::string{} : "pool " + event.pool + ": ";
  out += body(event);
  if (!event.detail.empty())
    out += ": " + detail::one_line(event.detail);
  return out;
}

} // namespace cenote

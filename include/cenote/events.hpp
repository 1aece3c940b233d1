#pragma once

#include "cenote/detail/inspect_enum.hpp"
#include "cenote/session.hpp"
#include "cenote/status.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace cenote {

/// What happened. In parentheses: the fields of `pool_event` that it fills in, beside `pool` and `at`.
enum class event_kind : uint8_t {
  connection_opened, ///< (connection, server_connection_id, detail: the server's version)
  connection_closed, ///< Comes once for every connection that was opened. (connection, reason, detail, elapsed: its
                     ///< age)
  connection_lost,   ///< The server or the network ended it; `connection_closed` follows. (connection, detail: the
                     ///< error)
  checked_out,       ///< A session, a transaction or a statement was granted a connection of its own. Not reported for
                     ///< statements that share one. (connection, session, owner, elapsed: the wait for it)
  checked_in,        ///< That use has ended. (connection, session, owner, elapsed: how long it was held)
  breaker_changed,   ///< (breaker, detail: the last connect error)
  disposed,          ///< All connections are being replaced.
  leak_suspected,    ///< A session is held for longer than `leak_warning`. (session, connection, owner, elapsed,
                     ///< detail: its last statement)
  retried,           ///< A retrier will repeat a request. (attempts, elapsed: the delay, detail: the failure)
  paused,            ///< The pool gives no request a connection until it is resumed.
  resumed,           ///< A pause has ended.
  draining,          ///< The pool takes no new requests. There is no event for its end: monitor it.
};

/// The enumerator's name, for logs.
std::string to_string(event_kind kind);

/// Why a connection was closed.
enum class close_reason : uint8_t {
  none,     ///< It was not closed.
  idle,     ///< It had not been needed for `idle_timeout`.
  aged,     ///< It was older than `recycle`.
  disposed, ///< By `dispose`, or because another connection was lost in use.
  evicted,  ///< By the holder of its session.
  lost,     ///< The server or the network ended it.
  broken,   ///< The pool gave it up: a statement that did not end, a result too large, a session that cannot be reset.
  demoted,  ///< Its server has become read-only.
  drained,  ///< The pool has ended.
};

/// The enumerator's name, for logs.
std::string to_string(close_reason reason);

/// Something that happened to a pool. Fields that an event does not fill in are empty or zero.
struct pool_event {
  event_kind kind = event_kind::connection_opened;    ///< What happened.
  std::string pool;                                   ///< The pool's name; empty if a retrier reports it.
  std::chrono::sys_time<std::chrono::nanoseconds> at; ///< By the clock of the machine that the pool runs on.
  uint64_t connection = 0;                            ///< The pool's number for it, never reused.
  uint64_t server_connection_id = 0;                  ///< The server's number for it, as in its process list.
  session_id session{};                               ///< Zero: it is not about a session.
  std::string owner;                                  ///< See `session_options::owner`.
  close_reason reason = close_reason::none;           ///< Why the connection was closed.
  breaker_state breaker = breaker_state::closed;      ///< The new state of the circuit breaker.
  uint32_t attempts = 0;                              ///< Number of attempts at a request so far.
  std::chrono::nanoseconds elapsed{0};                ///< A time span; `event_kind` says of what.
  std::string detail;                                 ///< For people; never a password.

  bool operator==(const pool_event&) const = default;
};

/// One line for logs: `pool main: connection 3 closed (idle) after 61.0 s`.
std::string to_string(const pool_event& event);

/// The message that subscribers of a pool get, see `subscribe_atom`: events in the order in which they happened.
struct pool_events {
  uint64_t lost = 0;              ///< Number of earlier events that were dropped because the subscriber was too slow.
  std::vector<pool_event> events; ///< At least one, oldest first.

  bool operator==(const pool_events&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, event_kind& x) {
  return detail::inspect_enum(f, x, event_kind::draining);
}

template <class Inspector>
bool inspect(Inspector& f, close_reason& x) {
  return detail::inspect_enum(f, x, close_reason::drained);
}

template <class Inspector>
bool inspect(Inspector& f, pool_event& x) {
  return f.object(x).fields(
      f.field("kind", x.kind), f.field("pool", x.pool), f.field("at", x.at), f.field("connection", x.connection),
      f.field("server-connection-id", x.server_connection_id), f.field("session", x.session), f.field("owner", x.owner),
      f.field("reason", x.reason), f.field("breaker", x.breaker), f.field("attempts", x.attempts),
      f.field("elapsed", x.elapsed), f.field("detail", x.detail));
}

template <class Inspector>
bool inspect(Inspector& f, pool_events& x) {
  return f.object(x).fields(f.field("lost", x.lost), f.field("events", x.events));
}

} // namespace cenote

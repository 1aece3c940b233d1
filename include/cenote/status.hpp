#pragma once

#include "cenote/detail/inspect_enum.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace cenote {

/// Whether it is worth waiting for a connection that has still to be opened.
enum class breaker_state : uint8_t {
  closed,    ///< Yes.
  open,      ///< No: connects have failed for long, or a login was refused. Requests fail at once.
  half_open, ///< The same, but a connect is being tried at the moment; if it succeeds, the breaker closes.
};

/// The enumerator's name, for logs.
std::string to_string(breaker_state x);

/// The state of a pool at one moment.
struct pool_status {
  std::string pool;     ///< The pool's name.
  std::string endpoint; ///< Its server, without credentials.

  bool initialized = false;       ///< A connection has been opened since the start, and the pool has not been stopped.
  bool draining = false;          ///< It takes no new requests.
  bool paused = false;            ///< It grants no request a connection.
  uint64_t pool_size = 0;         ///< Connections it keeps open: the setting `size`.
  uint64_t checked_in = 0;        ///< Open and free (being pinged included).
  uint64_t checked_out = 0;       ///< Open and in use.
  uint64_t in_flight = 0;         ///< Requests that have a connection: more than `checked_out` if some share one.
  uint64_t overflow = 0;          ///< Open beyond `pool_size`.
  uint64_t total_connections = 0; ///< `checked_in + checked_out`.
  uint64_t waiting = 0;           ///< Callers in the queue: more than `max_waiting` if some had a connection already.
  uint64_t connecting = 0;        ///< Connects under way.
  uint64_t limit = 0;             ///< Connections it may have: size and overflow, or less while the server is full, or
                                  ///< while its share of a budget is smaller.
  uint64_t budget = 0;            ///< The setting `budget.connections`; zero: there is no budget.
  uint64_t share = 0;             ///< Its share of that, the connection from which it stops statements included.
  uint64_t generation = 0;        ///< Raised by each `dispose` and each connection lost in use.
  std::string last_error;         ///< The last failed connect or lost connection; empty: none so far.
  /// Whether callers are made to wait for a server that is down.
  breaker_state breaker = breaker_state::closed;

  // Since the start. Requests of `verify`, on behalf of operators and of the pool's owner, are not counted.
  uint64_t served = 0;    ///< Requests that were granted a connection.
  uint64_t timed_out = 0; ///< Requests that waited too long.
  uint64_t refused = 0;   ///< Requests turned away: queue full, shutting down, no connect possible.
  uint64_t shed = 0;      ///< Requests refused because of overload.
  uint64_t connects = 0;  ///< Connections opened.
  uint64_t lost = 0;      ///< Connections that broke, in use or idle.

  bool operator==(const pool_status&) const = default;
};

/// One line: `pool main: size 10, checked in 9, checked out 1, overflow 0, waiting 0, ...`.
std::string to_string(const pool_status& x);

/// The answer to `verify`: one round trip to the server was made.
struct verification {
  std::string server_version;          ///< As the server reports it: `10.11.19-MariaDB-...`.
  uint64_t server_connection_id = 0;   ///< Of the connection that was used.
  std::chrono::nanoseconds elapsed{0}; ///< From the request to the answer, the wait for a connection included.
  bool operator==(const verification&) const = default;
};

/// The answer to `drain`.
struct drain_report {
  /// Requests that were running or waiting when the drain began and have ended by themselves since: with results, with
  /// an error of the server, or at their own time limit. A session is one request.
  uint64_t finished = 0;
  /// Requests still running or waiting when the time was up. Requests in neither number were not granted a connection
  /// in time, or lost it.
  uint64_t cut = 0;
  bool operator==(const drain_report&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, breaker_state& x) {
  return detail::inspect_enum(f, x, breaker_state::half_open);
}

template <class Inspector>
bool inspect(Inspector& f, pool_status& x) {
  return f.object(x).fields(
      f.field("pool", x.pool), f.field("endpoint", x.endpoint), f.field("initialized", x.initialized),
      f.field("draining", x.draining), f.field("paused", x.paused), f.field("pool-size", x.pool_size),
      f.field("checked-in", x.checked_in), f.field("checked-out", x.checked_out), f.field("in-flight", x.in_flight),
      f.field("overflow", x.overflow), f.field("total-connections", x.total_connections), f.field("waiting", x.waiting),
      f.field("connecting", x.connecting), f.field("limit", x.limit), f.field("budget", x.budget),
      f.field("share", x.share), f.field("generation", x.generation), f.field("last-error", x.last_error),
      f.field("breaker", x.breaker), f.field("served", x.served), f.field("timed-out", x.timed_out),
      f.field("refused", x.refused), f.field("shed", x.shed), f.field("connects", x.connects), f.field("lost", x.lost));
}

template <class Inspector>
bool inspect(Inspector& f, verification& x) {
  return f.object(x).fields(f.field("server-version", x.server_version),
                            f.field("server-connection-id", x.server_connection_id), f.field("elapsed", x.elapsed));
}

template <class Inspector>
bool inspect(Inspector& f, drain_report& x) {
  return f.object(x).fields(f.field("finished", x.finished), f.field("cut", x.cut));
}

} // namespace cenote

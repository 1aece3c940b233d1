#pragma once

#include "cenote/detail/inspect_enum.hpp"
#include "cenote/session.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace cenote {

/// What a connection of a pool is doing.
enum class connection_activity : uint8_t {
  connecting, ///< It is being opened.
  idle,       ///< Free.
  checking,   ///< Pinged, before use or to keep it alive.
  shared,     ///< Used by statements that are sent one behind the other.
  in_use,     ///< Used by one statement or transaction exclusively.
  session,    ///< Held by a session, whether or not that runs a statement.
  stopping,   ///< Its statement is being stopped on the server, as its result is no longer needed.
  resetting,  ///< Reset to its initial state after a use.
  closing,    ///< Being closed.
};

/// One connection of a pool at one moment.
struct connection_details {
  uint64_t id = 0;                                                ///< The pool's number, as in its log and its events.
  connection_activity activity = connection_activity::connecting; ///< What it does.
  std::string server;                                             ///< Its server, without credentials.
  uint64_t server_connection_id = 0;  ///< The server's number (`CONNECTION_ID()`); zero while it is being opened.
  std::chrono::nanoseconds age{0};    ///< Since it was opened; while it is being opened, since that began.
  std::chrono::nanoseconds unused{0}; ///< Since it last served a request; zero unless it is idle or checked.
  uint64_t answered = 0;              ///< Requests that it has answered.
  std::string statement; ///< That the server runs: its beginning, without parameters, or only its first word if it may
                         ///< contain a password. Empty if none.
  std::chrono::nanoseconds running{0}; ///< For how long it has been running.

  bool operator==(const connection_details&) const = default;
};

/// One session at one moment.
struct session_details {
  session_id id{};                     ///< Its name.
  uint64_t connection = 0;             ///< The pool's number of its connection.
  std::string owner;                   ///< See `session_options`; may be empty.
  std::string holder;                  ///< The actor that holds it, as CAF prints it.
  std::chrono::nanoseconds age{0};     ///< Since it was checked out.
  bool in_transaction = false;         ///< According to the last report of the server.
  std::string last_statement;          ///< In the form of `connection_details::statement`.
  std::chrono::nanoseconds running{0}; ///< For how long it has been running; zero if it is done.

  bool operator==(const session_details&) const = default;
};

/// The connections and sessions of a pool, as `details_atom` answers them.
struct pool_details {
  std::vector<connection_details> connections; ///< By their numbers.
  std::vector<session_details> sessions;       ///< The one that is held longest first.

  bool operator==(const pool_details&) const = default;
};

/// The measurements of all statements that differ only in their literals.
struct statement_summary {
  /// The statement with `?` for each literal, or for a list of them; without comments, cut after 1024 bytes. For a
  /// transaction, all of its statements.
  std::string digest;

  uint64_t calls = 0;                ///< Answered so far, failures included.
  uint64_t errors = 0;               ///< Those that failed.
  uint64_t rows = 0;                 ///< Rows that were returned or changed.
  std::chrono::nanoseconds total{0}; ///< Of the times from the grant of a connection to the answer.
  std::chrono::nanoseconds p99{0};   ///< 99 of 100 took no longer; up to 25 % too high.
  std::chrono::nanoseconds max{0};   ///< The longest.

  /// The average time; zero without calls.
  std::chrono::nanoseconds mean() const { return calls == 0 ? total : total / static_cast<int64_t>(calls); }

  bool operator==(const statement_summary&) const = default;
};

/// The name of the activity: `in_use`.
std::string to_string(connection_activity x);

template <class Inspector>
bool inspect(Inspector& f, connection_activity& x) {
  return detail::inspect_enum(f, x, connection_activity::closing);
}

template <class Inspector>
bool inspect(Inspector& f, connection_details& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("activity", x.activity), f.field("server", x.server),
                            f.field("server-connection-id", x.server_connection_id), f.field("age", x.age),
                            f.field("unused", x.unused), f.field("answered", x.answered),
                            f.field("statement", x.statement), f.field("running", x.running));
}

template <class Inspector>
bool inspect(Inspector& f, session_details& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("connection", x.connection), f.field("owner", x.owner),
                            f.field("holder", x.holder), f.field("age", x.age),
                            f.field("in-transaction", x.in_transaction), f.field("last-statement", x.last_statement),
                            f.field("running", x.running));
}

template <class Inspector>
bool inspect(Inspector& f, pool_details& x) {
  return f.object(x).fields(f.field("connections", x.connections), f.field("sessions", x.sessions));
}

template <class Inspector>
bool inspect(Inspector& f, statement_summary& x) {
  return f.object(x).fields(f.field("digest", x.digest), f.field("calls", x.calls), f.field("errors", x.errors),
                            f.field("rows", x.rows), f.field("total", x.total), f.field("p99", x.p99),
                            f.field("max", x.max));
}

} // namespace cenote

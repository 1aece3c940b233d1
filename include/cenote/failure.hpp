#pragma once

#include "cenote/detail/inspect_enum.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cenote {

/// What is known about a request that failed. It alone decides what may be done next.
enum class outcome : uint8_t {
  not_sent,    ///< It never reached the server: repeating it is always safe.
  rolled_back, ///< The server undid it: repeat the statement, or the whole transaction it belonged to.
  unknown,     ///< It may have run: repeat it only if it is a read or an idempotent write.
  rejected,    ///< The server, or cenote, refused it: repeating it gives the same error.
  unavailable, ///< The pool could not serve it in time and never sent it: repeat it later.
};

/// What went wrong. Each code has the outcome under which it stands here, with the exceptions named; what happens in a
/// transaction before its COMMIT is `rolled_back` where it would be `unknown` or `not_sent` otherwise. Whatever the
/// code, the outcome is `unknown` where something may have stayed: after any error of a statement that can commit in
/// its middle (CALL, EXECUTE, a compound statement, `DROP TABLE a, b`), if tables without transactions were written to,
/// and if an earlier attempt of the same request may have run.
enum class errc : uint8_t {
  // unavailable
  acquire_timeout = 1, ///< No connection came free within the time allowed.
  queue_full,          ///< Too many requests wait already.
  shutting_down,       ///< The pool drains or has stopped.
  connect_failed,      ///< No connection is open and none can be opened.
  server_full,         ///< The same, because the server has as many sessions as it permits.
  circuit_open,        ///< Connects have failed for so long that requests no longer wait for one.
  overloaded,          ///< Given up to shorten a queue in which every request waited for too long.
  // not_sent
  connection_lost_unsent, ///< The connection broke before the statement was handed over, or the server, a Galera node
                          ///< that is not ready, refuses every statement.
  // unknown
  connection_lost, ///< The connection broke after the statement was sent.
  pool_gone,       ///< The pool, or the node it runs on, ended before it answered, or the caller stopped waiting (CAF's
                   ///< timeout of a request).
  statement_timeout, ///< The statement's own time limit passed while it ran.
  // rolled_back
  deadlock,  ///< The server chose this statement or transaction as the victim of a deadlock.
  lock_wait, ///< A lock was not granted in time.
  conflict,  ///< The row changed since the transaction's snapshot was taken.
  // rejected
  login_refused,     ///< Wrong password, unknown database, no grant, an `init_command` or a session setting that the
                     ///< server refuses: connecting is useless until that is changed.
  invalid_statement, ///< Refused before anything was sent: parameters, size, a NUL, statements for which a session has
                     ///< messages of its own.
  server_error,      ///< The server refused the statement: syntax, constraint, missing table, privilege ... If it was
                     ///< the commit that failed on the server (1180): unknown.
  read_only_server,  ///< The server does not accept writes: unavailable. In a read-only transaction of one's own:
                     ///< rejected.
  interrupted,       ///< The statement was stopped on the server, by a session or by its server-side time limit.
  session_ended,     ///< The session was checked in, its time limit passed, or its connection was lost: nothing was
                     ///< sent. Rolled back if that has ended an open transaction. A statement that ran when the session
                     ///< ended: rolled back if that is certain, otherwise unknown.
  result_too_large,  ///< The result exceeds `max-result-bytes`. A read is rejected; a write may have run: unknown.
  // configuration and use
  invalid_setting, ///< A setting is missing, unknown, of the wrong type or out of range.
  internal,        ///< A defect of cenote. Please report it.
  // unknown
  transaction_ended, ///< The transaction had ended without a request to end it: by DDL, LOCK TABLES, a COMMIT in a
                     ///< procedure ... Unknown if its earlier statements may have been committed; rolled back if the
                     ///< server has certainly undone them. `statement_index` says which of its statements it was. Or a
                     ///< statement outside of a session left one open, which was rolled back: unknown, or rejected if
                     ///< nothing can have been committed.
  // rejected
  invalid_job, ///< A job, a batch or a schedule that cannot be stored, or a payload that cannot be read.
  no_such_job, ///< No job has this id, or it is not in a state that allows what was asked for.
};

/// @name Names
/// @{

/// The enumerator's name as it appears in logs and errors.
std::string to_string(outcome x);
std::string to_string(errc x);
/// @}

/// Everything cenote knows about a request that failed. Travels inside `caf::error`; see `cenote/error.hpp`.
struct failure {
  errc code = errc::internal;                         ///< What went wrong.
  cenote::outcome outcome = cenote::outcome::unknown; ///< What is known about the request's effects.

  uint32_t number = 0;     ///< The server's or Connector/C's error number; zero if neither was asked.
  std::string sqlstate;    ///< Five characters, or empty if `number` is zero.
  std::string text;        ///< What happened, for people; says what to change where that is known. Never a password.
  std::string server_text; ///< The server's or Connector/C's message, word for word; empty if neither was asked.

  uint32_t attempts = 1;                   ///< Number of attempts at the request.
  std::chrono::nanoseconds waited{0};      ///< Time spent waiting for a connection.
  std::string last_connect_error;          ///< Why the last connect failed, if that matters here.
  std::chrono::nanoseconds retry_after{0}; ///< Trying again earlier is useless; zero: unknown.
  std::optional<uint32_t> statement_index; ///< Which statement of a transaction failed, counted from 0.

  bool operator==(const failure&) const = default;
};

/// One line for logs and terminals: the text, and in parentheses number, sqlstate and outcome where there are any.
std::string to_string(const failure& reason);

template <class Inspector>
bool inspect(Inspector& f, outcome& x) {
  return detail::inspect_enum(f, x, outcome::unavailable);
}

template <class Inspector>
bool inspect(Inspector& f, errc& x) {
  return detail::inspect_enum(f, x, errc::no_such_job);
}

template <class Inspector>
bool inspect(Inspector& f, failure& x) {
  return f.object(x).fields(f.field("code", x.code), f.field("outcome", x.outcome), f.field("number", x.number),
                            f.field("sqlstate", x.sqlstate), f.field("text", x.text),
                            f.field("server-text", x.server_text), f.field("attempts", x.attempts),
                            f.field("waited", x.waited), f.field("last-connect-error", x.last_connect_error),
                            f.field("retry-after", x.retry_after), f.field("statement-index", x.statement_index));
}

} // namespace cenote

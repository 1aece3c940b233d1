#pragma once

#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "cenote/transaction.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

// The seam between what decides (src/connection) and what talks to a server (`db::connection`, or a simulated one).

namespace cenote::db {

/// How far a statement or a connect got before it failed. Says what may be concluded about the server's state.
enum class phase : uint8_t {
  connecting, ///< Resolving, connecting, TLS or login.
  setting_up, ///< Logged in: the server refused or broke off one of the statements that set up the session.
  preparing,  ///< Nothing has been sent.
  sending,    ///< Not everything was handed to the kernel: the server cannot have run it.
  waiting,    ///< Sent; no complete answer.
};

/// Where an error comes from.
enum class error_source : uint8_t {
  server,            ///< The server or Connector/C; `number` says which error.
  invalid_statement, ///< The statement was refused before sending; `number` is zero.
  result_too_large,  ///< The result exceeded `max_result_bytes`; `number` is zero.
  settings,          ///< The settings are unusable until a person corrects them; `number` is zero.
  process_limit,     ///< The process is out of threads or memory; `number` is zero.
  not_prepared,      ///< Of `send` only: the server no longer knows the prepared statement, and has run nothing. It can
                     ///< be sent again at once.
};

/// An error as it was observed; the table in src/pool classifies it.
struct driver_error {
  error_source source = error_source::server;
  db::phase phase = db::phase::preparing;
  uint32_t number = 0;
  std::string sqlstate;
  std::string text;         ///< Never contains the password.
  size_t complete_sets = 0; ///< Result sets that had arrived completely before.
};

/// What an operation waits for.
enum class progress : uint8_t {
  done,       ///< Finished: `take` the outcome.
  want_read,  ///< Call `resume` when the socket is readable.
  want_write, ///< ... writable.
  want_both,  ///< ... either.
};

/// What a connection has done with prepared statements.
struct preparations {
  uint64_t made = 0;            ///< Texts that were prepared, one that was prepared again included.
  bool server_was_full = false; ///< Whether the server had no room for one more, max_prepared_stmt_count.
};

/// An open connection with a server. Nothing here blocks; at most one operation runs at a time, or several statements
/// that are sent one behind the other.
class server_link {
public:
  virtual ~server_link() = default;

  virtual bool is_mariadb() const noexcept = 0;

  /// Checks the socket without a round trip. False if the server closed it or sent unsolicited data. Cannot detect that
  /// the network in between is cut. Only between operations.
  virtual bool alive() const noexcept = 0;

  /// @name Operations
  /// Start one, `resume` until it is done, `take` its outcome.
  /// @{
  virtual progress start_ping() = 0;

  /// Fills in the parameters with the connection's character set and SQL mode, and runs the statement.
  virtual progress start_execute(const statement& request) = 0;

  /// Runs a whole transaction as one compound statement; see `compound.hpp` for when that is possible.
  virtual progress start_compound(const transaction& request) = 0;

  /// Brings the session back into the state in which it was opened: all changes by its user are undone, an open
  /// transaction and the current role included. If this fails the connection is unusable: some changes, such as a
  /// prepared XA transaction, only its end undoes. If merely its database no longer exists, it `lacks_database`.
  virtual progress start_reset() = 0;

  /// Continues after the socket became ready.
  virtual progress resume(bool readable, bool writable) = 0;

  /// The outcome of the finished operation; for a ping an empty result.
  virtual tl::expected<result, driver_error> take() = 0;

  /// The outcome of `start_compound`: one result per statement.
  virtual tl::expected<std::vector<result>, driver_error> take_compound() = 0;
  /// @}

  /// @name Pipelining
  /// Statements may be sent while others wait for their answers, which arrive in the same order. `resume` continues the
  /// first of them until it is done, `take` takes its outcome, `next` continues with the one behind it. The caller
  /// limits how much is in flight: a server that cannot send its answers accepts no more statements.
  /// @{

  /// Queues a statement like that of `start_execute` for sending. Only if `can_send`. Texts that are sent often may be
  /// prepared, which makes no other difference than that to the time.
  /// @returns why it was refused; the others are not affected.
  virtual std::optional<driver_error> send(const statement& request) = 0;

  /// Whether nothing is in flight, or only statements whose answers have not begun to arrive.
  virtual bool can_send() const noexcept = 0;

  /// Hands all queued statements to the system at once, as far as it accepts them. A lost connection shows when the
  /// answers are read.
  virtual void flush() = 0;

  /// While statements are in flight: what the first of them waits for. Uses only data that has already been read from
  /// the socket.
  virtual progress next() = 0;

  /// What was done with prepared statements since it was opened.
  virtual preparations prepared() const noexcept { return {}; }

  /// When the connection is lost: the number of statements, the last ones, that cannot have reached the server.
  virtual size_t unsent() const noexcept = 0;
  /// @}

  /// Whether a transaction is open, or begins with the next statement because autocommit was switched off, as far as
  /// the server has reported: errors do not report it.
  virtual bool in_transaction() const noexcept = 0;

  /// Whether a transaction is open, as far as the server has reported.
  virtual bool has_open_transaction() const noexcept = 0;

  /// Whether something may have changed the session since it was opened or reset, as far as the server reports: a
  /// stored function may do so without a sign in the calling statement. User-level locks and `SET TRANSACTION` are not
  /// reported.
  virtual bool is_touched() const noexcept = 0;

  /// Whether its database did not exist at the last reset. The next one tries again.
  virtual bool lacks_database() const noexcept = 0;

  /// Whether the connection is still in step with the server after an operation: false after a loss, a protocol error
  /// or an oversized result; then it must be destroyed.
  virtual bool usable() const noexcept = 0;
};

} // namespace cenote::db

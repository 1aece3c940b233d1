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
  server,            ///< The server or Connector/C; `number` says what.
  invalid_statement, ///< The statement was refused before sending; `number` is zero.
  result_too_large,  ///< The result passed `max_result_bytes`; `number` is zero.
  settings,          ///< The settings cannot be used, and only a person can mend them; `number` is zero.
  process_limit,     ///< The process has no thread or memory for it; `number` is zero.
};

/// An error as it was observed, not yet classified: that is for the table in src/pool.
struct driver_error {
  error_source source = error_source::server;
  db::phase phase = db::phase::preparing;
  uint32_t number = 0;
  std::string sqlstate;
  std::string text;         ///< Never contains the password.
  size_t complete_sets = 0; ///< Result sets that had come completely before.
};

/// What an operation waits for.
enum class progress : uint8_t {
  done,       ///< Finished: `take` the outcome.
  want_read,  ///< Call `resume` when the socket is readable.
  want_write, ///< ... writable.
  want_both,  ///< ... either.
};

/// An open connection with a server. Nothing here blocks; at most one operation runs at a time, or several statements
/// that are sent one behind the other.
class server_link {
public:
  virtual ~server_link() = default;

  virtual bool is_mariadb() const noexcept = 0;

  /// Looks at the socket without a round trip. False if the server closed it or sent something unasked for. Cannot see
  /// that the network in between is cut. Only between operations.
  virtual bool alive() const noexcept = 0;

  /// @name Operations
  /// Start one, `resume` until it is done, `take` its outcome.
  /// @{
  virtual progress start_ping() = 0;

  /// Fills in the parameters with the connection's character set and SQL mode, and runs the statement.
  virtual progress start_execute(const statement& text) = 0;

  /// Runs a whole transaction as one compound statement; see `compound.hpp` for when that is possible.
  virtual progress start_compound(const transaction& whole) = 0;

  /// Brings the session back into the state in which it was opened: whatever its user has done to it is undone, an open
  /// transaction and the current role included. If this fails the connection is unusable: nothing but its end undoes
  /// some things, a prepared XA transaction for one. If only its database does not exist any more, it
  /// `lacks_database`.
  virtual progress start_reset() = 0;

  /// Continues after the socket became ready.
  virtual progress resume(bool readable, bool writable) = 0;

  /// The outcome of the operation that is done; of a ping an empty result.
  virtual tl::expected<result, driver_error> take() = 0;

  /// The outcome of `start_compound`: one result per statement.
  virtual tl::expected<std::vector<result>, driver_error> take_compound() = 0;
  /// @}

  /// @name Pipelining
  /// Statements may be sent while others wait for their answers, which come in the same order. `resume` goes on with
  /// the first of them until it is done, `take` takes its outcome, `next` goes on with the one behind it. The caller
  /// limits how much is under way: a server that cannot get rid of its answers takes no more statements.
  /// @{

  /// Adds a statement like that of `start_execute` to what is to be sent. Only if `can_send`.
  /// @returns why it was refused; the others are not affected.
  virtual std::optional<driver_error> send(const statement& text) = 0;

  /// Whether nothing is under way, or nothing but statements whose answers have not begun to come.
  virtual bool can_send() const noexcept = 0;

  /// Hands all that is to be sent over to the system, at once, as far as that takes it. Whether the connection is lost
  /// shows when the answers are read.
  virtual void flush() = 0;

  /// While statements are under way: what the first of them waits for. Reads only what has been read from the socket
  /// already.
  virtual progress next() = 0;

  /// When the connection is lost: how many statements, the last ones, the server cannot have got.
  virtual size_t unsent() const noexcept = 0;
  /// @}

  /// Whether a transaction is open, or begins with the next statement because autocommit was switched off, as far as
  /// the server has told: it does not with an error.
  virtual bool in_transaction() const noexcept = 0;

  /// Whether a transaction is open, as far as the server has told.
  virtual bool has_open_transaction() const noexcept = 0;

  /// Whether something may have changed the session since it was opened or reset, as far as the server tells: a stored
  /// function does so without a sign in the text that calls it. User level locks and `SET TRANSACTION` are not noticed.
  virtual bool is_touched() const noexcept = 0;

  /// Whether its database did not exist at the last reset. The next one tries again.
  virtual bool lacks_database() const noexcept = 0;

  /// Whether the connection is still in step with the server after an operation: false after a loss, a protocol error
  /// or an oversized result; then it must be destroyed.
  virtual bool usable() const noexcept = 0;
};

} // namespace cenote::db

#pragma once

#include "cenote/failure.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace cenote::pool {

/// What the holder of a session asks for, as far as its transaction is concerned.
enum class session_step : uint8_t {
  statement, ///< The holder's own text.
  begin,
  commit,
  rollback,
  savepoint, ///< Sets one, or goes back to one.
};

/// Whether the statement, as its text says, begins or ends a transaction and does nothing else: what sessions have
/// messages for.
bool controls_transaction(std::string_view sql);

/// Whether the statement, as its text says, rolls the whole transaction back and does nothing else.
bool is_rollback(std::string_view sql);

/// Whether the statement may end its transaction and begin another one, as a procedure with COMMIT and START
/// TRANSACTION does. The server reports an open transaction before and after it.
bool may_restart_transaction(std::string_view sql);

/// What is known of the transaction of a session, and what may be sent because of that. A transaction may end without
/// its holder's asking for it: what the server says after each step is compared with what must be.
class session_transaction {
public:
  /// Why this must not be sent; nothing if it may be.
  /// @param open whether the server said last that a transaction is open.
  std::optional<failure> refusal(session_step what, std::string_view sql, bool open) const;

  /// Whether there has to be a rollback before another transaction begins, which would commit what is open.
  bool needs_rollback_first() const noexcept { return ended_.has_value(); }

  /// Whether only a savepoint that was set before the step tells afterwards whether the transaction is the same.
  bool needs_mark(session_step what, std::string_view sql) const;

  /// A step has succeeded.
  /// @param open whether the transaction is still open, and the same.
  /// @returns what is to be answered instead of success; nothing if all is as it must be.
  std::optional<failure> succeeded(session_step what, std::string_view sql, bool open);

  /// A step has failed, or was stopped, and the connection is in order.
  /// @param was_open whether a transaction was open before the step.
  /// @param why what is known about the step alone.
  /// @returns what is to be answered.
  failure failed(session_step what, std::string_view sql, bool was_open, bool open, failure why);

  /// What the end of the session means for a request that was not sent.
  outcome if_session_ends(bool open) const;

private:
  /// Where in the transaction the statement is: `statement 2 (CREATE)`.
  std::string place(session_step what, std::string_view sql) const;

  bool begun_ = false;           ///< By `begin`, and not yet ended by `commit` or `rollback`.
  uint32_t statements_ = 0;      ///< In the transaction, so far.
  std::optional<failure> ended_; ///< Why the transaction has ended, until the holder rolls back or begins another.
};

} // namespace cenote::pool

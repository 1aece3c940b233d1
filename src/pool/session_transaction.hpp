#pragma once

#include "cenote/failure.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace cenote::pool {

/// A request of the holder of a session, as far as its transaction is concerned.
enum class session_step : uint8_t {
  statement, ///< Any text of the holder.
  begin,
  commit,
  rollback,
  savepoint, ///< Sets one, or rolls back to one.
};

/// Whether the statement, judged by its text, begins or ends a transaction and does nothing else: sessions have
/// messages for that.
bool controls_transaction(std::string_view sql);

/// Whether the statement, judged by its text, rolls the whole transaction back and does nothing else.
bool is_rollback(std::string_view sql);

/// Whether the statement may end its transaction and begin another one, as a procedure with COMMIT and START
/// TRANSACTION does. The server reports an open transaction before and after it.
bool may_restart_transaction(std::string_view sql);

/// The transaction of a session, as far as it is known, and what may be sent because of that. A transaction may end
/// although its holder has not asked for it: after each step, the report of the server is compared with the expected
/// state.
class session_transaction {
public:
  /// Why the step must not be sent; nothing if it may be.
  /// @param open whether a transaction is open, according to the last report of the server.
  std::optional<failure> refusal(session_step step, std::string_view sql, bool open) const;

  /// Whether a rollback has to come before another transaction begins, which would commit the open one.
  bool needs_rollback_first() const noexcept { return ended_.has_value(); }

  /// Whether only a savepoint that was set before the step can show afterwards whether the transaction is the same.
  bool needs_mark(session_step step, std::string_view sql) const;

  /// A step has succeeded.
  /// @param open whether the transaction is still open, and the same.
  /// @returns the error to answer with instead of success; nothing if all is as expected.
  std::optional<failure> succeeded(session_step step, std::string_view sql, bool open);

  /// A step has failed, or was stopped, and the connection is healthy.
  /// @param was_open whether a transaction was open before the step.
  /// @param error what is known about the step alone.
  /// @returns the error to answer with.
  failure failed(session_step step, std::string_view sql, bool was_open, bool open, failure error);

  /// The outcome of a request that was not sent if the session ends.
  outcome if_session_ends(bool open) const;

private:
  /// The position of the statement in the transaction: `statement 2 (CREATE)`.
  std::string place(session_step step, std::string_view sql) const;

  bool begun_ = false;           ///< By `begin`, and not yet ended by `commit` or `rollback`.
  uint32_t statements_ = 0;      ///< In the transaction, so far.
  std::optional<failure> ended_; ///< Why the transaction has ended, until the holder rolls back or begins another.
};

} // namespace cenote::pool

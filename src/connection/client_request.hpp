#pragma once

#include "cenote/result.hpp"
#include "connection/commands.hpp"
#include "connection/grant.hpp"
#include "connection/output.hpp"
#include "pool/partial_effects.hpp"
#include "pool/session_transaction.hpp"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace cenote {

/// The kinds of steps of a request.
enum class step_kind : uint8_t {
  statement, ///< Of the client's.
  begin,     ///< Begins a transaction, or is about to.
  compound,  ///< All of a transaction at once.
  commit,
  question,  ///< Asks for the remaining effects of a failed statement.
  mark,      ///< Sets a savepoint, which disappears with the transaction.
  check,     ///< Removes it: that succeeds only if the transaction is still the same.
  aftermath, ///< Must be done before a failure is answered.
  control,   ///< Another statement of cenote's: a savepoint ...
};

/// One statement for the server.
struct request_step {
  step_kind kind = step_kind::statement;
  statement text; ///< Not for `compound`.
};

/// One request of a client, carried out step by step, and its answer.
class client_request {
public:
  /// @param answer_to the request to answer.
  client_request(statement query, ticket answer_to);

  /// @param as_compound whether it may be sent as one statement.
  client_request(transaction request, bool as_compound, ticket answer_to);

  client_request(session_command command, ticket answer_to);

  const request_step& current() const { return steps_.at(at_); }
  const transaction& whole() const { return whole_; }

  /// Whether no step has been done yet.
  bool at_start() const noexcept { return at_ == 0 && !failed_; }

  /// Whether it is a transaction of its own, which has to be rolled back if it fails.
  bool is_transaction() const noexcept { return !whole_.statements.empty(); }

  /// The request of the session's holder; `statement` if it is not for a session.
  pool::session_step step() const noexcept { return step_; }

  /// Marks the transaction around the statement of a session, so that its end is noticed even if it begins another one.
  void guard();

  /// Rolls back before everything else.
  void roll_back_first();

  bool is_guarded() const noexcept { return guarded_; }

  /// The failure that is to be answered, if a step has failed.
  const std::optional<failure>& failed() const noexcept { return failed_; }

  /// Whether the current step, if it has arrived, may have made the transaction's changes last.
  bool may_be_committing() const;

  /// What repeating it would do.
  statement_kind kind() const noexcept { return kind_; }

  /// Its own time limit, for error texts; zero if there is none.
  std::chrono::nanoseconds limit() const noexcept { return limit_; }

  /// Takes the result of the current step and continues.
  /// @returns whether there is another one.
  bool step_done(result outcome);
  bool step_done(std::vector<result> results);

  /// The current step has failed: derives the outcome of the whole request.
  /// @param complete_sets number of results that a compound statement gave before; empty if unknown.
  /// @param in_transaction whether a transaction of the session was open.
  failure outcome_of_whole(failure reason, std::optional<size_t> complete_sets, bool in_transaction) const;

  /// The same for a step that is no longer waited for. An earlier failure remains the reason.
  failure outcome_if_cut(failure reason, bool in_transaction) const;

  /// The effects of the failed current step that may last.
  pool::partial_effect partial_effect() const;

  /// Whether the server has to be asked for the remaining effects of the failed statement. If they cannot be
  /// determined, the failure says so.
  bool asks_what_stayed(failure& reason, const pool::observed_error& error);

  /// After a failure, asks the server for remaining effects before the failure is answered.
  void ask_what_stayed(failure reason);

  /// The compound statement was refused as a whole: starts again, step by step.
  void take_apart();

  /// The rollback after the failure was incomplete.
  void doubt_rollback();

  /// Sets the failure that will be answered.
  void fail(failure reason) { failed_ = std::move(reason); }

  /// After a failure, runs a statement before it is answered.
  void fail_after(std::string sql, failure reason);

  /// The same for a statement of a session, which may have ended its transaction: the step run here then fails, or its
  /// success reports that none is open.
  void look_and_fail(failure reason);

  /// The request to answer.
  ticket answer_to() const noexcept { return answer_to_; }

  /// Answers with the result, or with the failure if a step has failed; only once: it may have been answered before,
  /// because it was stopped after its time limit, or its session has ended.
  /// @param origin the grant that it comes from; null if it is for the holder of a session.
  void answer(connection_output& out, const grant* origin);

  /// Answers with a failure, unless it has been answered.
  void answer(connection_output& out, failure reason, const grant* origin);

  /// Records that the consequence of its failure for the session's transaction is known.
  /// @returns false if that was recorded before.
  bool conclude_once() noexcept { return !std::exchange(concluded_, true); }

private:
  enum class reply : uint8_t { result, results, nothing };

  void add_steps_of_whole();
  bool answer_once() noexcept { return !std::exchange(answered_, true); }
  std::variant<std::monostate, result, std::vector<result>, session_id, failure> take_result();

  ticket answer_to_;
  bool answered_ = false;
  bool concluded_ = false;
  reply reply_ = reply::result;
  statement_kind kind_ = statement_kind::write;
  pool::session_step step_ = pool::session_step::statement;
  bool guarded_ = false;
  std::chrono::nanoseconds limit_{0};
  transaction whole_; ///< Empty if it is none.
  std::vector<request_step> steps_;
  size_t at_ = 0;
  std::vector<result> results_;
  std::optional<failure> failed_;
  std::vector<statement> questions_;
  outcome if_nothing_stayed_ = outcome::unknown; ///< Of the failure, while the questions are asked.
  bool stayed_ = false;
};

} // namespace cenote

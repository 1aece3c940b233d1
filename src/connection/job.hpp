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

/// What a step of a job is.
enum class step_kind : uint8_t {
  statement, ///< Of the client's.
  begin,     ///< Begins a transaction, or is about to.
  compound,  ///< All of a transaction at once.
  commit,
  question,  ///< What a failed statement has left behind.
  mark,      ///< Sets a savepoint, which disappears with the transaction.
  check,     ///< Removes it: whether that is possible says whether the transaction is still the same.
  aftermath, ///< What has to be done before a failure is answered.
  control,   ///< Another one of ours: a savepoint ...
};

/// One statement for the server.
struct job_step {
  step_kind kind = step_kind::statement;
  statement text; ///< Not for `compound`.
};

/// One request of a client, carried out step by step, and its answer.
class job {
public:
  /// @param answer_to where its answer goes.
  job(statement text, ticket answer_to);

  /// @param as_compound whether it may travel as one statement.
  job(transaction whole, bool as_compound, ticket answer_to);

  job(session_command command, ticket answer_to);

  const job_step& current() const { return steps_.at(at_); }
  const transaction& whole() const { return whole_; }

  /// Whether nothing of it has been done yet.
  bool at_start() const noexcept { return at_ == 0 && !failed_; }

  /// Whether it is a transaction of its own, so that what is open has to be rolled back if it fails.
  bool is_transaction() const noexcept { return !whole_.statements.empty(); }

  /// What the holder of a session has asked for; `statement` if it is none.
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

  /// Takes the result of the current step and goes on.
  /// @returns whether there is another one.
  bool step_done(result x);
  bool step_done(std::vector<result> all);

  /// The current step has failed: turns what is known about it into what is known about the whole.
  /// @param complete_sets how many results a compound statement gave before; nothing if that is not known.
  /// @param in_transaction whether a transaction of the session was open.
  failure outcome_of_whole(failure why, std::optional<size_t> complete_sets, bool in_transaction) const;

  /// The same for a step that is not waited for any more. What has failed before stays the reason.
  failure outcome_if_cut(failure why, bool in_transaction) const;

  /// What may last of the current step although it has failed.
  pool::partial_effect partial_effect() const;

  /// Whether the server has to be asked what the statement that has failed has left behind. If that cannot be found
  /// out, says so in the failure.
  bool asks_what_stayed(failure& why, const pool::observed_error& seen);

  /// After a failure, asks the server before it is answered.
  void ask_what_stayed(failure why);

  /// The compound statement was refused as a whole: begins again, step by step.
  void take_apart();

  /// The rollback after the failure was incomplete.
  void doubt_rollback();

  /// What will be answered.
  void fail(failure why) { failed_ = std::move(why); }

  /// After a failure, runs a statement before it is answered.
  void fail_after(std::string sql, failure why);

  /// The same for the statement of a session, which may have ended its transaction: then the server refuses this one,
  /// or says with its success that none is open.
  void look_and_fail(failure why);

  /// Where the answer goes.
  ticket answer_to() const noexcept { return answer_to_; }

  /// Answers with what was asked for, or with the failure if a step has failed; once: it may have been before, because
  /// it was stopped after its time limit, or its session has ended.
  /// @param origin what it was made from; null if the holder of a session has asked for it.
  void answer(connection_output& out, const grant* origin);

  /// Answers with a failure, unless it is answered.
  void answer(connection_output& out, failure reason, const grant* origin);

  /// Notes that what its failure means for the transaction of its session is known.
  /// @returns false if it was before.
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
  std::vector<job_step> steps_;
  size_t at_ = 0;
  std::vector<result> results_;
  std::optional<failure> failed_;
  std::vector<statement> questions_;
  outcome if_nothing_stayed_ = outcome::unknown; ///< Of the failure, while it is being asked.
  bool stayed_ = false;
};

} // namespace cenote

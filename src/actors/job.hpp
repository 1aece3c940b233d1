#pragma once

#include "cenote/actors.hpp"
#include "pool/partial_effects.hpp"
#include "pool/session_transaction.hpp"

#include <caf/response_promise.hpp>

#include <optional>
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
struct step {
  step_kind kind = step_kind::statement;
  statement text; ///< Not for `compound`.
};

/// One request of a client, carried out step by step, and its answer.
class job {
public:
  job(statement what, caf::response_promise promise);

  /// @param as_compound whether it may travel as one statement.
  job(transaction what, bool as_compound, caf::response_promise promise);

  job(session_command what, caf::response_promise promise);

  const step& current() const { return steps_.at(at_); }
  const transaction& whole() const { return whole_; }

  /// Whether nothing of it has been done yet.
  bool at_start() const noexcept { return at_ == 0 && !failed_; }

  /// Whether it is a transaction of its own, so that what is open has to be rolled back if it fails.
  bool is_transaction() const noexcept { return !whole_.statements.empty(); }

  /// What the holder of a session has asked for; `statement` if it is none.
  pool::session_step what() const noexcept { return what_; }

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

  /// Sends the answer: what has failed if anything has.
  void answer();
  void answer(failure why);

  caf::response_promise& promise() noexcept { return promise_; }

private:
  enum class reply : uint8_t { result, results, nothing };

  void add_steps_of_whole();

  caf::response_promise promise_;
  reply reply_ = reply::result;
  statement_kind kind_ = statement_kind::write;
  pool::session_step what_ = pool::session_step::statement;
  bool guarded_ = false;
  std::chrono::nanoseconds limit_{0};
  transaction whole_; ///< Empty if it is none.
  std::vector<step> steps_;
  size_t at_ = 0;
  std::vector<result> results_;
  std::optional<failure> failed_;
  std::vector<statement> questions_;
  outcome if_nothing_stayed_ = outcome::unknown; ///< Of the failure, while it is being asked.
  bool stayed_ = false;
};

} // namespace cenote

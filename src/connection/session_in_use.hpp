#pragma once

#include "connection/job.hpp"
#include "connection/output.hpp"
#include "pool/session_transaction.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

namespace cenote {

/// What the holder of a session has asked for while something ran.
struct waiting_command {
  job work;
  time_point deadline; ///< `time_point::max()` if it has none.
};

/// The use of a connection by the holder of a session, from `checkout` on.
class session_in_use {
public:
  session_in_use(lease terms, time_point now);

  session_id id() const noexcept { return terms_.id; }
  const std::string& owner() const noexcept { return terms_.options.owner; }

  // -- what its holder asks for ----------------------------------------------------

  /// Waits until what came before is done. Answered at once if too many wait.
  void add(session_command command, ticket answer_to, time_point now, connection_output& out);

  /// What is to be sent next, made ready for that; nothing if nothing waits. Answers those before it that are not to be
  /// sent: any number of them may wait.
  std::optional<waiting_command> next_to_send(bool transaction_open, time_point now, connection_output& out);

  /// Answers those of the waiting whose time is up.
  void expire(time_point now, connection_output& out);

  /// Answers all that wait: the session ends.
  void fail(const failure& reason, connection_output& out);

  // -- what has become of its transaction ------------------------------------------

  /// All steps of what the holder has asked for are done, and the server has said what has become of the transaction.
  /// @param open whether it is still open, and the same.
  void conclude(job& work, bool open, connection_output& out);

  /// What the failure of the work means for the transaction, if anything has failed.
  /// @param open whether it is still open, and the same; if the server does not tell any more, the worst is assumed of
  /// what the failed step may have done: it is not.
  void lose_or_keep_transaction(job& work, bool open);

  /// What the end of the session means for what its holder could not send any more.
  /// @param work what is, or was, carried out for the holder; null if nothing.
  outcome if_session_ends(const job* work, bool transaction_open) const;

  /// The beginning of the statement that the holder sent last, for the log.
  const std::string& last_statement() const noexcept { return last_statement_; }

  // -- its end ---------------------------------------------------------------------

  /// Checked in: it ends when all is done.
  void end_when_done() noexcept { ending_ = true; }
  bool ends_now() const noexcept { return ending_ && waiting_.empty(); }

  // -- time ------------------------------------------------------------------------

  /// The answer that names the session may have reached nobody who waits for it: the holder has to show up in time.
  void await_first_use(time_point now);

  /// The holder has used the session.
  void note_use() noexcept { first_use_until_ = time_point::max(); }

  /// The time that the holder has for its first use.
  std::chrono::nanoseconds unclaimed_timeout() const noexcept { return terms_.unclaimed_timeout; }

  bool is_unclaimed(time_point now) const noexcept { return first_use_until_ <= now; }
  bool is_over_time(time_point now) const noexcept { return until_ <= now; }

  /// For how long it is held, if that is to be warned of, once.
  std::optional<std::chrono::nanoseconds> leak(time_point now);

  /// Lower bound of the next moment at which one of the limits is reached.
  time_point next_event() const noexcept { return std::min({until_, first_use_until_, waiting_due_}); }

private:
  std::optional<waiting_command> take_next();
  void prepare(job& work, bool transaction_open);

  lease terms_;
  time_point since_;
  time_point until_;                               ///< Its time limit.
  time_point first_use_until_ = time_point::max(); ///< When its holder must have used it.
  pool::session_transaction transaction_;
  std::string last_statement_;
  bool was_open_ = false; ///< Whether a transaction was open before the step that runs.
  std::deque<waiting_command> waiting_;
  time_point waiting_due_ = time_point::max(); ///< The first deadline of those.
  bool ending_ = false;
  bool warned_ = false;
};

} // namespace cenote

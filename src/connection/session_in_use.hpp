#pragma once

#include "connection/client_request.hpp"
#include "connection/output.hpp"
#include "pool/session_transaction.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

namespace cenote {

/// A request of a session's holder that waits for earlier ones.
struct waiting_command {
  client_request work;
  time_point deadline; ///< `time_point::max()` if it has none.
};

/// The use of a connection by the holder of a session, from `checkout` on.
class session_in_use {
public:
  session_in_use(lease terms, time_point now);

  session_id id() const noexcept { return terms_.id; }
  const std::string& owner() const noexcept { return terms_.options.owner; }

  // -- requests of its holder ------------------------------------------------------

  /// Queues a request behind the earlier ones. Answers it at once if too many wait.
  void add(session_command command, ticket answer_to, time_point now, connection_output& out);

  /// The next request to send, prepared for that; nothing if none waits. Answers requests before it that are not to be
  /// sent: any number of them may wait.
  std::optional<waiting_command> next_to_send(bool transaction_open, time_point now, connection_output& out);

  /// Answers the waiting requests whose deadline has passed.
  void expire(time_point now, connection_output& out);

  /// Answers all waiting requests: the session ends.
  void fail(const failure& reason, connection_output& out);

  // -- the state of its transaction ------------------------------------------------

  /// All steps of the holder's request are done, and the server has reported the state of the transaction.
  /// @param open whether the same transaction is still open.
  void conclude(client_request& work, bool open, connection_output& out);

  /// Applies the failure of the work, if it has failed, to the transaction.
  /// @param open whether the same transaction is still open; false, the worst case, if the server cannot report it any
  /// more.
  void lose_or_keep_transaction(client_request& work, bool open);

  /// The outcome of requests that come after the end of the session.
  /// @param work the work that is, or was, carried out for the holder; null if there is none.
  outcome if_session_ends(const client_request* work, bool transaction_open) const;

  /// The beginning of the statement that the holder sent last, for the log.
  const std::string& last_statement() const noexcept { return last_statement_; }

  // -- its end ---------------------------------------------------------------------

  /// Checked in: it ends when all requests are done.
  void end_when_done() noexcept { ending_ = true; }
  bool ends_now() const noexcept { return ending_ && waiting_.empty(); }

  // -- time ------------------------------------------------------------------------

  /// The answer with the session's id may have been lost: the holder has to use the session in time.
  void await_first_use(time_point now);

  /// The holder has used the session.
  void note_use() noexcept { first_use_until_ = time_point::max(); }

  /// The time that the holder has for its first use.
  std::chrono::nanoseconds unclaimed_timeout() const noexcept { return terms_.unclaimed_timeout; }

  bool is_unclaimed(time_point now) const noexcept { return first_use_until_ <= now; }
  bool is_over_time(time_point now) const noexcept { return until_ <= now; }

  /// How long it has been held, if that calls for a warning; only once.
  std::optional<std::chrono::nanoseconds> leak(time_point now);

  /// Lower bound of the next moment at which one of the limits is reached.
  time_point next_event() const noexcept { return std::min({until_, first_use_until_, waiting_due_}); }

private:
  std::optional<waiting_command> take_next();
  void prepare(client_request& work, bool transaction_open);

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

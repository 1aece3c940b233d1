#pragma once

#include "connection/job.hpp"
#include "pool/session_transaction.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

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

  /// The holder has asked for something: it waits until what came before is done.
  void add(waiting_command x);

  /// Whether the queue is full.
  bool is_full() const noexcept { return waiting_.size() >= terms_.max_waiting; }
  size_t max_waiting() const noexcept { return terms_.max_waiting; }

  /// What is to be done next; nothing if nothing waits.
  std::optional<waiting_command> next();

  /// Takes out those whose time is up.
  std::vector<job> take_expired(time_point now);

  /// Takes out all: the session ends.
  std::vector<job> take_all();

  /// Checked in: it ends when all is done.
  void end_when_done() noexcept { ending_ = true; }
  bool ends_now() const noexcept { return ending_ && waiting_.empty(); }

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

  /// @name The step that runs
  /// @{
  std::string last_statement; ///< Its beginning.
  bool was_open = false;      ///< Whether a transaction was open before the step.
  pool::session_transaction transaction;
  /// @}

private:
  lease terms_;
  time_point since_;
  time_point until_;                               ///< Its time limit.
  time_point first_use_until_ = time_point::max(); ///< When its holder must have used it.
  std::deque<waiting_command> waiting_;
  time_point waiting_due_ = time_point::max(); ///< The first deadline of those.
  bool ending_ = false;
  bool warned_ = false;
};

} // namespace cenote

#pragma once

#include "connection/output.hpp"
#include "connection/reuse_rules.hpp"
#include "db/server_link.hpp"
#include "pool/latency_estimator.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>

namespace cenote {

/// A statement on a connection that it shares with others.
struct shared_statement {
  ticket answer_to;
  grant what;
  size_t bytes = 0;       ///< Its approximate size on the wire.
  bool wanted = true;     ///< Its caller waits for this result. Otherwise it was answered early, or requeued.
  bool requeued = false;  ///< It runs on another connection as well: what it does here is superseded.
  bool cancelled = false; ///< Nobody needs it: it is stopped when it is what the server runs.
  bool maybe_hit = false; ///< A stop was made while it was under way: meant for it, or for one before it.

  const statement& text() const { return std::get<statement>(what.request.work); }
};

/// The statements that share a connection: those that wait to be sent, and those under way, whose answers come in the
/// order in which they were sent.
class shared_statements {
public:
  /// Why a connection has to be given up.
  struct loss {
    cenote::disposition disposition;
    failure of_sent; ///< What is known about a statement that was sent.
  };

  explicit shared_statements(connection_output& out) : out_{out} {
    // nop
  }

  /// Whether answers are awaited.
  bool under_way() const noexcept { return !sent_.empty(); }

  /// Whether there are some that have not been sent.
  bool waiting() const noexcept { return !waiting_.empty(); }

  size_t answers_due() const noexcept { return sent_.size(); }

  /// What the server is at.
  /// @pre `under_way()`
  const statement& first() const { return sent_.front().text(); }

  /// Since when.
  time_point turn_began() const noexcept { return turn_began_; }

  /// Lower bound of the next moment at which `expire` has something to do.
  time_point next_event() const noexcept { return due_; }

  // -- sending -------------------------------------------------------------------

  /// Adds one behind the others.
  void add(ticket answer_to, grant what);

  /// Those that cannot be sent at once have to begin in time all the same.
  void watch_last_waiting();

  /// Hands to the link what may be sent now.
  void send(db::server_link& link, time_point now);

  // -- answers -------------------------------------------------------------------

  /// The answer to the first has come: that one leaves, answered or to be sent again.
  /// @returns how the connection has to be given up; nothing if it goes on.
  std::optional<loss> finish_first(db::server_link& link, reuse_rules& reuse, time_point now);

  /// So many answers have come in this turn.
  void count_answers(size_t count, time_point now);

  // -- time, and what nobody needs any more -----------------------------------------

  /// Answers those whose time is up, requeues those that should have begun by now, and finds out whether the first has
  /// to be stopped.
  void expire(time_point now);

  /// Whether the server runs a statement whose result nobody needs.
  bool first_is_cancelled() const { return !sent_.empty() && sent_.front().cancelled; }

  /// Whether the first is superseded: it runs elsewhere, too, and may go on here if it cannot be stopped.
  bool first_is_superseded() const { return !sent_.empty() && sent_.front().requeued; }

  /// The server is told to stop the first. If that one ends sooner, any of those behind it may be hit instead.
  void stop_made();

  /// The first could not be stopped: not again before that.
  void stop_again_at(time_point when);

  /// Requeues those that have not begun, and the reads behind the first. A read does no harm if it runs here as well,
  /// later; a write would undo what others have written meanwhile.
  /// @param keep_first the first of the waiting stays: a ping is made for it.
  void requeue(bool keep_first);

  /// @param ended those whose callers have ended.
  void check_callers(std::span<const ticket> ended, time_point now);

  /// Tells the pool what has left, while some are left. When nobody uses it any more the pool would take the connection
  /// for free, which it may not be: that is told when it is.
  void report_progress();

  // -- losses --------------------------------------------------------------------

  /// The connection is lost: answers what the server may have got, and keeps what it cannot have got as waiting.
  /// @param reads_again whether reads are kept, too: cenote gave the connection up, not the server.
  void lose(size_t unsent, bool reads_again, const failure& why);

  /// Answers all of them.
  /// @param of_sent what is known about those under way.
  void fail(const failure& of_sent, const failure& of_waiting);

  /// Those that have not been sent need another connection.
  void return_waiting(const std::string& reason);

private:
  shared_statement take_first(time_point now);
  void answer(shared_statement& x, failure reason);
  void count_end(const shared_statement& x);
  void put_back(shared_statement x);
  std::chrono::nanoseconds max_superseded_time() const;
  void requeue_one(shared_statement& x);
  void requeue_late(time_point now);
  void watch(time_point when) { due_ = std::min(due_, when); }

  connection_output& out_;
  std::deque<shared_statement> waiting_;
  std::deque<shared_statement> sent_;
  size_t sent_bytes_ = 0;
  pool::latency_estimator turn_time_;
  time_point turn_began_;  ///< When the first of them was sent, or the one before it ended.
  time_point first_began_; ///< Only if the first is not wanted: when its turn came.
  time_point stop_not_before_ = time_point::min();
  time_point due_ = time_point::max();
};

} // namespace cenote

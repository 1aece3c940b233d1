#pragma once

#include "connection/output.hpp"
#include "connection/reuse_rules.hpp"
#include "db/server_link.hpp"
#include "pool/latency_estimator.hpp"

#include <cstddef>
#include <list>
#include <optional>
#include <span>
#include <string>

namespace cenote {

/// A statement on a connection that it shares with others.
struct shared_statement {
  ticket answer_to;
  grant granted;
  size_t bytes = 0;       ///< Its approximate size on the wire.
  bool wanted = true;     ///< Its caller waits for this result. Otherwise it was answered early, or requeued.
  bool requeued = false;  ///< It runs on another connection as well: its result here is superseded.
  bool cancelled = false; ///< Its result is not needed: it is stopped when the server runs it.
  bool maybe_hit = false; ///< A stop was made while it was in flight: meant for it, or for one before it.

  const statement& text() const { return std::get<statement>(granted.request.work); }
};

/// The statements that share a connection: those that wait to be sent, and those in flight, whose answers arrive in the
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

  /// The statement that the server runs.
  /// @pre `under_way()`
  const statement& first() const { return sent_.front().text(); }

  /// When its turn began.
  time_point turn_began() const noexcept { return turn_began_; }

  /// Lower bound of the next moment at which `expire` has something to do.
  time_point next_event() const noexcept { return due_; }

  // -- sending -------------------------------------------------------------------

  /// Adds a statement behind the others.
  void add(ticket answer_to, grant&& granted);

  /// Watches the time of the last statement, which could not be sent at once.
  void watch_last_waiting();

  /// Hands all statements that may be sent now to the link.
  void send(db::server_link& link, time_point now);

  // -- answers -------------------------------------------------------------------

  /// The answer to the first statement has arrived: the statement leaves, answered or to be sent again.
  /// @returns why the connection has to be given up; nothing if it continues.
  std::optional<loss> finish_first(db::server_link& link, reuse_rules& reuse, time_point now);

  /// `count` answers have arrived in this turn.
  void count_answers(size_t count, time_point now);

  // -- time, and superseded statements ----------------------------------------------

  /// Answers statements whose deadline has passed, requeues those that should have begun by now, and finds out whether
  /// the first has to be stopped.
  void expire(time_point now);

  /// Whether the server runs a statement whose result is not needed.
  bool first_is_cancelled() const { return !sent_.empty() && sent_.front().cancelled; }

  /// Whether the first is superseded: it was requeued, and may continue here if it cannot be stopped.
  bool first_is_superseded() const { return !sent_.empty() && sent_.front().requeued; }

  /// The server has been asked to stop the first. If it ends before that, any of those behind it may be hit instead.
  void stop_made();

  /// The first could not be stopped: no further attempt before that time.
  void stop_again_at(time_point earliest);

  /// Requeues statements that have not begun, and the reads behind the first. A read may safely run here as well,
  /// later; a write would undo what others have written meanwhile.
  /// @param keep_first whether the first waiting statement stays, because a ping is made for it.
  void requeue(bool keep_first);

  /// @param ended the statements whose callers have ended.
  void check_callers(std::span<const ticket> ended, time_point now);

  /// Reports the statements that have left, as long as some remain. With none left the pool would treat the connection
  /// as free, which it may not be yet.
  void report_progress();

  // -- losses --------------------------------------------------------------------

  /// The connection is lost: answers statements that may have reached the server, and keeps the others as waiting.
  /// @param reads_again whether reads are kept, too: cenote gave up the connection, not the server.
  void lose(size_t unsent, bool reads_again, const failure& reason);

  /// Answers all statements.
  /// @param of_sent what is known about those in flight.
  void fail(const failure& of_sent, const failure& of_waiting);

  /// Returns the statements that have not been sent: they need another connection.
  void return_waiting(const std::string& reason);

private:
  using statements = std::list<shared_statement>; ///< They go from one to the other without being moved in memory.

  statements take_first(time_point now);
  void answer(shared_statement& leaving, failure reason);
  void count_end(const shared_statement& leaving);
  void recycle(statements& gone);
  void put_back(statements& from, statements::iterator resent);
  std::chrono::nanoseconds max_superseded_time() const;
  void requeue_one(shared_statement& moved);
  void requeue_late(time_point now);
  void watch(time_point moment) { due_ = std::min(due_, moment); }

  connection_output& out_;
  statements waiting_;
  statements sent_;
  statements spare_; ///< Memory of some that have left.
  size_t sent_bytes_ = 0;
  pool::latency_estimator turn_time_;
  time_point turn_began_;  ///< When the first statement was sent, or the one before it ended.
  time_point first_began_; ///< When the turn of the first began; only if its result is not wanted.
  time_point stop_not_before_ = time_point::min();
  time_point due_ = time_point::max();
};

} // namespace cenote

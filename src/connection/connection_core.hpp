#pragma once

#include "connection/activity.hpp"
#include "connection/commands.hpp"
#include "connection/output.hpp"
#include "connection/session_in_use.hpp"
#include "connection/shared_statements.hpp"
#include "db/server_link.hpp"
#include "pool/error_streak.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace cenote {

/// All rules of one connection: what is sent and when, what becomes of each request, when a statement is stopped, when
/// the connection is reset, reported free, or given up.
///
/// Pure: it reads no clock and no socket of its own. Each event says what happened at `now`; what has to be done about
/// it is collected for `take_commands`. Times must not decrease from event to event. The commands of an event are to be
/// carried out before the next one.
class connection_core {
public:
  /// @param link an open connection, between operations.
  /// @param patience longest time for a ping, a reset, and a stop: the server's `connect_timeout`.
  connection_core(std::unique_ptr<db::server_link> link, std::chrono::nanoseconds patience);

  // -- from the pool and the holder of a session ---------------------------------

  /// A request is given the connection: alone, then the connection must be free or gone; or beside others.
  void begin(grant what, ticket answer_to, time_point now);

  /// For the holder of the session, after what that one has asked for before.
  void execute(session_command what, ticket answer_to, time_point now);

  /// The session has been checked in.
  /// @param at_once its holder has ended: what it has asked for does not matter any more.
  void check_in(session_id id, bool at_once, time_point now);

  /// Somebody else holds the session from now on.
  /// @returns why that comes too late.
  std::optional<failure> hand_over(session_id id, time_point now);

  /// The connection is not to be used again after this session.
  /// @returns why that comes too late.
  std::optional<failure> evict(session_id id, time_point now);

  /// The first statement is slow: requeues those behind it, if it does no harm that they run elsewhere as well.
  void requeue_waiting(time_point now);

  /// Pings the server, then reports.
  void ping(time_point now);

  /// It has been in use for a while.
  /// @param ended those requests whose callers have ended.
  /// @param holder_ended whether the holder of the session has.
  void check_callers(std::span<const ticket> ended, bool holder_ended, time_point now);

  /// Answers everything and gives the connection up without a report.
  void close(time_point now);

  // -- from the server -----------------------------------------------------------

  /// The socket became ready.
  void ready(bool readable, bool writable, time_point now);

  /// The server has done what `stop_statement` asked for; a statement that begins from now on is not hit.
  void stop_confirmed(time_point now);

  /// The server could not be told.
  void stop_failed(time_point now);

  // -- from the shell ------------------------------------------------------------

  /// After all events of a turn: what they have led to is sent at once.
  void end_turn(time_point now);

  /// Time has passed. Needed at `next_event`, harmless at any other time.
  void tick(time_point now);

  /// The earliest moment at which `tick` may have something to do; `time_point::max()` if none.
  time_point next_event() const noexcept { return wake_at_; }

  /// An exception has left an event: everything is answered, and the connection given up.
  void fail(const std::string& reason, time_point now);

  /// What the events since the last call have led to.
  connection_commands take_commands() { return output_.take(); }

  // -- what the shell has to know ------------------------------------------------

  bool is_gone() const noexcept { return is<activity::gone>(); }
  bool wants_read() const noexcept { return wants_read_; }
  bool wants_write() const noexcept { return wants_write_; }

  /// Answers of the server that are awaited.
  size_t expected_answers() const noexcept { return expected_; }

private:
  template <class State>
  bool is() const noexcept {
    return std::holds_alternative<State>(state_);
  }

  // to be continued
};

} // namespace cenote

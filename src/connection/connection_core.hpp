#pragma once

#include "connection/activity.hpp"
#include "connection/classification.hpp"
#include "connection/commands.hpp"
#include "connection/connection_view.hpp"
#include "connection/output.hpp"
#include "connection/reuse_rules.hpp"
#include "connection/session_in_use.hpp"
#include "connection/shared_statements.hpp"
#include "db/server_link.hpp"

#include <algorithm>
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
  /// @returns a failure if the session has already ended.
  std::optional<failure> hand_over(session_id id, time_point now);

  /// The session ends at once: an operator wants that.
  /// @returns a failure if it has already ended.
  std::optional<failure> kill(session_id id, time_point now);

  /// The connection is not to be used again after this session.
  /// @returns a failure if the session has already ended.
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

  // -- from the actor ------------------------------------------------------------

  /// After all events of a turn: what they have led to is sent at once.
  void end_turn(time_point now);

  /// Time has passed. Needed at `next_event`, harmless at any other time.
  void tick(time_point now);

  /// The earliest moment at which `tick` may have something to do; `time_point::max()` if none.
  time_point next_event() const noexcept;

  /// An exception has left an event: everything is answered, and the connection given up.
  void fail(const std::string& reason, time_point now);

  /// What the events since the last call have led to.
  connection_commands take_commands() { return output_.take(); }

  // -- what the actor has to know ------------------------------------------------

  /// What it does, for operators.
  connection_view view(time_point now) const;

  bool is_gone() const noexcept { return is<activity::gone>(); }
  bool has_session() const noexcept { return session_.has_value(); }
  bool wants_read() const noexcept { return wants_read_; }
  bool wants_write() const noexcept { return wants_write_; }

  /// Answers of the server that are awaited.
  size_t expected_answers() const noexcept { return expected_; }

private:
  template <class State>
  bool is() const noexcept {
    return std::holds_alternative<State>(state_);
  }

  template <class State>
  State* as() noexcept {
    return std::get_if<State>(&state_);
  }

  template <class State>
  const State* as() const noexcept {
    return std::get_if<State>(&state_);
  }

  void at(time_point now);
  void check_invariants() const;

  // -- work for one alone --------------------------------------------------------

  void begin_alone(held_grant x);
  void start_check(std::optional<held_grant> first, time_point limit);
  void start_work(held_grant x);
  void start_transaction(held_grant x);
  void start_session(held_grant x);
  void run(job work, std::optional<held_grant> origin);
  void run_step();
  void finish_step();
  void follow(after_step::next& x);
  void follow(after_step::conclude& x);
  void follow(after_step::done& x);
  void follow(after_step::never_began& x);
  void follow(after_step::leave& x);
  void job_done();
  void answer_running(failure reason);
  void answer_in_time();

  // -- sessions ------------------------------------------------------------------

  std::optional<failure> refusal_of(session_id id) const;
  void next_command();
  void conclude(bool open);
  void conclude_stopped(job work, bool succeeded);
  void lose_failed_step();
  job* work_of_session();
  outcome if_session_ends();
  void end_session(const std::string& why);
  void end_session(const std::string& why, cenote::outcome outcome);

  // -- sharing -------------------------------------------------------------------

  void share(grant what, ticket answer_to);
  void begin_sharing();
  void send_waiting();
  void drive_shared(db::progress x);
  void first_done();
  void sharing_done();
  void stop_if_cancelled();
  void lose_shared(disposition what, const failure& why);

  // -- progress ------------------------------------------------------------------

  void drive(db::progress x);
  void drive_once(db::progress x);
  void finished();
  void finish_ping(const tl::expected<result, db::driver_error>& outcome);
  void finish_reset(const tl::expected<result, db::driver_error>& outcome);
  void want(bool read, bool write);
  void limit_until(time_point limit);
  void wake(time_point when) { wake_at_ = std::min(wake_at_, when); }
  void took_too_long();

  // -- stopping ------------------------------------------------------------------

  bool may_be_running() const;
  bool leaves_work_behind() const;
  bool was_cut() const;
  void stop_on_server(std::optional<job> work);
  void stopped();
  void give_up(const std::string& reason);

  // -- its end, and reports --------------------------------------------------------

  void reset_or_release();
  void check_failed(const std::string& reason);
  void release(disposition what, std::string reason = {});
  bool leaves_if_retired();
  void report_free();
  void end();

  std::unique_ptr<db::server_link> link_; ///< Null when gone.
  std::chrono::nanoseconds patience_;
  time_point now_;

  activity::state state_;
  time_point busy_until_ = time_point::max(); ///< When what it does, other than sharing, has taken too long.
  time_point step_began_;                     ///< Of what runs for one alone.
  time_point wake_at_ = time_point::max();

  size_t expected_ = 0;
  bool wants_read_ = true; ///< An idle connection is watched, too: a server that hangs up is noticed at once.
  bool wants_write_ = false;
  bool driving_ = false;                      ///< `drive` is at work.
  std::optional<db::progress> next_progress_; ///< What it goes on with.

  connection_output output_;
  shared_statements shared_{output_};
  std::optional<session_in_use> session_;
  std::optional<session_end> last_session_; ///< The one before, for its holder's late messages.
  reuse_rules reuse_;
};

} // namespace cenote

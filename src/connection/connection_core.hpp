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

/// All rules of one connection: what is sent and when, how each request is answered, when a statement is stopped, when
/// the connection is reset, reported free, or given up.
///
/// Pure: it reads no clock and no socket of its own. Each event reports what happened at `now`; the resulting commands
/// are collected for `take_commands`. Times must not decrease from event to event. The commands of an event are to be
/// carried out before the next one.
class connection_core {
public:
  /// @param link an open connection, between operations.
  /// @param patience longest time for a ping, a reset, and a stop: the server's `connect_timeout`.
  connection_core(std::unique_ptr<db::server_link> link, std::chrono::nanoseconds patience);

  // -- from the pool and the holder of a session ---------------------------------

  /// A request is granted the connection: either alone, and the connection must be free or gone; or beside others.
  void begin(grant&& granted, ticket answer_to, time_point now);

  /// A request of the session's holder, after its earlier ones.
  void execute(session_command command, ticket answer_to, time_point now);

  /// The session has been checked in.
  /// @param at_once its holder has ended: its requests no longer matter.
  void check_in(session_id id, bool at_once, time_point now);

  /// The session has another holder from now on.
  /// @returns a failure if the session has already ended.
  std::optional<failure> hand_over(session_id id, time_point now);

  /// Ends the session at once, for an operator.
  /// @returns a failure if it has already ended.
  std::optional<failure> kill(session_id id, time_point now);

  /// Excludes the connection from reuse after this session.
  /// @returns a failure if the session has already ended.
  std::optional<failure> evict(session_id id, time_point now);

  /// The first statement is slow: requeues those behind it that may safely run on another connection as well.
  void requeue_waiting(time_point now);

  /// Pings the server, then reports.
  void ping(time_point now);

  /// It has been in use for a while.
  /// @param ended the requests whose callers have ended.
  /// @param holder_ended whether the holder of the session has.
  void check_callers(std::span<const ticket> ended, bool holder_ended, time_point now);

  /// Answers all requests and gives up the connection without a report.
  void close(time_point now);

  // -- from the server -----------------------------------------------------------

  /// The socket became ready.
  void ready(bool readable, bool writable, time_point now);

  /// The server has carried out `stop_statement`; a statement that begins from now on is not hit.
  void stop_confirmed(time_point now);

  /// The server could not be reached, or did not answer.
  /// @param maybe_sent whether the stop may have been sent, or may be sent later: then it may hit any later statement.
  void stop_failed(bool maybe_sent, time_point now);

  // -- from the actor ------------------------------------------------------------

  /// After all events of a turn: sends the resulting statements at once.
  void end_turn(time_point now);

  /// Time has passed. Needed at `next_event`, harmless at any other time.
  void tick(time_point now);

  /// The earliest moment at which `tick` may have something to do; `time_point::max()` if none.
  time_point next_event() const noexcept;

  /// An exception has left an event: answers all requests, and gives up the connection.
  void fail(const std::string& reason, time_point now);

  /// The commands of all events since the last call.
  connection_commands take_commands() { return output_.take(); }

  /// The same, in exchange for memory of commands that have been carried out.
  void take_commands(connection_commands& out) { output_.take(out); }

  // -- for the actor ---------------------------------------------------------------

  /// Its activity, for operators.
  connection_view view(time_point now) const;

  bool is_gone() const noexcept { return is<activity::gone>(); }
  bool has_session() const noexcept { return session_.has_value(); }
  bool wants_read() const noexcept { return wants_read_; }
  bool wants_write() const noexcept { return wants_write_; }

  /// What it has done with prepared statements.
  db::preparations prepared() const noexcept { return link_ ? link_->prepared() : db::preparations{}; }

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

  // -- exclusive work --------------------------------------------------------------

  void begin_alone(held_grant held);
  void start_check(std::optional<held_grant> first, time_point limit);
  void start_work(held_grant held);
  void start_transaction(held_grant held);
  void start_session(held_grant held);
  void run(client_request work, std::optional<held_grant> origin);
  void run_step();
  void finish_step();
  void follow(after_step::next& next);
  void follow(after_step::conclude& concluded);
  void follow(after_step::done& finished_work);
  void follow(after_step::never_began& unbegun);
  void follow(after_step::leave& departed);
  void job_done();
  void answer_running(failure reason);
  void answer_in_time();

  // -- sessions ------------------------------------------------------------------

  std::optional<failure> refusal_of(session_id id) const;
  void next_command();
  void conclude(bool open);
  void conclude_stopped(client_request work, bool succeeded);
  void lose_failed_step();
  client_request* work_of_session();
  outcome if_session_ends();
  void end_session(const std::string& reason);
  void end_session(const std::string& reason, cenote::outcome outcome);

  // -- sharing -------------------------------------------------------------------

  void share(grant&& granted, ticket answer_to);
  void begin_sharing();
  void send_waiting();
  void drive_shared(db::progress progress);
  void first_done();
  void sharing_done();
  void stop_if_cancelled();
  void lose_shared(disposition kind, const failure& reason);

  // -- progress ------------------------------------------------------------------

  void drive(db::progress progress);
  void drive_once(db::progress progress);
  void finished();
  void finish_ping(const tl::expected<result, db::driver_error>& outcome);
  void finish_reset(const tl::expected<result, db::driver_error>& outcome);
  void want(bool read, bool write);
  void limit_until(time_point limit);
  void wake(time_point due) { wake_at_ = std::min(wake_at_, due); }
  void took_too_long();

  // -- stopping ------------------------------------------------------------------

  bool may_be_running() const;
  bool leaves_work_behind() const;
  bool was_cut() const;
  void stop_on_server(std::optional<client_request> work);
  void stopped();
  void give_up(const std::string& reason);

  // -- its end, and reports --------------------------------------------------------

  void reset_or_release();
  void check_failed(const std::string& reason);
  void release(disposition kind, std::string reason = {});
  bool leaves_if_retired();
  void report_free();
  void end();

  std::unique_ptr<db::server_link> link_; ///< Null when gone.
  std::chrono::nanoseconds patience_;
  time_point now_;

  activity::state state_;
  time_point busy_until_ = time_point::max(); ///< Time limit of its activity, other than sharing.
  time_point step_began_;                     ///< Of exclusive work.
  time_point wake_at_ = time_point::max();

  size_t expected_ = 0;
  bool wants_read_ = true; ///< An idle connection is watched, too: a server that hangs up is noticed at once.
  bool wants_write_ = false;
  bool driving_ = false;                      ///< `drive` is at work.
  std::optional<db::progress> next_progress_; ///< The next operation for it.

  connection_output output_;
  shared_statements shared_{output_};
  std::optional<session_in_use> session_;
  std::optional<session_end> last_session_; ///< The one before, for its holder's late messages.
  reuse_rules reuse_;
};

} // namespace cenote

#pragma once

// Private to the connection actor: its state, in five parts. connection.cpp has the session's life: checks, time
// limits, reports. connection_work.cpp has what it is used for alone: statements and transactions.
// connection_sessions.cpp has the sessions of its users, and what has become of their transactions.
// connection_sharing.cpp has the statements that share it, connection_stopping.cpp the end of those that nobody waits
// for any more.

#include "actors/connection.hpp"
#include "actors/job.hpp"
#include "actors/session_in_use.hpp"
#include "actors/socket_watch.hpp"
#include "pool/error_streak.hpp"
#include "pool/latency_estimator.hpp"

#include <caf/io/typed_broker.hpp>

#include <deque>
#include <functional>
#include <optional>
#include <string>

namespace cenote {

/// What the connection is doing.
enum class activity : uint8_t {
  idle,
  checking,  ///< The ping before its work.
  running,   ///< A step of a job.
  sharing,   ///< Statements that are sent one behind the other.
  leased,    ///< Waiting for what the holder of its session wants next.
  stopping,  ///< A statement whose user has been answered, or is gone: the server has been told to stop it.
  resetting, ///< The session is brought back into its first state.
  keepalive, ///< A ping for its own sake.
  gone,      ///< The session has ended; the pool has been told and will close this actor.
};

/// A statement on a connection that it shares.
struct shared_work {
  cenote::grant grant;
  caf::response_promise promise;
  size_t bytes = 0;       ///< About.
  bool wanted = true;     ///< Else it was answered before its time, or runs elsewhere: its result is thrown away.
  bool requeued = false;  ///< It was handed back to the pool, and runs on another connection.
  bool cancelled = false; ///< To be stopped if it is what the server runs.

  const statement& text() const { return std::get<statement>(grant.work); }
};

/// For texts: `1.500000 s`.
std::string seconds(std::chrono::nanoseconds x);

struct connection_state {
  using pointer = connection_actor::stateful_broker_pointer<connection_state>;

  static inline const char* name = "cenote.connection";

  connection_state(pointer this_actor, io_thread_ptr io_thread, connection_context about, db::connection session,
                   descriptor socket);
  ~connection_state();

  connection_actor::behavior_type make_behavior();
  connection_actor::behavior_type handlers();

  // -- what the pool asks for ----------------------------------------------------

  void begin(grant& what);
  void start_check(const grant& first);
  void ping();
  void check_caller();
  void close();

  // -- the connection's progress ---------------------------------------------------

  void drive(db::progress x);
  void drive_once(db::progress x);
  void finished();
  void finish_keepalive(const tl::expected<result, db::driver_error>& outcome);
  void finish_reset(const tl::expected<result, db::driver_error>& outcome);
  void limit_until(caf::actor_clock::time_point limit);
  void set_timer(caf::actor_clock::time_point at);
  caf::disposable run_at(caf::actor_clock::time_point when, std::function<void()> what);
  void stop_timer();
  void idle_event();
  void time_is_up();
  bool may_be_running() const;
  void activity_took_too_long();
  void answer_in_time();
  bool is_late(const grant& what) const;
  void end();
  void defect(const char* what);
  void expect_answers(size_t x);

  // -- work ------------------------------------------------------------------------

  void start_work();
  void start(transaction& what);
  void start(lease& what);
  void run_step();
  void finish_step();
  void step_failed(const db::driver_error& what);
  void not_undone();
  void lost_transaction();
  bool leaves_transaction_open() const;
  void roll_back_what_is_open();
  void job_done();
  void note_traces(const std::string& sql);
  void settle();

  void add(session_command what);
  void check_in(session_id id);
  std::optional<failure> refusal_of(session_id id) const;
  caf::result<void> hand_over(session_id id, caf::strong_actor_ptr to);
  caf::result<void> evict(session_id id);
  void await_first_use();
  void next_command();
  void carry_out(waiting_command next);
  void watch_waiting(caf::actor_clock::time_point deadline);
  void expire_waiting();
  void conclude(bool open);
  void conclude_stopped();
  outcome if_session_ends() const;
  void end_session(const std::string& why);
  void end_session(const std::string& why, outcome what);

  // -- statements that share the connection ----------------------------------------

  void share(grant& what);
  void begin_sharing();
  bool is_changed() const;
  void send_unsent();
  void end_turn();
  void drive_shared(db::progress x);
  void first_done();
  void sharing_done();
  void answer(shared_work& x, failure why);

  void requeue();
  void requeue(shared_work& x);
  void report_progress();
  void count_end(const shared_work& x);
  std::chrono::nanoseconds max_superseded_time() const;
  void limit_shared(caf::actor_clock::time_point limit);
  void expire_shared();
  void requeue_late(caf::actor_clock::time_point now, caf::actor_clock::time_point& next);
  void check_shared_callers();
  void stop_if_cancelled();

  void lose_shared(disposition what, const failure& why);
  void hand_back_unsent(const std::string& reason);

  // -- statements that nobody waits for any more ------------------------------------

  void stop_on_server();
  void stopped();
  void stop_failed();
  void give_up(std::string reason);
  void end_server_session();

  // -- reports -------------------------------------------------------------------

  void hand_back(std::string reason);
  void release(disposition what, std::string reason = {});
  void report(disposition what, std::string reason = {});
  void report_free();
  void note_success();
  void note_error(const db::driver_error& what, const caf::strong_actor_ptr& user);
  void answer(failure why);
  void cut(failure why);
  void put_numbers(failure& why) const;

  pointer self;
  io_thread_ptr where; ///< Before the watch, which uses its loop.
  connection_context context;
  std::optional<db::connection> db; ///< Empty when gone.
  descriptor watched;               ///< For the watch, until that is made.
  socket_watch_ptr watch;
  activity doing = activity::idle;
  size_t expecting = 0;                      ///< Answers of the server that are awaited.
  bool driving = false;                      ///< `drive` is at work.
  std::optional<db::progress> next_progress; ///< What it goes on with.
  caf::actor_clock::time_point busy_until;   ///< When what it does, other than sharing, has taken too long.
  caf::disposable timer;                     ///< For that, or for the limits of those who wait meanwhile.
  caf::actor_clock::time_point timer_at = caf::actor_clock::time_point::max();
  uint32_t ended = 0;    ///< Requests that have ended since the last report.
  uint32_t requeued = 0; ///< Requests that have left since then to run elsewhere.
  uint32_t stops = 0;    ///< Statements that were to be stopped since then.
  pool::error_streak streak;
  std::string last_error; ///< Of those requests whose errors say that something is wrong with the connection.
  std::string last_owner; ///< Who had the last session, if it said.

  // The work at hand.
  grant current;
  caf::response_promise promise; ///< Of the grant, until a job takes it.
  bool has_current = false;      ///< Whether the check before use is for it, and it has not been answered.
  std::optional<job> at_hand;
  std::optional<session_in_use> in_use;
  std::optional<session_end> last_session;   ///< The one before, for its holder's late messages.
  std::optional<session_end> unreported_end; ///< The same, until the pool knows.
  bool needs_reset = false;                  ///< The session may not be what it was.
  bool outlives_reset = false;               ///< And a reset does not bring it back.
  bool evicted = false;                      ///< Whoever had it does not want it to be used again.

  // Statements that share the connection.
  std::deque<shared_work> unsent;
  std::deque<shared_work> sent; ///< Their answers come in this order.
  size_t sent_bytes = 0;
  pool::latency_estimator turns;            ///< What the statements take that share this connection.
  caf::actor_clock::time_point turn_began;  ///< When the first of them was sent, or the one before it ended.
  caf::actor_clock::time_point first_began; ///< Only if the first one is not wanted: when its turn came.
  std::optional<released> last_report;      ///< The connection is of no use, but what was sent is still answered.

  // What is known about a statement that is being stopped.
  bool is_over = false;
  bool stop_confirmed = false;
  bool is_stopping_first = false;             ///< Of those that share the connection.
  caf::actor_clock::time_point stop_again_at; ///< Not sooner, because the server could not be told.
};

} // namespace cenote

#include "actors/connection.hpp"

#include "actors/classification.hpp"
#include "actors/connection_state.hpp"
#include "actors/guarded_behavior.hpp"
#include "actors/liveness.hpp"
#include "actors/log.hpp"
#include "cenote/error.hpp"
#include "pool/retry_rules.hpp"
#include "types/time.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

namespace cenote {

std::string seconds(std::chrono::nanoseconds x) {
  return std::to_string(std::chrono::duration<double>(x).count()) + " s";
}

connection_state::connection_state(pointer this_actor, io_thread_ptr io_thread, connection_context about,
                                   db::connection session, descriptor socket)
    : self{this_actor},
      where{std::move(io_thread)},
      context{std::move(about)},
      db{std::move(session)},
      watched{std::move(socket)} {
  // nop
}

connection_state::~connection_state() {
  if (watch)
    watch->stop();
}

connection_actor::behavior_type connection_state::make_behavior() {
  watch = caf::make_counted<socket_watch>(where->loop(), std::move(watched), self);
  // An idle connection is watched too: a server that hangs up is noticed at once.
  watch->want(true, false);
  self->monitor(context.pool);
  self->set_down_handler([this](const caf::down_msg&) { guard(*this, [this] { close(); }); });
  self->set_exit_handler([this](const caf::exit_msg&) { guard(*this, [this] { close(); }); });
  return guarded(this, handlers());
}

connection_actor::behavior_type connection_state::handlers() {
  return {
      [this](execute_atom, grant& what) -> caf::result<result> {
        if (what.shareable) {
          share(what);
        } else {
          promise = self->make_response_promise();
          begin(what);
        }
        return caf::delegated<result>{};
      },
      [this](execute_atom, session_command& what) -> caf::result<result> {
        add(std::move(what));
        return caf::delegated<result>{};
      },
      [this](requeue_atom) { requeue(); },
      [this](checkin_atom, session_id id) { check_in(id); },
      [this](handover_atom, session_id id, caf::strong_actor_ptr& to) { return hand_over(id, std::move(to)); },
      [this](evict_atom, session_id id) { return evict(id); },
      [this](ping_atom) { ping(); },
      [this](check_caller_atom) { check_caller(); },
      [this](close_atom) { close(); },
      [this](ready_atom, bool readable, bool writable) {
        if (expecting > 0)
          drive(db->resume(readable, writable));
        else if (doing != activity::gone)
          idle_event();
      },
  };
}

// -- what the pool asks for ------------------------------------------------------

void connection_state::begin(grant& what) {
  current = std::move(what);
  has_current = true;
  ended = 1; // By the time of the next report.
  if (doing != activity::idle) {
    hand_back("the connection has just been lost");
    return;
  }
  if (is_late(current)) {
    answer_in_time();
    release(disposition::reusable);
    return;
  }
  if (current.check != liveness_check::none && !db->alive()) {
    hand_back("the server had closed the connection");
    return;
  }
  if (db->lacks_database() || current.check == liveness_check::ping) {
    start_check(current);
  } else {
    has_current = false;
    start_work();
  }
}

/// Before the work: makes a round trip, or selects the database again if that is there by now.
/// @param first the request that it is made for. Whatever becomes of that one, the ping is given the time that a server
/// may take: somebody who is in a hurry must not cost the pool a connection that is only slow.
void connection_state::start_check(const grant& first) {
  doing = activity::checking;
  limit_until(std::min(first.check_until, later(self->clock().now(), context.server->connect_timeout)));
  if (first.deadline < timer_at)
    set_timer(first.deadline);
  drive(db->lacks_database() ? db->start_reset() : db->start_ping());
}

void connection_state::ping() {
  if (doing != activity::idle)
    return; // Lost in this moment: the pool will be told, or was.
  doing = activity::keepalive;
  limit_until(later(self->clock().now(), context.server->connect_timeout));
  drive(db->start_ping());
}

void connection_state::check_caller() {
  if (in_use && has_ended(current.user)) {
    end_session("its holder has ended"); // After it had checked the session in.
    return;
  }
  if (in_use) {
    auto held = self->clock().now() - in_use->since;
    auto& terms = in_use->terms;
    if (!in_use->warned && terms.leak_warning > terms.leak_warning.zero() && held >= terms.leak_warning) {
      in_use->warned = true;
      self->send(context.pool, leaked_atom_v, terms.id, caf::timespan{held}, in_use->last_statement);
      log().warn("session {} has been held for {} by {}; its last statement: {}", static_cast<uint64_t>(terms.id),
                 seconds(held), terms.options.owner.empty() ? "an actor without a name" : terms.options.owner,
                 in_use->last_statement.empty() ? "none" : in_use->last_statement);
    }
    return;
  }
  if (!sent.empty() || !unsent.empty())
    check_shared_callers();
  if (doing != activity::running || !has_ended(current.user))
    return;
  log().debug("connection {}: the caller of a statement has ended, stopping it", static_cast<uint64_t>(context.id));
  at_hand->promise().deliver(caller_has_ended(outcome::unknown));
  stop_on_server();
}

void connection_state::close() {
  if (may_be_running())
    end_server_session();
  auto why =
      own_failure(errc::connection_lost, outcome::unknown, "the pool closed the connection while the statement ran");
  auto never_sent = own_failure(errc::shutting_down, outcome::unavailable,
                                "the pool closed the connection before the statement was sent");
  for (auto& x : sent)
    answer(x, why);
  for (auto& x : unsent)
    answer(x, never_sent);
  if (doing == activity::running)
    cut(std::move(why));
  else if (doing == activity::checking && std::exchange(has_current, false))
    answer(std::move(never_sent));
  auto of_session = in_use ? if_session_ends() : outcome::rejected;
  doing = activity::gone; // So that nothing is begun any more.
  if (in_use)
    end_session("the pool closed its connection", of_session);
  stop_timer();
  expect_answers(0);
  self->quit();
}

// -- the connection's progress -----------------------------------------------------

/// Goes on with an operation, and with those that follow from its end. These do not nest, however many there are.
void connection_state::drive(db::progress x) {
  if (!sent.empty()) {
    drive_shared(x);
    return;
  }
  if (driving) {
    next_progress = x;
    return;
  }
  driving = true;
  for (std::optional now{x}; now; now = std::exchange(next_progress, std::nullopt))
    drive_once(*now);
  driving = false;
  end_turn(); // Of what has waited for that; a socket's event is a turn of its own.
}

void connection_state::drive_once(db::progress x) {
  expect_answers(x != db::progress::done ? 1 : 0);
  switch (x) {
  case db::progress::done:
    finished();
    break;
  case db::progress::want_read:
    watch->want(true, false);
    break;
  case db::progress::want_write:
    watch->want(false, true);
    break;
  case db::progress::want_both:
    watch->want(true, true);
    break;
  }
}

void connection_state::finished() {
  if (doing == activity::running) {
    finish_step();
    return;
  }
  auto outcome = db->take();
  if (doing == activity::checking) {
    if (!outcome) {
      hand_back(outcome.error().text);
    } else if (std::exchange(has_current, false)) {
      start_work();
    } else {
      watch->want(true, false);
      begin_sharing(); // Even if nobody is left.
    }
    return;
  }
  watch->want(true, false);
  if (doing == activity::stopping) {
    is_over = true;
    stopped();
  } else if (doing == activity::resetting) {
    finish_reset(outcome);
  } else {
    finish_keepalive(outcome);
  }
}

void connection_state::finish_keepalive(const tl::expected<result, db::driver_error>& outcome) {
  stop_timer();
  if (!outcome)
    release(disposition::lost, outcome.error().text);
  else if (in_use && at_hand)
    conclude_stopped();
  else
    job_done();
}

void connection_state::limit_until(caf::actor_clock::time_point limit) {
  busy_until = limit;
  set_timer(limit);
}

void connection_state::set_timer(caf::actor_clock::time_point at) {
  stop_timer();
  if (at == caf::actor_clock::time_point::max())
    return;
  timer_at = at;
  timer = self->run_scheduled(at, [this] {
    timer_at = caf::actor_clock::time_point::max();
    guard(*this, [this] { time_is_up(); });
  });
}

/// Does something when it is time, which is never at `time_point::max()`.
caf::disposable connection_state::run_at(caf::actor_clock::time_point when, std::function<void()> what) {
  if (when == caf::actor_clock::time_point::max())
    return {};
  return self->run_scheduled(when, [this, what = std::move(what)] { guard(*this, what); });
}

void connection_state::stop_timer() {
  timer.dispose();
  timer_at = caf::actor_clock::time_point::max();
}

/// The server said something while nothing was asked: it hangs up.
void connection_state::idle_event() {
  if (!db->alive())
    release(disposition::lost, "the server closed the connection while it was idle");
}

void connection_state::time_is_up() {
  if (doing == activity::idle || doing == activity::leased || doing == activity::gone)
    return; // Stopping it would have cost more than that it rings.
  if (doing != activity::sharing) {
    if (self->clock().now() >= busy_until) {
      activity_took_too_long();
      return;
    }
    set_timer(busy_until);
  }
  // It is the time of somebody who waits, or shares the connection.
  if (doing == activity::checking && has_current && is_late(current))
    answer_in_time();
  expire_shared(); // Also sets the timer for the others.
  stop_if_cancelled();
}

/// Whether the time is up that the request has from its caller.
bool connection_state::is_late(const grant& what) const {
  return what.deadline != caf::actor_clock::time_point::max() && what.deadline <= self->clock().now();
}

/// The request that the connection was given for alone has not begun in its time.
void connection_state::answer_in_time() {
  has_current = false;
  auto is_session = std::holds_alternative<lease>(current.work);
  answer(own_failure(is_session ? errc::acquire_timeout : errc::statement_timeout,
                     is_session ? outcome::unavailable : outcome::not_sent,
                     "the request's own time was up before its connection was ready; nothing was sent"));
}

void connection_state::activity_took_too_long() {
  switch (doing) {
  case activity::checking:
    hand_back("the server did not answer a ping in time");
    break;
  case activity::keepalive:
    release(disposition::lost, "the server did not answer a ping in time");
    break;
  case activity::stopping:
    give_up("a statement did not end within " + seconds(context.server->connect_timeout) + " after it was stopped");
    break;
  case activity::resetting:
    give_up("the session was not reset within " + seconds(context.server->connect_timeout));
    break;
  case activity::running:
    cut(own_failure(errc::statement_timeout, outcome::unknown,
                    "stopped after its time limit of " + seconds(at_hand->limit())));
    stop_on_server();
    break;
  case activity::sharing:
  case activity::idle:
  case activity::leased:
  case activity::gone:
    break;
  }
}

/// An exception left the connection in a state that nobody knows: it is given up, and whatever it had to do is
/// answered, also what was not sent, which may be to blame.
void connection_state::defect(const char* what) {
  log().error("connection {}: an exception: {}; it is closed", static_cast<uint64_t>(context.id), what);
  auto why = own_failure(errc::internal, outcome::unknown, std::string{"an exception inside cenote: "} + what);
  try {
    for (auto& x : std::exchange(sent, {}))
      answer(x, why);
    for (auto& x : std::exchange(unsent, {}))
      answer(x, why);
    if (doing == activity::gone)
      return;
    end_server_session();
    answer(why);
    ended = std::max<uint32_t>(ended, 1);
    release(disposition::broken, why.text);
  } catch (const std::exception&) {
    self->quit(caf::sec::runtime_error); // Tells the pool, and everybody who waits.
  }
}

/// Whether the server may be at work for somebody: a statement of its user's, or the end of what that one has left
/// open.
bool connection_state::may_be_running() const {
  switch (doing) {
  case activity::running:
  case activity::sharing:
  case activity::stopping:
  case activity::resetting:
    return true;
  case activity::idle:
  case activity::checking:
  case activity::leased:
  case activity::keepalive:
  case activity::gone:
    break;
  }
  return false;
}

/// Cuts the connection to the server.
void connection_state::end() {
  expect_answers(0);
  watch->stop();
  db.reset();
}

void connection_state::expect_answers(size_t x) {
  auto before = std::exchange(expecting, x);
  if (x != before)
    where->loop().expect(static_cast<ptrdiff_t>(x) - static_cast<ptrdiff_t>(before));
}

// -- reports ---------------------------------------------------------------------

/// Nothing was sent: the pool finds another connection.
void connection_state::hand_back(std::string reason) {
  stop_timer();
  auto was = std::exchange(doing, activity::gone);
  end();
  if (!unsent.empty()) {
    hand_back_unsent(reason);
    return;
  }
  at_hand.reset();
  if (was == activity::checking && !std::exchange(has_current, false)) { // They have all been answered.
    report(disposition::lost, std::move(reason));
    return;
  }
  if (was == activity::gone) // Already reported.
    reason = "the connection has just been lost";
  promise.delegate(context.pool, returned_atom_v, context.id, std::move(current), std::move(reason));
}

void connection_state::release(disposition what, std::string reason) {
  stop_timer();
  auto of_session = in_use ? if_session_ends() : outcome::rejected;
  if (what != disposition::reusable && may_be_running() && !db->usable())
    end_server_session();
  doing = activity::idle;
  at_hand.reset();
  // What it held may be large, and the connection idle for long. Another kind of work, because a text that is assigned
  // to keeps its memory.
  current = {};
  current.work.emplace<lease>();
  promise = {};
  if (what == disposition::reusable && last_report) { // Until it was free, what was sent before had to be answered.
    what = last_report->disposition;
    reason = last_report->reason;
  }
  if (what != disposition::reusable) {
    doing = activity::gone; // So that nothing is begun any more.
    if (in_use)
      end_session("its connection was lost (" + reason + ")", of_session);
    end();
    report(what, reason);
    hand_back_unsent(reason);
  } else if (!unsent.empty()) { // They came while it was busy with itself.
    begin_sharing();
  } else {
    report_free();
  }
}

/// It is in order and waits for work. If nothing that it was given for a while has succeeded, the pool is told.
void connection_state::report_free() {
  if (!streak.is_suspect()) {
    report(disposition::reusable);
    return;
  }
  streak = {}; // If it is not replaced now, it is when it does no better.
  report(disposition::suspect, "one request after the other failed on it: " + last_error);
}

void connection_state::note_success() {
  if (!in_use)
    streak.succeeded();
}

/// What a session's holder runs into may be of its own making.
void connection_state::note_error(const db::driver_error& what, const caf::strong_actor_ptr& user) {
  if (in_use || what.source != db::error_source::server)
    return;
  streak.failed(what.number, what.sqlstate, user ? user->id() : 0);
  last_error = what.text;
}

/// What has ended counts as such before what is handed back comes again.
void connection_state::report(disposition what, std::string reason) {
  self->send(context.pool, released_atom_v, context.id,
             released{what, std::move(reason), std::exchange(ended, 0), std::exchange(requeued, 0),
                      std::exchange(stops, 0), std::exchange(unreported_end, std::nullopt)});
}

/// The work at hand is not waited for any more.
void connection_state::cut(failure why) {
  answer(at_hand ? at_hand->outcome_if_cut(std::move(why), db->in_transaction()) : std::move(why));
}

void connection_state::put_numbers(failure& why) const {
  why.attempts = current.attempts;
  why.waited = current.waited;
  if (current.in_doubt)
    why = pool::after_doubt(std::move(why));
}

void connection_state::answer(failure why) {
  put_numbers(why);
  if (at_hand)
    at_hand->answer(std::move(why));
  else
    promise.deliver(make_error(std::move(why)));
}

namespace {

/// CAF's brokers leave their mailbox open when they end: whoever sends to a dead one would make its event loop run it
/// again, even after that loop is gone, and a request would never be answered. Ends as every other actor does.
class connection_broker : public connection_actor::stateful_broker_base<connection_state> {
public:
  using super = connection_actor::stateful_broker_base<connection_state>;
  using super::super;

  resume_result resume(caf::execution_unit* host, size_t max_throughput) override {
    auto result = super::resume(host, max_throughput);
    if (!getf(is_terminated_flag))
      state.end_turn();
    return result;
  }

  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    return caf::scheduled_actor::cleanup(std::move(reason), host);
  }
};

} // namespace

connection_actor spawn_connection(caf::actor_system& sys, io_thread_ptr where, connection_context context,
                                  db::connection session, descriptor socket) {
  caf::actor_config cfg{&where->loop()};
  return sys.spawn_class<connection_broker, caf::no_spawn_options>(cfg, std::move(where), std::move(context),
                                                                   std::move(session), std::move(socket));
}

} // namespace cenote

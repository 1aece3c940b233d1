#include "actors/connection.hpp"

#include "actors/judgement.hpp"
#include "actors/liveness.hpp"
#include "actors/log.hpp"
#include "actors/socket_watch.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/typed_broker.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace cenote {

namespace {

/// What the session is doing.
enum class activity : uint8_t {
  idle,
  checking,  ///< The ping before a statement.
  running,   ///< A statement.
  stopping,  ///< A statement whose user has been answered, or is gone: the server has been told to stop it.
  keepalive, ///< A ping for its own sake.
  gone,      ///< The session has ended; the pool has been told and will close this actor.
};

std::string seconds(std::chrono::nanoseconds x) {
  return std::to_string(std::chrono::duration<double>(x).count()) + " s";
}

failure cut(errc code, std::string text) {
  failure result;
  result.code = code;
  result.what = outcome::unknown;
  result.text = std::move(text);
  return result;
}

struct connection_state {
  using pointer = connection_actor::stateful_broker_pointer<connection_state>;

  static inline const char* name = "cenote.connection";

  connection_state(pointer this_actor, lane_ptr lane, connection_context about, db::connection session)
      : self{this_actor}, where{std::move(lane)}, context{std::move(about)}, db{std::move(session)} {
    // nop
  }

  ~connection_state() {
    if (watch)
      watch->stop();
  }

  connection_actor::behavior_type make_behavior();

  // -- what the pool asks for ----------------------------------------------------

  void begin(grant& what);
  void run();
  void ping();
  void look_after();
  void close();

  // -- the session's progress ----------------------------------------------------

  void drive(db::progress x);
  void finished();
  void finish_statement(tl::expected<result, db::trouble> outcome);
  void stop_on_server();
  void stopped();
  void finish_keepalive(const tl::expected<result, db::trouble>& outcome);
  void limit_until(caf::actor_clock::time_point limit);
  void idle_event();
  void time_is_up();
  void give_up(std::string reason);
  void end_server_session();

  // -- reports -------------------------------------------------------------------

  void hand_back(std::string reason);
  void release(fate what, std::string reason = {});
  void answer(failure why);

  pointer self;
  lane_ptr where; ///< Before the watch, which uses its loop.
  connection_context context;
  std::optional<db::connection> db; ///< Empty when gone.
  socket_watch_ptr watch;
  activity doing = activity::idle;

  // The statement at hand.
  grant current;
  caf::typed_response_promise<result> promise;
  caf::disposable timer;

  // What is known about a statement that is being stopped.
  bool is_over = false;
  bool stop_confirmed = false;
};

connection_actor::behavior_type connection_state::make_behavior() {
  watch = caf::make_counted<socket_watch>(where->loop(), db->socket(), self);
  // An idle connection is watched too: a server that hangs up is noticed at once.
  watch->want(true, false);
  self->monitor(context.pool);
  self->set_down_handler([this](const caf::down_msg&) { close(); });
  self->set_exit_handler([this](const caf::exit_msg&) { close(); });
  return {
      [this](execute_atom, grant& what) -> caf::result<result> {
        promise = self->make_response_promise<result>();
        begin(what);
        return promise;
      },
      [this](ping_atom) { ping(); },
      [this](look_after_atom) { look_after(); },
      [this](close_atom) { close(); },
      [this](ready_atom, bool readable, bool writable) {
        if (doing == activity::idle)
          idle_event();
        else if (doing != activity::gone)
          drive(db->resume(readable, writable));
      },
  };
}

void connection_state::begin(grant& what) {
  current = std::move(what);
  if (doing != activity::idle) {
    hand_back("the connection has just been lost");
    return;
  }
  if (current.check != liveness_check::none && !db->alive()) {
    hand_back("the server had closed the connection");
    return;
  }
  if (current.check == liveness_check::ping) {
    doing = activity::checking;
    limit_until(std::min(current.check_until, current.deadline));
    drive(db->start_ping());
  } else {
    run();
  }
}

void connection_state::run() {
  doing = activity::running;
  limit_until(current.deadline);
  drive(db->start_execute(current.what));
}

void connection_state::limit_until(caf::actor_clock::time_point limit) {
  timer.dispose();
  if (limit != caf::actor_clock::time_point::max())
    timer = self->run_delayed(limit - self->clock().now(), [this] { time_is_up(); });
}

void connection_state::ping() {
  if (doing != activity::idle)
    return; // Lost in this moment: the pool will be told, or was.
  doing = activity::keepalive;
  limit_until(self->clock().now() + context.server->connect_timeout);
  drive(db->start_ping());
}

void connection_state::close() {
  if (doing == activity::running || doing == activity::checking || doing == activity::stopping)
    end_server_session();
  if (doing == activity::running || doing == activity::checking)
    answer(cut(errc::connection_lost, "the pool closed the connection while the statement ran"));
  timer.dispose();
  self->quit();
}

void connection_state::drive(db::progress x) {
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
  auto outcome = db->take();
  if (doing == activity::checking) {
    if (!outcome) {
      hand_back(outcome.error().text);
      return;
    }
    run();
    return;
  }
  watch->want(true, false);
  if (doing == activity::stopping) {
    is_over = true;
    stopped();
  } else if (doing == activity::running) {
    finish_statement(std::move(outcome));
  } else {
    finish_keepalive(outcome);
  }
}

/// The statement's result is not wanted any more. The session may be used again when the statement is over and the
/// server has confirmed the stop, which would hit the next statement else.
void connection_state::stop_on_server() {
  doing = activity::stopping;
  is_over = false;
  stop_confirmed = false;
  limit_until(self->clock().now() + context.server->connect_timeout);
  // No timeout of CAF's: the timer ends this activity.
  self->request(context.controller, caf::infinite, stop_atom_v, db->server_id())
      .then(
          [this] {
            stop_confirmed = true;
            if (doing == activity::stopping)
              stopped();
          },
          [this](const caf::error&) {
            if (doing == activity::stopping)
              give_up("a statement could not be stopped on the server");
          });
}

void connection_state::stopped() {
  if (!is_over || !stop_confirmed)
    return;
  if (!db->usable()) {
    release(fate::lost, "the connection was lost while a statement was being stopped");
    return;
  }
  // A stop that came too late would hit the next statement: this ping takes it.
  doing = activity::idle;
  ping();
}

void connection_state::finish_keepalive(const tl::expected<result, db::trouble>& outcome) {
  timer.dispose();
  if (outcome)
    release(fate::reusable);
  else
    release(fate::lost, outcome.error().text);
}

void connection_state::finish_statement(tl::expected<result, db::trouble> outcome) {
  timer.dispose();
  if (outcome) {
    promise.deliver(std::move(*outcome));
    release(fate::reusable);
    return;
  }
  auto judged = judge(outcome.error(), current.what.kind, db->is_mariadb());
  if (judged.why.what == outcome::not_sent) {
    hand_back(judged.why.text);
    return;
  }
  if (judged.connection == fate::reusable && !db->usable())
    judged.connection = fate::broken;
  auto text = judged.why.text;
  answer(std::move(judged.why));
  release(judged.connection, std::move(text));
}

/// The server said something while nothing was asked: it hangs up.
void connection_state::idle_event() {
  if (!db->alive())
    release(fate::lost, "the server closed the connection while it was idle");
}

void connection_state::time_is_up() {
  if (doing == activity::checking)
    hand_back("the server did not answer a ping in time");
  else if (doing == activity::keepalive)
    release(fate::lost, "the server did not answer a ping in time");
  else if (doing == activity::stopping)
    give_up("a statement did not end within " + seconds(context.server->connect_timeout) + " after it was stopped");
  if (doing != activity::running)
    return;
  answer(cut(errc::statement_timeout,
             "the statement was stopped after its time limit of " + seconds(current.what.timeout)));
  stop_on_server();
}

/// The session cannot be used any more though nobody ended it.
void connection_state::give_up(std::string reason) {
  end_server_session();
  release(fate::broken, std::move(reason));
}

void connection_state::end_server_session() {
  // Without a sender: a failure is logged by the controller, and would end this actor.
  caf::anon_send(context.controller, end_atom_v, db->server_id());
}

void connection_state::look_after() {
  if (doing != activity::running || !has_ended(current.user))
    return;
  log().info("connection {}: the caller of a statement has ended, stopping it", static_cast<uint64_t>(context.id));
  promise.deliver(caf::make_error(caf::sec::request_receiver_down)); // To nobody.
  stop_on_server();
}

/// The statement was not sent: the pool finds it another connection.
void connection_state::hand_back(std::string reason) {
  timer.dispose();
  auto was = std::exchange(doing, activity::gone);
  watch->stop();
  db.reset();
  if (was == activity::gone) // Already reported.
    reason = "the connection has just been lost";
  promise.delegate(context.pool, returned_atom_v, context.id, std::move(current), std::move(reason));
}

void connection_state::release(fate what, std::string reason) {
  doing = activity::idle;
  if (what != fate::reusable) {
    doing = activity::gone;
    watch->stop();
    db.reset();
  }
  self->send(context.pool, released_atom_v, context.id, released{what, std::move(reason)});
}

void connection_state::answer(failure why) {
  why.attempts = current.attempts;
  why.waited = current.waited;
  promise.deliver(make_error(std::move(why)));
}

/// CAF's brokers leave their mailbox open when they end: whoever sends to a dead one would make its event loop run it
/// again, even after that loop is gone, and a request would never be answered. Ends as every other actor does.
class connection_broker : public connection_actor::stateful_broker_base<connection_state> {
public:
  using super = connection_actor::stateful_broker_base<connection_state>;
  using super::super;

  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    return caf::scheduled_actor::cleanup(std::move(reason), host);
  }
};

} // namespace

connection_actor spawn_connection(caf::actor_system& sys, lane_ptr where, connection_context context,
                                  db::connection session) {
  caf::actor_config cfg{&where->loop()};
  return sys.spawn_class<connection_broker, caf::no_spawn_options>(cfg, std::move(where), std::move(context),
                                                                   std::move(session));
}

} // namespace cenote

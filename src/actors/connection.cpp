#include "actors/connection.hpp"

#include "actors/connector.hpp"
#include "actors/judgement.hpp"
#include "actors/socket_watch.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/typed_broker.hpp>
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
  keepalive, ///< A ping for its own sake.
  gone,      ///< The session has ended; the pool has been told and will close this actor.
};

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
  void close();

  // -- the session's progress ----------------------------------------------------

  void drive(db::progress x);
  void finished();
  void finish_statement(tl::expected<result, db::trouble> outcome);
  void finish_keepalive(const tl::expected<result, db::trouble>& outcome);
  void limit_until(caf::actor_clock::time_point limit);
  void idle_event();
  void time_is_up();

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
  if (doing == activity::running || doing == activity::checking) {
    end_server_session(self->system(), context.server, db->server_id());
    answer(cut(errc::connection_lost, "the pool closed the connection while the statement ran"));
  }
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
  if (doing == activity::running)
    finish_statement(std::move(outcome));
  else
    finish_keepalive(outcome);
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
  if (doing != activity::running)
    return;
  auto limit = std::chrono::duration<double>(current.what.timeout).count();
  auto text = "the statement was stopped after its time limit of " + std::to_string(limit) + " s";
  end_server_session(self->system(), context.server, db->server_id());
  answer(cut(errc::statement_timeout, text));
  release(fate::broken, text);
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

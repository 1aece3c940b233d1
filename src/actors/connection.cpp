#include "actors/connection.hpp"

#include "actors/measured_work.hpp"
#include "cenote/error.hpp"
#include "connection/connection_core.hpp"
#include "connection/seconds.hpp"
#include "log/log.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/liveness.hpp"
#include "runtime/socket_watch.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/typed_broker.hpp>
#include <caf/send.hpp>

#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace cenote {

namespace {

/// What operators ask for, and the checkout of a session, are not measured as operations.
std::optional<metrics::operation> measured_as(const work_request& x) {
  return x.fail_fast ? std::nullopt : operation_of(x.work);
}

/// The actor around a `connection_core`: translates messages into events, and carries out what that asks for.
struct connection_state {
  using pointer = connection_actor::stateful_broker_pointer<connection_state>;

  static inline const char* name = "cenote.connection";

  connection_state(pointer this_actor, io_thread_ptr thread, connection_context about, db::connection session,
                   descriptor socket)
      : self{this_actor},
        where{std::move(thread)},
        context{std::move(about)},
        identity{session.identity()},
        core{std::make_unique<db::connection>(std::move(session)), context.server->connect_timeout},
        watched{std::move(socket)} {
    // nop
  }

  ~connection_state() {
    timer.dispose();
    if (watch)
      watch->stop();
  }

  connection_actor::behavior_type make_behavior() {
    watch = caf::make_counted<socket_watch>(where->loop(), std::move(watched), self, [](bool readable, bool writable) {
      return caf::make_message(ready_atom_v, readable, writable);
    });
    watch->want(true, false);
    self->monitor(context.pool);
    self->set_down_handler([this](const caf::down_msg&) { guard(*this, [this] { close(); }); });
    self->set_exit_handler([this](const caf::exit_msg&) { guard(*this, [this] { close(); }); });
    return guarded(this, handlers());
  }

  connection_actor::behavior_type handlers() {
    return {
        [this](execute_atom, grant& what, caf::strong_actor_ptr& caller) -> caf::result<result> {
          auto at = now();
          auto answer_to = await({{},
                                  std::move(caller),
                                  measured_as(what.request),
                                  what.request.accepted,
                                  record_of(*context.statements, what.request),
                                  at});
          core.begin(std::move(what), answer_to, at);
          carry_out();
          return caf::delegated<result>{};
        },
        [this](execute_atom, session_command& what) -> caf::result<result> {
          auto at = now();
          auto answer_to = await(
              {{}, nullptr, metrics::operation::session_command, at, context.statements->find(text_of(what)), at});
          core.execute(std::move(what), answer_to, at);
          carry_out();
          return caf::delegated<result>{};
        },
        [this](requeue_atom) {
          core.requeue_waiting(now());
          carry_out();
        },
        [this](checkin_atom, session_id id) {
          core.check_in(id, has_ended(holder), now());
          carry_out();
        },
        [this](handover_atom, session_id id, caf::strong_actor_ptr& to) -> caf::result<void> {
          if (auto why = core.hand_over(id, now()))
            return make_error(std::move(*why));
          holder = std::move(to);
          carry_out();
          return caf::unit;
        },
        [this](evict_atom, session_id id) -> caf::result<void> {
          if (auto why = core.evict(id, now()))
            return make_error(std::move(*why));
          return caf::unit;
        },
        [this](kill_atom, session_id id) -> caf::result<void> {
          auto refused = core.kill(id, now());
          carry_out();
          if (refused)
            return make_error(std::move(*refused));
          return caf::unit;
        },
        [this](details_atom) {
          return connection_report{core.view(now()), answered};
        },
        [this](ping_atom) {
          core.ping(now());
          carry_out();
        },
        [this](check_caller_atom) {
          check_callers();
          carry_out();
        },
        [this](close_atom) { close(); },
        [this](ready_atom, bool readable, bool writable) {
          core.ready(readable, writable, now());
          core.end_turn(now()); // A socket's event is a turn of its own.
          carry_out();
        },
    };
  }

  /// A request that has not been answered.
  struct request {
    caf::response_promise promise;
    caf::strong_actor_ptr caller;                      ///< Whose end makes it useless; may be null.
    std::optional<metrics::operation> kind;            ///< If it is to be measured.
    time_point accepted;                               ///< By the pool.
    std::shared_ptr<metrics::statement_record> record; ///< May be null.
    time_point began;                                  ///< Here.
  };

  // -- events --------------------------------------------------------------------

  /// Keeps where the request at hand is to be answered.
  ticket await(request about) {
    auto id = ticket{++last_ticket};
    about.promise = self->make_response_promise();
    awaited.emplace(id, std::move(about));
    return id;
  }

  void check_callers() {
    std::vector<ticket> ended;
    for (auto& [id, x] : awaited)
      if (has_ended(x.caller))
        ended.push_back(id);
    core.check_callers(ended, has_ended(holder), now());
  }

  void close() {
    core.close(now());
    carry_out();
    self->quit();
  }

  void end_turn() {
    core.end_turn(now());
    carry_out();
  }

  void defect(const char* what) {
    log().error("connection {}: an exception: {}; it is closed", static_cast<uint64_t>(context.id), what);
    try {
      core.fail(what, now());
      carry_out();
    } catch (const std::exception&) {
      self->quit(caf::sec::runtime_error); // Tells the pool, and everybody who waits.
    }
  }

  // -- what the core asks for ------------------------------------------------------

  void carry_out() {
    for (auto todo = core.take_commands(); !todo.empty(); todo = core.take_commands())
      for (auto& x : todo)
        std::visit([this](auto& command) { carry_out(command); }, x);
    if (core.is_gone())
      watch->stop();
    else
      watch->want(core.wants_read(), core.wants_write());
    if (!core.has_session())
      holder = nullptr;
    expect_answers(core.expected_answers());
    set_timer(core.next_event());
  }

  void carry_out(connection_command::answer& x) {
    auto to = awaited.extract(x.to);
    auto& promise = to.mapped().promise;
    ++answered;
    measure(to.mapped(), x);
    if (auto why = std::get_if<failure>(&x.content)) {
      promise.deliver(make_error(std::move(*why)));
    } else if (auto rows = std::get_if<result>(&x.content)) {
      promise.deliver(std::move(*rows));
    } else if (auto all = std::get_if<std::vector<result>>(&x.content)) {
      promise.deliver(std::move(*all));
    } else if (auto id = std::get_if<session_id>(&x.content)) {
      holder = std::move(to.mapped().caller);
      promise.deliver(*id);
      if (has_ended(holder)) // The pool has said so before there was a session to end.
        core.check_in(*id, true, now());
    } else {
      promise.deliver();
    }
  }

  /// Before the answer, so that whoever has got that finds it counted. The time is that of the event at hand.
  void measure(const request& about, const connection_command::answer& x) {
    if (!about.kind)
      return;
    auto& measured = *context.measured;
    auto why = std::get_if<failure>(&x.content);
    measured.answered(*about.kind, why ? std::optional{why->outcome} : std::nullopt, last_event - about.accepted);
    result_size size;
    if (auto rows = std::get_if<result>(&x.content))
      size = size_of(*rows);
    else if (auto all = std::get_if<std::vector<result>>(&x.content))
      for (auto& one : *all)
        size += size_of(one);
    measured.delivered(size.bytes);
    if (about.record)
      about.record->add(why != nullptr, size.rows, last_event - about.began);
  }

  void carry_out(connection_command::return_grant& x) {
    auto to = awaited.extract(x.of);
    to.mapped().promise.delegate(context.pool, returned_atom_v, context.id, std::move(x.work),
                                 std::move(to.mapped().caller), std::move(x.reason));
  }

  void carry_out(connection_command::requeue_grant& x) {
    auto to = awaited.extract(x.of);
    to.mapped().promise.delegate(context.pool, requeued_atom_v, context.id, std::move(x.work),
                                 std::move(to.mapped().caller));
  }

  void carry_out(connection_command::report& x) {
    self->send(context.pool, released_atom_v, context.id, std::move(x.content));
  }

  void carry_out(connection_command::stop_statement&) {
    log().debug("connection {}: stopping what it runs", static_cast<uint64_t>(context.id));
    // No timeout of CAF's: the core's own time limit ends this.
    self->request(context.canceller, caf::infinite, stop_atom_v, identity)
        .then(
            [this] {
              guard(*this, [this] {
                core.stop_confirmed(now());
                carry_out();
              });
            },
            [this](const caf::error&) {
              guard(*this, [this] {
                core.stop_failed(now());
                carry_out();
              });
            });
  }

  /// What the session runs, or holds in an open transaction, would go on at the server though nobody is connected to it
  /// any more: it does not look whether its client is still there.
  void carry_out(connection_command::end_server_session&) {
    // Without a sender: a failure is logged by the canceller, and would end this actor.
    caf::anon_send(context.canceller, end_atom_v, identity);
  }

  void carry_out(connection_command::warn_of_leak& x) {
    self->send(context.pool, leaked_atom_v, x.session, caf::timespan{x.held}, x.last_statement);
    log().warn("session {} has been held for {} by {}; its last statement: {}", static_cast<uint64_t>(x.session),
               seconds(x.held), x.owner.empty() ? "an actor without a name" : x.owner,
               x.last_statement.empty() ? "none" : x.last_statement);
  }

  void carry_out(connection_command::warn_of_unclaimed& x) {
    log().warn("{} has not used its session {} once within {}: it is ended. Its answer may have come too late: let the "
               "request wait for longer than session_options::acquire_timeout, or use the session sooner",
               x.owner.empty() ? "an actor without a name" : x.owner, static_cast<uint64_t>(x.session),
               seconds(x.limit));
  }

  void expect_answers(size_t count) {
    auto before = std::exchange(expected, count);
    if (count != before)
      where->loop().expect(static_cast<ptrdiff_t>(count) - static_cast<ptrdiff_t>(before));
  }

  void set_timer(time_point when) {
    if (when >= armed_for)
      return; // It rings early at worst, and is set anew then: that costs less than setting it for each statement.
    timer.dispose();
    armed_for = when;
    timer = self->run_scheduled(std::max(when, now()), [this] {
      armed_for = time_point::max();
      guard(*this, [this] {
        core.tick(now());
        carry_out();
      });
    });
  }

  time_point now() { return last_event = self->clock().now(); }

  pointer self;
  io_thread_ptr where; ///< Before the watch, which uses its loop.
  connection_context context;
  server_session identity;
  connection_core core;
  descriptor watched; ///< For the watch, until that is made.
  socket_watch_ptr watch;
  std::unordered_map<ticket, request> awaited;
  uint64_t last_ticket = 0;
  uint64_t answered = 0;
  time_point last_event;        ///< When it happened.
  caf::strong_actor_ptr holder; ///< Of the session, if there is one.
  size_t expected = 0;          ///< Answers, as the event loop knows.
  caf::disposable timer;
  time_point armed_for = time_point::max();
};

/// CAF's brokers leave their mailbox open when they end: whoever sends to a dead one would make its event loop run it
/// again, even after that loop is gone, and a request would never be answered. Ends as every other actor does.
class connection_broker : public connection_actor::stateful_broker_base<connection_state> {
public:
  using super = connection_actor::stateful_broker_base<connection_state>;
  using super::super;

  resume_result resume(caf::execution_unit* host, size_t max_throughput) override {
    auto result = super::resume(host, max_throughput);
    if (!getf(is_terminated_flag))
      guard(state, [this] { state.end_turn(); });
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

#include "actors/connection.hpp"

#include "actors/measured_work.hpp"
#include "cenote/error.hpp"
#include "connection/connection_core.hpp"
#include "connection/seconds.hpp"
#include "log/log.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/liveness.hpp"
#include "runtime/pending_reply.hpp"
#include "runtime/socket_watch.hpp"
#include "types/recycling_map.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/typed_broker.hpp>
#include <caf/send.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace cenote {

namespace {

/// Requests of operators, and the checkout of a session, are not measured as operations.
std::optional<metrics::operation> measured_as(const work_request& request) {
  return request.fail_fast ? std::nullopt : operation_of(request.work);
}

/// The actor around a `connection_core`: translates messages into events, and carries out the commands of the core.
struct connection_state {
  using pointer = connection_actor::stateful_broker_pointer<connection_state>;

  static inline const char* name = "cenote.connection";

  connection_state(pointer this_actor, io_thread_ptr thread, connection_context given, db::connection session,
                   descriptor socket)
      : self{this_actor},
        home{std::move(thread)},
        context{std::move(given)},
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
    watch = caf::make_counted<socket_watch>(home->loop(), std::move(watched), self, [](bool readable, bool writable) {
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
        [this](execute_atom, grant& granted, caf::strong_actor_ptr& caller) -> caf::result<result> {
          auto at = now();
          auto answer_to = await({{},
                                  std::move(caller),
                                  measured_as(granted.request),
                                  granted.request.accepted,
                                  record_of(context.measured->statements(), granted.request),
                                  at});
          core.begin(std::move(granted), answer_to, at);
          carry_out_commands(); // The rest at the end of the turn: many statements come together.
          return caf::delegated<result>{};
        },
        [this](execute_atom, session_command& command) -> caf::result<result> {
          auto at = now();
          auto answer_to = await({{},
                                  nullptr,
                                  metrics::operation::session_command,
                                  at,
                                  context.measured->statements().find(text_of(command)),
                                  at});
          core.execute(std::move(command), answer_to, at);
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
          if (auto reason = core.hand_over(id, now()))
            return make_error(std::move(*reason));
          holder = std::move(to);
          carry_out();
          return caf::unit;
        },
        [this](evict_atom, session_id id) -> caf::result<void> {
          if (auto reason = core.evict(id, now()))
            return make_error(std::move(*reason));
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
    pending_reply reply;
    caf::strong_actor_ptr caller;                      ///< The request is useless after its end; may be null.
    std::optional<metrics::operation> kind;            ///< If it is to be measured.
    time_point accepted;                               ///< By the pool.
    std::shared_ptr<metrics::statement_record> record; ///< May be null.
    time_point began;                                  ///< Here.
  };

  // -- events --------------------------------------------------------------------

  /// The current request will be answered later.
  ticket await(request&& pending) {
    auto id = ticket{++last_ticket};
    pending.reply = pending_reply{*self};
    awaited.add(id, std::move(pending));
    return id;
  }

  void check_callers() {
    std::vector<ticket> ended;
    for (auto& [id, waiting] : awaited)
      if (has_ended(waiting.caller))
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

  void defect(const char* problem) {
    log().error("connection {}: an exception: {}; it is closed", static_cast<uint64_t>(context.id), problem);
    try {
      core.fail(problem, now());
      carry_out();
    } catch (const std::exception&) {
      expect_answers(0);                   // From this connection nobody waits for one any more.
      self->quit(caf::sec::runtime_error); // Informs the pool, and all callers that wait.
    }
  }

  // -- commands of the core --------------------------------------------------------

  void carry_out_commands() {
    for (core.take_commands(todo); !todo.empty(); core.take_commands(todo))
      for (auto& each : todo)
        std::visit([this](auto& command) { carry_out(command); }, each);
  }

  void carry_out() {
    carry_out_commands();
    if (core.is_gone())
      watch->stop();
    else
      watch->want(core.wants_read(), core.wants_write());
    if (!core.has_session())
      holder = nullptr;
    count_prepared();
    expect_answers(core.expected_answers());
    set_timer(core.next_event());
  }

  void carry_out(connection_command::answer& answer) {
    auto waiting = awaited.take(answer.to);
    auto& reply = waiting.reply;
    ++answered;
    home->loop().note_answer();
    measure(waiting, answer);
    if (auto error = std::get_if<failure>(&answer.content)) {
      reply.deliver(make_error(std::move(*error)));
    } else if (auto rows = std::get_if<result>(&answer.content)) {
      reply.deliver(std::move(*rows));
    } else if (auto all = std::get_if<std::vector<result>>(&answer.content)) {
      reply.deliver(std::move(*all));
    } else if (auto id = std::get_if<session_id>(&answer.content)) {
      holder = std::move(waiting.caller);
      reply.deliver(*id);
      if (has_ended(holder)) // Its end was reported before there was a session to end.
        core.check_in(*id, true, now());
    } else {
      reply.deliver();
    }
  }

  /// Before the answer, so that it is counted when the caller has got it. The time is that of the current event.
  void measure(const request& waiting, const connection_command::answer& answer) {
    if (!waiting.kind)
      return;
    auto& measured = *context.measured;
    auto error = std::get_if<failure>(&answer.content);
    measured.answered(*waiting.kind, error ? std::optional{error->outcome} : std::nullopt,
                      last_event - waiting.accepted);
    result_size size;
    if (auto rows = std::get_if<result>(&answer.content))
      size = size_of(*rows);
    else if (auto all = std::get_if<std::vector<result>>(&answer.content))
      for (auto& each : *all)
        size += size_of(each);
    measured.delivered(size.bytes);
    if (waiting.record)
      waiting.record->add(error != nullptr, size.rows, last_event - waiting.began);
  }

  void carry_out(connection_command::return_grant& command) {
    auto waiting = awaited.take(command.of);
    waiting.reply.delegate(context.pool, returned_atom_v, context.id, std::move(command.work),
                           std::move(waiting.caller), std::move(command.reason));
  }

  void carry_out(connection_command::requeue_grant& command) {
    auto waiting = awaited.take(command.of);
    waiting.reply.delegate(context.pool, requeued_atom_v, context.id, std::move(command.work),
                           std::move(waiting.caller));
  }

  void carry_out(connection_command::report& command) {
    self->send(context.pool, released_atom_v, context.id, std::move(command.content));
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
            [this](const caf::error& reason) {
              guard(*this, [&] {
                core.stop_failed(details(reason).outcome == outcome::unknown, now());
                carry_out();
              });
            });
  }

  /// The statement or open transaction of the session would continue at the server after its connection has been
  /// closed: the server does not check whether its client still exists.
  void carry_out(connection_command::end_server_session&) {
    // Without a sender: a failure is logged by the canceller, and would end this actor.
    caf::anon_send(context.canceller, end_atom_v, identity);
  }

  void carry_out(connection_command::warn_of_leak& command) {
    self->send(context.pool, leaked_atom_v, command.session, caf::timespan{command.held}, command.last_statement);
    log().warn("session {} has been held for {} by {}; its last statement: {}", static_cast<uint64_t>(command.session),
               seconds(command.held), command.owner.empty() ? "an actor without a name" : command.owner,
               command.last_statement.empty() ? "none" : command.last_statement);
  }

  void carry_out(connection_command::warn_of_unclaimed& command) {
    log().warn("{} has not used its session {} once within {}: it is ended. Its answer may have come too late: let the "
               "request wait for longer than session_options::acquire_timeout, or use the session sooner",
               command.owner.empty() ? "an actor without a name" : command.owner,
               static_cast<uint64_t>(command.session), seconds(command.limit));
  }

  void count_prepared() {
    auto before = prepared;
    if (!core.is_gone())
      prepared = core.prepared();
    if (prepared.made != before.made)
      context.measured->prepared(prepared.made - before.made);
    if (prepared.server_was_full && !before.server_was_full && context.measured->is_first_without_room())
      log().warn("the server has no room for more prepared statements (max_prepared_stmt_count): those that have none "
                 "are sent as text, which takes a little longer; raise it, or lower pool.prepared-statements here or "
                 "what others take");
  }

  void expect_answers(size_t count) {
    auto before = std::exchange(expected, count);
    if (count != before)
      home->loop().expect(static_cast<ptrdiff_t>(count) - static_cast<ptrdiff_t>(before));
  }

  void set_timer(time_point due) {
    if (due >= armed_for)
      return; // At worst it fires early and is set anew: that is cheaper than setting it for each statement.
    timer.dispose();
    armed_for = due;
    timer = self->run_scheduled(std::max(due, now()), [this] {
      armed_for = time_point::max();
      guard(*this, [this] {
        core.tick(now());
        carry_out();
      });
    });
  }

  time_point now() { return last_event = self->clock().now(); }

  pointer self;
  io_thread_ptr home; ///< Before the watch, which uses its loop.
  connection_context context;
  server_session identity;
  connection_core core;
  connection_commands todo; ///< The commands of the core that are being carried out.
  descriptor watched;       ///< For the watch, until that is made.
  socket_watch_ptr watch;
  recycling_map<ticket, request> awaited;
  uint64_t last_ticket = 0;
  db::preparations prepared; ///< As counted so far.
  uint64_t answered = 0;
  time_point last_event;        ///< When it happened.
  caf::strong_actor_ptr holder; ///< Of the session, if there is one.
  size_t expected = 0;          ///< The number of answers that the event loop knows of.
  caf::disposable timer;
  time_point armed_for = time_point::max();
};

/// CAF's brokers leave their mailbox open when they end: a message to a dead one would make its event loop run it
/// again, even after that loop is gone, and a request would never be answered. This one ends as every other actor does.
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

connection_actor spawn_connection(caf::actor_system& sys, io_thread_ptr thread, connection_context context,
                                  db::connection session, descriptor socket) {
  caf::actor_config cfg{&thread->loop()};
  return sys.spawn_class<connection_broker, caf::no_spawn_options>(cfg, std::move(thread), std::move(context),
                                                                   std::move(session), std::move(socket));
}

} // namespace cenote

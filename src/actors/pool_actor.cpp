#include "actors/pool_actor.hpp"

#include "actors/pool_actor_state.hpp"
#include "actors/trace.hpp"
#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"
#include "pool/retry_rules.hpp"
#include "pool/sql_rules.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/liveness.hpp"
#include "runtime/resident.hpp"

#include <caf/actor_system.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace cenote {

namespace {

using time_point = pool::time_point;
using action = session_command::action;
using results = std::vector<result>;

/// With a limit, in case that sql_select_limit is 0.
constexpr auto verify_query = "SELECT VERSION(), CONNECTION_ID() LIMIT 1";

/// Reads the texts of the cells, whatever types the columns have: the answer may come from a proxy.
std::optional<verification> read_verification(const result& answer) {
  if (answer.size() != 1 || answer.columns().size() != 2)
    return std::nullopt;
  verification result;
  result.server_version = answer[0].text(0);
  auto id = answer[0].text(1);
  auto [end, problem] = std::from_chars(id.data(), id.data() + id.size(), result.server_connection_id);
  if (problem != std::errc{} || end != id.data() + id.size() || result.server_version.empty())
    return std::nullopt;
  return result;
}

failure malformed_answer() {
  return own_failure(errc::connection_lost, outcome::unknown,
                     std::string{"the answer to "} + verify_query
                         + " is malformed: is that a MariaDB or MySQL server, without a proxy that changes its "
                           "answers?");
}

/// The most statements that are told of.
constexpr size_t max_told_statements = 200;

/// The most kinds of failed connects that get a line each while no connect succeeds.
constexpr size_t max_connect_failures = 32;

} // namespace

// -- messages --------------------------------------------------------------------

internal_pool_actor::behavior_type pool_actor_state::make_behavior() {
  self->set_down_handler([this](const caf::down_msg& message) {
    // Over CAF's own networking, a peer can send this message, too.
    if (!has_ended(message.source))
      return;
    guard(*this, [&] {
      connection_down(message.source);
      holder_down(message.source);
      feed.remove(message.source);
      notices.remove(message.source);
      watched.erase(message.source);
    });
  });
  self->set_exit_handler([this](const caf::exit_msg&) { guard(*this, [this] { start_drain(now()); }); });
  // CAF would print what it does not know, with all that it contains.
  self->set_default_handler(caf::drop);
  perform(core.start(now()));
  if (ends_unreachable)
    watch_handles();
  return guarded(this, handlers());
}

internal_pool_actor::behavior_type pool_actor_state::handlers() {
  return {
      [this](execute_atom, statement& query) -> caf::result<result> {
        auto timeout = query.timeout;
        accept(std::move(query), timeout, self->current_sender());
        return caf::delegated<result>{};
      },
      [this](execute_atom, statement& query, caf::strong_actor_ptr& user) -> caf::result<result> {
        auto timeout = query.timeout;
        accept(std::move(query), timeout, std::move(user));
        return caf::delegated<result>{};
      },
      [this](transact_atom, transaction& request) -> caf::result<results> {
        auto timeout = request.timeout;
        accept(std::move(request), timeout, self->current_sender());
        return caf::delegated<results>{};
      },
      [this](transact_atom, transaction& request, caf::strong_actor_ptr& user) -> caf::result<results> {
        auto timeout = request.timeout;
        accept(std::move(request), timeout, std::move(user));
        return caf::delegated<results>{};
      },
      [this](checkout_atom, session_options& options) -> caf::result<session_id> {
        accept(std::move(options), self->current_sender());
        return caf::delegated<session_id>{};
      },
      [this](checkout_atom, session_options& options, caf::strong_actor_ptr& holder) -> caf::result<session_id> {
        accept(std::move(options), std::move(holder));
        return caf::delegated<session_id>{};
      },
      [this](checkin_atom, session_id id) {
        if (belongs_to_sender(id))
          check_in(id);
      },
      [this](execute_atom, session_id id, statement& query) -> caf::result<result> {
        command({id, action::execute, std::move(query), {}, {}});
        return caf::delegated<result>{};
      },
      [this](begin_atom, session_id id, const transaction_options& options) -> caf::result<void> {
        command({id, action::begin, {}, options, {}});
        return caf::delegated<void>{};
      },
      [this](commit_atom, session_id id) -> caf::result<void> {
        command({id, action::commit, {}, {}, {}});
        return caf::delegated<void>{};
      },
      [this](rollback_atom, session_id id) -> caf::result<void> {
        command({id, action::rollback, {}, {}, {}});
        return caf::delegated<void>{};
      },
      [this](savepoint_atom, session_id id, std::string& savepoint) -> caf::result<void> {
        command({id, action::savepoint, {}, {}, std::move(savepoint)});
        return caf::delegated<void>{};
      },
      [this](rollback_atom, session_id id, std::string& savepoint) -> caf::result<void> {
        command({id, action::rollback_to, {}, {}, std::move(savepoint)});
        return caf::delegated<void>{};
      },
      [this](handover_atom, session_id id, const caf::strong_actor_ptr& to) { return handover(id, to); },
      [this](evict_atom, session_id id) { return evict(id); },
      [this](verify_atom) { return verify(); },
      [this](status_atom) {
        auto result = core.status();
        result.endpoint = connections_of->endpoint();
        return result;
      },
      [this](details_atom) { return details(); },
      [this](statements_atom) { return measured.operations()->statements().costliest(max_told_statements); },
      [this](kill_atom, session_id id) { return kill(id); },
      [this](settings_atom) {
        return effective_settings{rules, std::nullopt, connections_of->endpoint()};
      },
      [this](reconfigure_atom, const settings_update& update) { return reconfigure(update.content()); },
      [this](dispose_atom) {
        log().info("pool {}: replacing all connections", rules.name);
        publish(event_kind::disposed);
        perform(core.dispose(now()));
      },
      [this](pause_atom) { pause(); },
      [this](resume_atom) { resume(); },
      [this](subscribe_atom) { return subscribe(self->current_sender()); },
      [this](unsubscribe_atom) { unsubscribe(caf::actor_cast<caf::actor_addr>(self->current_sender())); },
      [this](subscribe_atom, const caf::strong_actor_ptr& subscriber) { return subscribe(subscriber); },
      [this](unsubscribe_atom, const caf::strong_actor_ptr& subscriber) {
        unsubscribe(caf::actor_cast<caf::actor_addr>(subscriber));
      },
      [this](drain_atom, caf::timespan limit) { return drain(limit); },
      [this](listen_atom, const caf::strong_actor_ptr& listener) { return listen(listener); },
      [this](notify_atom, const std::string& channel, const caf::strong_actor_ptr& from) {
        notices.notify(channel, caf::actor_cast<caf::actor_addr>(from));
      },
      [this](verify_atom, statement& query) -> caf::result<result> {
        auto timeout = query.timeout;
        accept(std::move(query), timeout, self->current_sender(), true);
        return caf::delegated<result>{};
      },
      [this](opened_atom, connection_id id, opened& connection) { opened_connection(id, std::move(connection)); },
      [this](open_failed_atom, connection_id id, const failure& error) { open_failed(id, error); },
      [this](released_atom, connection_id id, const released& report) { released_connection(id, report); },
      [this](returned_atom, connection_id id, grant& granted, caf::strong_actor_ptr& caller,
             const std::string& reason) -> caf::result<result> {
        returned(id, std::move(granted.request), std::move(caller), reason);
        return caf::delegated<result>{};
      },
      [this](requeued_atom, connection_id id, grant& granted, caf::strong_actor_ptr& caller) -> caf::result<result> {
        requeued(id, std::move(granted.request), std::move(caller));
        return caf::delegated<result>{};
      },
      [this](leaked_atom, session_id id, caf::timespan held, std::string& last) { leaked(id, held, std::move(last)); },
      [this](budget_atom, uint64_t share) { return set_budget(share); },
      [this](budget_atom, session_options& options) -> caf::result<session_id> {
        accept(std::move(options), self->current_sender(), true);
        return caf::delegated<session_id>{};
      },
  };
}

void pool_actor_state::accept(work_item&& work, std::chrono::nanoseconds timeout, caf::strong_actor_ptr user,
                              bool fail_fast, bool priority) {
  auto accepted = now();
  auto deadline = deadline_after(accepted, timeout);
  auto text = std::get_if<statement>(&work);
  auto shareable = text != nullptr && pool::is_shareable(*text);
  pending entry{pending_reply{*self}, {}, std::move(user)};
  entry.request() = {std::move(work), accepted, deadline, 0, fail_fast, shareable, false};
  auto request = add(std::move(entry));
  request.priority = priority;
  perform(core.acquire(request, accepted));
}

caf::result<verification> pool_actor_state::verify() {
  auto promise = self->make_response_promise<verification>();
  auto began = now();
  ++verifying;
  // No timeout of CAF's: the pool answers every request within its own.
  self->request(internal_pool_actor{self}, caf::infinite, verify_atom_v, read(verify_query).within(rules.timeout))
      .then(
          [this, promise, began](const result& answer) mutable {
            guard(*this, [&] {
              if (auto found = read_verification(answer)) {
                found->elapsed = now() - began;
                promise.deliver(std::move(*found));
              } else {
                promise.deliver(make_error(malformed_answer()));
              }
            });
            verified();
          },
          [this, promise](caf::error& error) mutable {
            promise.deliver(std::move(error));
            verified();
          });
  return promise;
}

void pool_actor_state::verified() {
  --verifying;
  end_if_finished();
}

caf::result<drain_report> pool_actor_state::drain(caf::timespan limit) {
  auto promise = self->make_response_promise<drain_report>();
  drain_promises.push_back(promise);
  log().info("pool {}: shutting down", rules.name);
  start_drain(later(now(), limit));
  return promise;
}

void pool_actor_state::opened_connection(connection_id id, opened connection) {
  log().debug("pool {}: opened connection {} (session {} on {})", rules.name, static_cast<uint64_t>(id),
              connection.server_connection_id, connections_of->endpoint());
  if (!std::exchange(connect_failures, {}).empty())
    log().info("pool {}: connected to {} again", rules.name, connections_of->endpoint());
  publish_opened(id, connection);
  self->monitor(connection.connection);
  connections.emplace(id, member{std::move(connection.connection), connection.server_connection_id});
  perform(core.opened(id, now()));
}

void pool_actor_state::open_failed(connection_id id, const failure& error) {
  // One line per kind of failure, not one per attempt: an outage has many.
  auto is_new = connect_failures.size() < max_connect_failures
                && connect_failures.emplace(core.server_of(id), error.code, error.number).second;
  log_labels labels{to_string(error.code), std::to_string(core.server_of(id))};
  log(labels).log(is_new ? spdlog::level::warn : spdlog::level::debug, "pool {}: cannot connect to {}", rules.name,
                  to_string(error));
  measured.connect_failed(id, error.code);
  auto before = core.status().breaker;
  perform(core.open_failed(id, error, now()));
  if (before == breaker_state::closed && core.status().breaker != breaker_state::closed)
    log(labels).warn("pool {}: the circuit breaker is open: requests fail at once until a connect succeeds",
                     rules.name);
}

void pool_actor_state::released_connection(connection_id id, const released& report) {
  if (auto count = stops.add(now(), report.stopped))
    log().info("pool {}: {} statements were stopped on the server since the last such line, because their results were "
               "no longer needed",
               rules.name, *count);
  if (report.disposition == disposition::suspect)
    log().warn("pool {}: connection {} may be broken: {}", rules.name, static_cast<uint64_t>(id), report.reason);
  else if (report.disposition == disposition::evicted)
    log().info("pool {}: connection {} is gone: {}", rules.name, static_cast<uint64_t>(id), report.reason);
  else if (report.disposition != disposition::reusable)
    tell_gone(id, report.reason);
  if (report.disposition == disposition::lost || report.disposition == disposition::demoted)
    publish_lost(id, report.reason);
  auto& session_end = report.session;
  end_session_on(id, session_end ? std::string_view{session_end->reason} : "its connection was released",
                 session_end ? session_end->outcome : outcome::rejected);
  auto at = now();
  use_ends(id, at);
  perform(core.released(id, report.disposition, {report.ended, report.requeued}, report.reason, at));
}

/// Once for each connection, even if each of its statements comes back.
void pool_actor_state::tell_gone(connection_id id, const std::string& reason) {
  auto i = connections.find(id);
  if (i != connections.end() && !std::exchange(i->second.reported_gone, true))
    log().warn("pool {}: connection {} is gone: {}", rules.name, static_cast<uint64_t>(id), reason);
}

void pool_actor_state::returned(connection_id id, work_request work, caf::strong_actor_ptr caller,
                                const std::string& reason) {
  tell_gone(id, reason);
  log().debug("pool {}: a statement of connection {} was not sent and gets another connection", rules.name,
              static_cast<uint64_t>(id));
  publish_lost(id, reason);
  end_session_on(id, reason);
  auto at = now();
  use_ends(id, at);
  measured.returned();
  auto request = take_back(std::move(work), std::move(caller));
  perform(core.returned(id, reason, request, at));
}

void pool_actor_state::requeued(connection_id id, work_request work, caf::strong_actor_ptr caller) {
  --work.attempts; // It was not begun.
  measured.requeued();
  auto request = take_back(std::move(work), std::move(caller));
  perform(core.requeued(id, request, now()));
}

pool::request pool_actor_state::take_back(work_request work, caf::strong_actor_ptr caller) {
  return add({pending_reply{*self}, {std::move(work)}, std::move(caller)});
}

void pool_actor_state::connection_down(const caf::actor_addr& address) {
  auto i = std::ranges::find_if(connections, [&](auto& entry) { return entry.second.actor.address() == address; });
  if (i == connections.end())
    return;
  auto id = i->first;
  end_session_on(id, "its connection has ended");
  use_ends(id, now());
  publish_closed(id, close_reason::broken); // Unless the pool had closed it.
  connections.erase(i);
  perform(core.closed(id, now()));
}

// -- carrying out ----------------------------------------------------------------

void pool_actor_state::perform(pool::commands todo) {
  do {
    for (auto& command : todo) {
      if (log().should_log(spdlog::level::trace))
        log().trace("pool {}: {}", rules.name, describe(command));
      std::visit([this](auto& each) { try_to_carry_out(each); }, command);
    }
    core.recycle(std::exchange(todo, std::exchange(follow_up, {})));
  } while (!todo.empty());
  publish_breaker();
  if (!has_turns)
    settle();
}

/// What has to be done only once for any number of events.
void pool_actor_state::settle() {
  measure_levels();
  arm_timer();
  end_if_finished();
}

/// If a command cannot be carried out, for lack of memory, the others must be nevertheless.
template <class Command>
void pool_actor_state::try_to_carry_out(Command& command) {
  try {
    carry_out(command);
  } catch (const std::exception& err) {
    defect(err.what());
    guard(*this, [&] { not_carried_out(command, err.what()); });
  }
}

void pool_actor_state::defect(const char* problem) {
  log().error("pool {}: an exception: {}; the pool continues", rules.name, problem);
}

void pool_actor_state::not_carried_out(const pool::open_connection& command, const char* problem) {
  auto error =
      own_failure(errc::connect_failed, outcome::unavailable, std::string{"cannot begin a connect: "} + problem);
  measured.connect_failed(command.id, error.code);
  follow(core.open_failed(command.id, std::move(error), now()));
}

void pool_actor_state::not_carried_out(const pool::grant_connection& command, const char* problem) {
  if (requests.contains(command.request))
    requests.take(command.request).reply.deliver(defect_error(problem));
  follow(core.released(command.connection, disposition::reusable, {0, 1}, {}, now()));
}

template <class Command>
void pool_actor_state::not_carried_out(const Command&, const char*) {
  // nop
}

void pool_actor_state::follow(pool::commands more) {
  follow_up.insert(follow_up.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void pool_actor_state::carry_out(const pool::open_connection& command) {
  measured.connect_begins(command.id, now());
  connections_of->open(command.id, command.server, self, measured.operations());
}

void pool_actor_state::carry_out(const pool::close_connection& command) {
  end_session_on(command.id, "the pool closed its connection");
  use_ends(command.id, now());
  publish_closed(command.id, command.reason);
  self->send(connections.at(command.id).actor, close_atom_v);
}

void pool_actor_state::carry_out(const pool::ping_connection& command) {
  self->send(connections.at(command.id).actor, ping_atom_v);
}

void pool_actor_state::carry_out(const pool::check_caller& command) {
  self->send(connections.at(command.id).actor, check_caller_atom_v);
}

void pool_actor_state::carry_out(const pool::requeue& command) {
  self->send(connections.at(command.id).actor, requeue_atom_v);
}

void pool_actor_state::carry_out(const pool::grant_connection& command) {
  auto [reply, granted, caller] = requests.take(command.request);
  auto& request = granted.request;
  if (has_ended(caller)) {
    // The next request gets it. Nobody needs this answer, but without one its reply is a broken promise.
    reply.deliver(make_error(caller_has_ended(outcome::rejected)));
    follow(core.released(command.connection, disposition::reusable, {0, 1}, {}, now()));
    return;
  }
  if (auto session = std::get_if<lease>(&request.work))
    begin_session(*session, caller, command.connection);
  ++request.attempts;
  granted.check = command.check;
  granted.latest_start = later(request.accepted, rules.timeout);
  granted.waited = command.waited;
  granted.caller = caller ? caller->id() : 0;
  auto& connection = connections.at(command.connection);
  use_begins(connection, command.connection, granted);
  reply.delegate(connection.actor, execute_atom_v, std::move(granted), std::move(caller));
}

void pool_actor_state::carry_out(pool::fail_request& command) {
  auto waiting = requests.take(command.request);
  if (waiting.request().maybe_executed)
    command.failure = pool::after_doubt(std::move(command.failure));
  measure_refusal(waiting, command.failure);
  waiting.reply.deliver(make_error(std::move(command.failure)));
}

void pool_actor_state::carry_out(const pool::finish&) {
  finishing = true;
}

pool::request pool_actor_state::add(pending&& entry) {
  auto id = pool::request_id{++last_request};
  auto& request = entry.request();
  pool::request result{id, request.accepted, request.deadline, request.fail_fast, request.attempts, request.shareable};
  requests.add(id, std::move(entry));
  return result;
}

void pool_actor_state::end_turn() noexcept {
  guard(*this, [this] { settle(); });
}

void pool_actor_state::start_drain(time_point until) {
  if (!core.status().draining)
    publish(event_kind::draining);
  perform(core.drain(until, now()));
}

/// Ends when all work is done, every connection has closed, and its own requests to itself have been answered.
void pool_actor_state::end_if_finished() {
  if (!finishing || !connections.empty() || verifying > 0)
    return;
  auto report = core.report();
  log().info("pool {}: stopped; {} requests finished, {} cut", rules.name, report.finished, report.cut);
  for (auto& promise : std::exchange(drain_promises, {}))
    promise.deliver(report);
  self->quit();
}

void pool_actor_state::arm_timer() {
  auto next = core.next_event();
  if (next >= armed_for)
    return; // The timer fires early at worst, and is armed anew then.
  timer.dispose();
  armed_for = next;
  // An event that is due at once may have the smallest time point, which not every clock can convert.
  timer = self->run_scheduled(std::max(next, now()), [this] {
    armed_for = time_point::max();
    guard(*this, [this] { perform(core.tick(now())); });
  });
}

namespace {

using scheduled_pool_actor = internal_pool_actor::stateful_impl<pool_actor_state>;

class resident_pool_actor : public resident<scheduled_pool_actor> {
public:
  resident_pool_actor(caf::actor_config& cfg, io_thread_ptr home, const pool_settings& rules,
                      std::unique_ptr<connection_factory> connections, uint64_t seed)
      : resident{cfg, std::move(home), rules, std::move(connections), seed} {
    state.has_turns = true;
    state.ends_unreachable = true;
  }
};

} // namespace

internal_pool_actor spawn_pool_actor(caf::actor_system& sys, const pool_settings& rules,
                                     std::unique_ptr<connection_factory> connections, uint64_t seed) {
  return sys.spawn<scheduled_pool_actor>(rules, std::move(connections), seed);
}

internal_pool_actor spawn_pool_actor(caf::actor_system& sys, io_thread_ptr thread, const pool_settings& rules,
                                     std::unique_ptr<connection_factory> connections, uint64_t seed) {
  caf::actor_config cfg{&thread->loop()};
  return sys.spawn_class<resident_pool_actor, caf::no_spawn_options>(cfg, std::move(thread), rules,
                                                                     std::move(connections), seed);
}

} // namespace cenote

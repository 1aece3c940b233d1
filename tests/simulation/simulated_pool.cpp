#include "simulation/simulated_pool.hpp"

#include "connection/classification.hpp"
#include "pool/retry_rules.hpp"
#include "pool/sql_rules.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace cenote::simulation {

using namespace std::chrono_literals;

simulated_pool::simulated_pool(world& world)
    : world_{world},
      random_{world.run_plan.seed, 3},
      rules_{world.run_plan.rules},
      max_connections_{rules_.size + rules_.max_overflow},
      max_connecting_{rules_.max_connecting},
      budget_{rules_.budget.connections > 0 ? 1 : SIZE_MAX},
      core_{rules_, world.run_plan.seed, world.run_plan.servers},
      failures_(world.run_plan.servers) {
  server_.connect_timeout = world.run_plan.connect_timeout;
  world_.people.on_end = [this](caller_id caller) {
    world_.time.after(random_.up_to(random_.one_in(4) ? 50ms : 1ms), [this, caller] {
      step("hears of the end of " + name_of(caller));
      std::vector<session_id> ended;
      for (auto& [id, session] : sessions_)
        if (session.holder == caller)
          ended.push_back(id);
      for (auto id : ended)
        check_in(id);
    });
  };
}

void simulated_pool::start() {
  perform(core_.start(world_.now()));
}

void simulated_pool::send(caller_id from, schedule::task message) {
  auto i = channels_.find(from);
  if (i == channels_.end())
    i = channels_.try_emplace(from, world_.time, dice{random_.next()}, world_.run_plan.mail_delay).first;
  i->second.send(std::move(message));
}

// -- messages of callers -------------------------------------------------------------

void simulated_pool::accept(statement query, promise answer_to, caller_id caller, bool fail_fast) {
  auto timeout = query.timeout;
  accept(std::move(query), timeout, answer_to, caller, fail_fast);
}

void simulated_pool::accept(transaction request, promise answer_to, caller_id caller) {
  auto timeout = request.timeout;
  accept(std::move(request), timeout, answer_to, caller, false);
}

void simulated_pool::accept(session_options options, promise answer_to, caller_id caller) {
  auto& rules = rules_;
  auto timeout = std::min(options.time_limit, options.acquire_timeout) < 0ns ? -1ns : options.acquire_timeout;
  lease terms;
  terms.unclaimed_timeout =
      options.unclaimed_timeout <= 0ns ? rules.unclaimed_session_timeout : options.unclaimed_timeout;
  terms.leak_warning = rules.leak_warning;
  terms.options = std::move(options);
  accept(std::move(terms), timeout, answer_to, caller, false);
}

void simulated_pool::accept(work_item work, duration timeout, promise answer_to, caller_id caller, bool fail_fast) {
  auto accepted = world_.now();
  auto text = std::get_if<statement>(&work);
  auto shareable = text != nullptr && pool::is_shareable(*text);
  auto deadline = deadline_after(accepted, timeout);
  if (finished_) { // The actor has ended.
    answer(answer_to, own_failure(errc::pool_gone, outcome::unavailable, "the pool has ended"));
    return;
  }
  auto request = add({answer_to, {std::move(work), accepted, deadline, 0, fail_fast, shareable, false}, caller});
  perform(core_.acquire(request, accepted));
}

pool::request simulated_pool::add(pending added) {
  auto id = pool::request_id{++last_request_};
  auto& request = added.request;
  pool::request result{id, request.accepted, request.deadline, request.fail_fast, request.attempts, request.shareable};
  requests_.emplace(id, std::move(added));
  return result;
}

bool simulated_pool::belongs_to(session_id id, caller_id sender) const {
  auto i = sessions_.find(id);
  return i != sessions_.end() && i->second.holder == sender;
}

failure simulated_pool::refusal(session_id id, caller_id sender) const {
  auto i = past_sessions_.find(id);
  auto is_known = i != past_sessions_.end() && i->second.holder == sender;
  return own_failure(errc::session_ended, is_known ? i->second.outcome : outcome::rejected,
                     "the session has ended" + (is_known ? ": " + i->second.reason : ", or never was"));
}

void simulated_pool::command(session_command command, promise answer_to, caller_id sender) {
  if (belongs_to(command.session, sender))
    connections_.at(sessions_.at(command.session).connection).connection->execute(std::move(command), answer_to);
  else
    answer(answer_to, refusal(command.session, sender));
}

void simulated_pool::check_in(session_id id, caller_id sender) {
  if (belongs_to(id, sender))
    check_in(id);
}

void simulated_pool::check_in(session_id id) {
  auto i = sessions_.find(id);
  if (i == sessions_.end())
    return;
  auto connection = i->second.connection;
  end_session_on(connection, "it was checked in");
  connections_.at(connection).connection->check_in(id);
}

void simulated_pool::hand_over(session_id id, caller_id new_holder, promise answer_to, caller_id sender) {
  if (!belongs_to(id, sender)) {
    answer(answer_to, refusal(id, sender));
    return;
  }
  auto& session = sessions_.at(id);
  session.holder = new_holder;
  connections_.at(session.connection).connection->hand_over(id, new_holder, answer_to);
  if (world_.people.has_ended(new_holder)) // Whoever watches a dead actor is told at once.
    world_.people.on_end(new_holder);
}

void simulated_pool::evict(session_id id, promise answer_to, caller_id sender) {
  if (belongs_to(id, sender))
    connections_.at(sessions_.at(id).connection).connection->evict(id, answer_to);
  else
    answer(answer_to, refusal(id, sender));
}

void simulated_pool::dispose() {
  step("replaces all connections");
  last_disposed_ = last_connection_;
  perform(core_.dispose(world_.now()));
}

void simulated_pool::reconfigure(const pool_settings& rules, bool renew) {
  step("is reconfigured: size " + std::to_string(rules.size) + " and " + std::to_string(rules.max_overflow)
       + (renew ? " more; its connections are replaced" : " more"));
  rules_ = rules;
  max_connections_ = std::max(max_connections_, rules.size + rules.max_overflow);
  max_connecting_ = std::max(max_connecting_, rules.max_connecting);
  failures_.assign(failures_.size(), {}); // They count no more.
  perform(core_.reconfigure(rules, renew, world_.now()));
}

void simulated_pool::set_budget(size_t connections) {
  step("may have " + std::to_string(connections) + " connections of the budget");
  budget_ = connections;
  perform(core_.set_budget(connections, world_.now()));
}

void simulated_pool::pause() {
  step("pauses");
  perform(core_.pause(world_.now()));
}

void simulated_pool::resume() {
  step("resumes");
  if (core_.status().paused)
    failures_.assign(failures_.size(), {}); // They count no more.
  perform(core_.resume(world_.now()));
}

void simulated_pool::drain(duration limit) {
  step("drains");
  draining_ = true;
  perform(core_.drain(later(world_.now(), limit), world_.now()));
}

// -- messages of connections ---------------------------------------------------------

void simulated_pool::released(connection_id id, const cenote::released& report) {
  if (report.disposition == disposition::demoted)
    note_failure(core_.server_of(id));
  if (auto i = connections_.find(id); i != connections_.end()) {
    auto& connection = i->second;
    connection.in_use -= std::min<size_t>(connection.in_use, report.ended + report.requeued);
    connection.watched_at = world_.now();
  }
  auto& session_end = report.session;
  end_session_on(id, session_end ? session_end->reason : "its connection was released",
                 session_end ? session_end->outcome : outcome::rejected);
  perform(core_.released(id, report.disposition, {report.ended, report.requeued}, report.reason, world_.now()));
}

void simulated_pool::returned(connection_id id, grant granted, promise answer_to, caller_id caller,
                              const std::string& reason) {
  end_session_on(id, reason);
  auto request = add({answer_to, std::move(granted.request), caller, true});
  perform(core_.returned(id, reason, request, world_.now()));
}

void simulated_pool::requeued(connection_id id, grant granted, promise answer_to, caller_id caller) {
  --granted.request.attempts; // It was not begun.
  auto request = add({answer_to, std::move(granted.request), caller, true});
  perform(core_.requeued(id, request, world_.now()));
}

void simulated_pool::closed(connection_id id) {
  auto node = connections_.extract(id);
  if (!node)
    return;
  past_connections_.push_back(std::move(node.mapped().connection));
  perform(core_.closed(id, world_.now()));
}

void simulated_pool::end_session_on(connection_id id, const std::string& reason, outcome effect) {
  auto i = connections_.find(id);
  if (i == connections_.end() || !i->second.session)
    return;
  auto session = sessions_.find(*i->second.session);
  past_sessions_.emplace(session->first, past_session{session->second.holder, reason, effect});
  sessions_.erase(session);
  i->second.session.reset();
}

// -- connects ------------------------------------------------------------------------

void simulated_pool::connect(connection_id id, size_t server) {
  auto& path = *world_.wires.emplace_back(std::make_unique<wire>(world_.time, world_.run_plan, world_.server,
                                                                 world_.marks, world_.log, world_.wires.size() + 1));
  world_.time.after(random_.between(2 * world_.run_plan.network_delay, 6 * world_.run_plan.network_delay),
                    [this, id, server, generation = core_.status().generation, &path] {
                      connect_ended(id, server, generation, path);
                    });
}

void simulated_pool::connect_ended(connection_id id, size_t server, uint64_t generation, wire& path) {
  auto& state = world_.server.endpoint(server);
  if (world_.now() < state.frozen_until) {
    world_.time.after(world_.run_plan.connect_timeout, [this, id, server] {
      open_failed(id, server, {db::error_source::server, db::phase::connecting, 2002, "HY000", "no answer in time", 0});
    });
    return;
  }
  if (auto error = path.connect(server)) {
    open_failed(id, server,
                {db::error_source::server, db::phase::connecting, error->number, error->sqlstate, error->text, 0});
    return;
  }
  if (world_.run_plan.servers > 1 && state.read_only) {
    path.close();
    open_failed(id, server, {db::error_source::server, db::phase::connecting, 1836, "HY000", "it is read-only", 0});
    return;
  }
  world_.time.after(random_.up_to(2 * world_.run_plan.network_delay), [this, id, server, generation, &path] {
    step("opens connection " + std::to_string(static_cast<uint64_t>(id)) + " with server session "
         + std::to_string(static_cast<uint32_t>(path.session())));
    connections_[id].connection = std::make_unique<simulated_connection>(world_, *this, stops_, id, server, path);
    if (generation == core_.status().generation) // Otherwise it had been begun before a loss, and proves nothing.
      failures_[server] = {};
    perform(core_.opened(id, world_.now()));
  });
}

void simulated_pool::open_failed(connection_id id, size_t server, const db::driver_error& error) {
  step("cannot connect: " + error.text);
  auto before = failures_[server];
  note_failure(server);
  auto failed = to_failure(error, server_);
  if (failed.code == errc::server_full && core_.status().total_connections > 0)
    failures_[server] = before; // It is well, and only has no room.
  perform(core_.open_failed(id, failed, world_.now()));
}

void simulated_pool::note_failure(size_t server) {
  if (failures_[server].count++ == 0)
    failures_[server].since = world_.now();
}

// -- carrying out --------------------------------------------------------------------

void simulated_pool::perform(pool::commands todo) {
  while (!todo.empty()) {
    for (auto& command : todo)
      std::visit([this](auto& each) { carry_out(each); }, command);
    todo = std::exchange(follow_up_, {});
  }
  set_timer();
  check_state();
  if (finishing_ && connections_.empty())
    finished_ = true;
}

void simulated_pool::carry_out(const pool::open_connection& command) {
  if (command.id <= last_connection_)
    world_.log.object("a connection's id is used again");
  last_connection_ = command.id;
  if (connections_.size() + core_.status().connecting > budget_)
    world_.log.object("a connection is opened beyond the share of the budget");
  connect(command.id, command.server);
}

void simulated_pool::carry_out(const pool::close_connection& command) {
  end_session_on(command.id, "the pool closed its connection");
  connections_.at(command.id).connection->close();
}

void simulated_pool::carry_out(const pool::ping_connection& command) {
  connections_.at(command.id).connection->ping();
}

void simulated_pool::carry_out(const pool::check_caller& command) {
  connections_.at(command.id).watched_at = world_.now();
  connections_.at(command.id).connection->check_callers();
}

void simulated_pool::carry_out(const pool::requeue& command) {
  connections_.at(command.id).connection->requeue();
}

void simulated_pool::carry_out(const pool::grant_connection& command) {
  auto node = requests_.extract(command.request);
  if (!node) {
    world_.log.object("a connection is given to a request that does not wait");
    return;
  }
  auto& [answer_to, request, caller, came_back] = node.mapped();
  check_order(node.mapped(), command.request);
  if (world_.people.has_ended(caller)) {
    auto more = core_.released(command.connection, disposition::reusable, {0, 1}, {}, world_.now());
    follow_up_.insert(follow_up_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return;
  }
  if (command.connection <= last_disposed_)
    world_.log.object("a connection is given away that should have been replaced");
  if (core_.status().paused)
    world_.log.object("a connection is given away during a pause");
  auto& target = connections_.at(command.connection);
  if (auto terms = std::get_if<lease>(&request.work)) {
    if (target.session)
      world_.log.object("a connection is given away for two sessions at a time");
    terms->id = session_id{++last_session_};
    sessions_.emplace(terms->id, held_session{command.connection, caller});
    target.session = terms->id;
  }
  if (target.in_use++ == 0)
    target.watched_at = world_.now();
  ++request.attempts;
  if (world_.log.enabled())
    step("gives connection " + std::to_string(static_cast<uint64_t>(command.connection)) + " to " + name_of(caller));
  auto latest_start = later(request.accepted, rules_.timeout);
  target.connection->begin(
      {std::move(request), command.check, latest_start, command.waited, static_cast<uint64_t>(caller)}, answer_to,
      caller);
}

void simulated_pool::carry_out(pool::fail_request& command) {
  auto node = requests_.extract(command.request);
  if (!node) {
    world_.log.object("a request fails that does not wait");
    return;
  }
  check_refusal(command.failure);
  if (node.mapped().request.maybe_executed)
    command.failure = pool::after_doubt(std::move(command.failure));
  answer(node.mapped().answer_to, std::move(command.failure));
}

void simulated_pool::carry_out(const pool::finish&) {
  finishing_ = true;
}

void simulated_pool::set_timer() {
  auto due = core_.next_event();
  if (due >= armed_for_)
    return;
  armed_for_ = due;
  world_.time.at(std::max(due, world_.now()) + random_.up_to(world_.run_plan.mail_delay), [this, due] {
    if (armed_for_ != due)
      return;
    armed_for_ = time_point::max();
    perform(core_.tick(world_.now()));
  });
}

void simulated_pool::answer(promise answer_to, content reply) {
  world_.time.after(random_.up_to(world_.run_plan.mail_delay),
                    [this, answer_to, reply = std::move(reply)] { world_.books.keep(answer_to, reply); });
}

// -- what has to hold ----------------------------------------------------------------

/// First come, first served, among those that want the same and have not had a connection before.
void simulated_pool::check_order(const pending& granted, pool::request_id id) const {
  if (granted.came_back)
    return;
  for (auto& [other, waiting] : requests_) {
    if (other > id)
      return;
    if (!waiting.came_back && waiting.request.shareable == granted.request.shareable)
      world_.log.object("a request is served before an earlier one");
  }
}

/// A server that accepted the last connect is there.
void simulated_pool::check_refusal(const failure& reason) {
  auto is_there = [](const failures& server) { return server.count == 0; };
  if (reason.code == errc::circuit_open && std::ranges::all_of(failures_, is_there))
    world_.log.object("a request is refused because of servers that are there");
}

void simulated_pool::check_state() {
  auto now = core_.status();
  auto& rules = rules_;
  if (now.total_connections + now.connecting > max_connections_)
    world_.log.object("there are more connections than may be");
  if (now.checked_out == 0 && now.total_connections > budget_)
    world_.log.object("free connections are kept beyond the share of the budget");
  if (now.connecting > max_connecting_)
    world_.log.object("there are more connects at a time than may be");
  for (auto& [id, connection] : connections_)
    if (connection.in_use > 0 && !finishing_ && world_.now() - connection.watched_at > 2100ms)
      world_.log.object("nobody looks for the callers of a connection");
  auto is_down = [&](const failures& server) {
    // Those that are under way together count as one.
    return server.count > 16 && world_.now() - server.since > rules.breaker_after + 60 * rules.max_reconnect_delay;
  };
  if (rules.breaker_after > 0ns && now.total_connections == 0 && !now.paused && !now.draining && now.waiting > 0
      && now.breaker == breaker_state::closed && std::ranges::all_of(failures_, is_down))
    world_.log.object("somebody waits for servers that have been down for long");
}

void simulated_pool::step(const std::string& event) const {
  world_.log.step("pool", event);
}

} // namespace cenote::simulation

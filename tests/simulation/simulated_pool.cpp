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

simulated_pool::simulated_pool(world& all)
    : all_{all},
      random_{all.how.seed, 3},
      rules_{all.how.rules},
      max_connections_{rules_.size + rules_.max_overflow},
      max_connecting_{rules_.max_connecting},
      core_{rules_, all.how.seed, all.how.servers},
      failures_(all.how.servers) {
  server_.connect_timeout = all.how.connect_timeout;
  all_.people.on_end = [this](caller_id who) {
    all_.time.after(random_.up_to(random_.one_in(4) ? 50ms : 1ms), [this, who] {
      step("hears of the end of " + name_of(who));
      std::vector<session_id> ended;
      for (auto& [id, x] : sessions_)
        if (x.holder == who)
          ended.push_back(id);
      for (auto id : ended)
        check_in(id);
    });
  };
}

void simulated_pool::start() {
  perform(core_.start(all_.now()));
}

void simulated_pool::send(caller_id from, schedule::task what) {
  auto i = channels_.find(from);
  if (i == channels_.end())
    i = channels_.try_emplace(from, all_.time, dice{random_.next()}, all_.how.mail_delay).first;
  i->second.send(std::move(what));
}

// -- messages of callers -------------------------------------------------------------

void simulated_pool::accept(statement what, promise answer_to, caller_id caller, bool fail_fast) {
  auto timeout = what.timeout;
  accept(std::move(what), timeout, answer_to, caller, fail_fast);
}

void simulated_pool::accept(transaction what, promise answer_to, caller_id caller) {
  auto timeout = what.timeout;
  accept(std::move(what), timeout, answer_to, caller, false);
}

void simulated_pool::accept(session_options what, promise answer_to, caller_id caller) {
  auto& rules = rules_;
  auto timeout = std::min(what.time_limit, what.acquire_timeout) < 0ns ? -1ns : what.acquire_timeout;
  lease terms;
  terms.unclaimed_timeout = what.unclaimed_timeout <= 0ns ? rules.unclaimed_session_timeout : what.unclaimed_timeout;
  terms.leak_warning = rules.leak_warning;
  terms.options = std::move(what);
  accept(std::move(terms), timeout, answer_to, caller, false);
}

void simulated_pool::accept(work_item what, duration timeout, promise answer_to, caller_id caller, bool fail_fast) {
  auto accepted = all_.now();
  auto text = std::get_if<statement>(&what);
  auto shareable = text != nullptr && pool::is_shareable(*text);
  auto deadline = deadline_after(accepted, timeout);
  if (finished_) { // The actor has ended.
    answer(answer_to, own_failure(errc::pool_gone, outcome::unavailable, "the pool has ended"));
    return;
  }
  auto who = add({answer_to, {std::move(what), accepted, deadline, 0, fail_fast, shareable, false}, caller});
  perform(core_.acquire(who, accepted));
}

pool::request simulated_pool::add(pending x) {
  auto id = pool::request_id{++last_request_};
  auto& request = x.request;
  pool::request result{id, request.accepted, request.deadline, request.fail_fast, request.attempts, request.shareable};
  requests_.emplace(id, std::move(x));
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

void simulated_pool::command(session_command what, promise answer_to, caller_id sender) {
  if (belongs_to(what.session, sender))
    connections_.at(sessions_.at(what.session).connection).connection->execute(std::move(what), answer_to);
  else
    answer(answer_to, refusal(what.session, sender));
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

void simulated_pool::hand_over(session_id id, caller_id to, promise answer_to, caller_id sender) {
  if (!belongs_to(id, sender)) {
    answer(answer_to, refusal(id, sender));
    return;
  }
  auto& x = sessions_.at(id);
  x.holder = to;
  connections_.at(x.connection).connection->hand_over(id, to, answer_to);
  if (all_.people.has_ended(to)) // Whoever watches a dead actor is told at once.
    all_.people.on_end(to);
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
  perform(core_.dispose(all_.now()));
}

void simulated_pool::reconfigure(const pool_settings& rules, bool renew) {
  step("is reconfigured: size " + std::to_string(rules.size) + " and " + std::to_string(rules.max_overflow)
       + (renew ? " more; its connections are replaced" : " more"));
  rules_ = rules;
  max_connections_ = std::max(max_connections_, rules.size + rules.max_overflow);
  max_connecting_ = std::max(max_connecting_, rules.max_connecting);
  failures_.assign(failures_.size(), {}); // They count no more.
  perform(core_.reconfigure(rules, renew, all_.now()));
}

void simulated_pool::pause() {
  step("pauses");
  perform(core_.pause(all_.now()));
}

void simulated_pool::resume() {
  step("resumes");
  if (core_.status().paused)
    failures_.assign(failures_.size(), {}); // They count no more.
  perform(core_.resume(all_.now()));
}

void simulated_pool::drain(duration limit) {
  step("drains");
  draining_ = true;
  perform(core_.drain(later(all_.now(), limit), all_.now()));
}

// -- messages of connections ---------------------------------------------------------

void simulated_pool::released(connection_id id, const cenote::released& x) {
  if (x.disposition == disposition::demoted)
    note_failure(core_.server_of(id));
  if (auto i = connections_.find(id); i != connections_.end()) {
    auto& it = i->second;
    it.in_use -= std::min<size_t>(it.in_use, x.ended + x.requeued);
    it.watched_at = all_.now();
  }
  auto& how = x.session;
  end_session_on(id, how ? how->reason : "its connection was given back", how ? how->outcome : outcome::rejected);
  perform(core_.released(id, x.disposition, {x.ended, x.requeued}, x.reason, all_.now()));
}

void simulated_pool::returned(connection_id id, grant what, promise answer_to, caller_id caller,
                              const std::string& reason) {
  end_session_on(id, reason);
  auto who = add({answer_to, std::move(what.request), caller, true});
  perform(core_.returned(id, reason, who, all_.now()));
}

void simulated_pool::requeued(connection_id id, grant what, promise answer_to, caller_id caller) {
  --what.request.attempts; // It was not begun.
  auto who = add({answer_to, std::move(what.request), caller, true});
  perform(core_.requeued(id, who, all_.now()));
}

void simulated_pool::closed(connection_id id) {
  auto node = connections_.extract(id);
  if (!node)
    return;
  past_connections_.push_back(std::move(node.mapped().connection));
  perform(core_.closed(id, all_.now()));
}

void simulated_pool::end_session_on(connection_id id, const std::string& why, outcome what) {
  auto i = connections_.find(id);
  if (i == connections_.end() || !i->second.session)
    return;
  auto session = sessions_.find(*i->second.session);
  past_sessions_.emplace(session->first, past_session{session->second.holder, why, what});
  sessions_.erase(session);
  i->second.session.reset();
}

// -- connects ------------------------------------------------------------------------

void simulated_pool::connect(connection_id id, size_t server) {
  auto& path = *all_.wires.emplace_back(
      std::make_unique<wire>(all_.time, all_.how, all_.server, all_.marks, all_.log, all_.wires.size() + 1));
  all_.time.after(random_.between(2 * all_.how.network_delay, 6 * all_.how.network_delay),
                  [this, id, server, generation = core_.status().generation, &path] {
                    connect_ended(id, server, generation, path);
                  });
}

void simulated_pool::connect_ended(connection_id id, size_t server, uint64_t generation, wire& path) {
  auto& state = all_.server.endpoint(server);
  if (all_.now() < state.frozen_until) {
    all_.time.after(all_.how.connect_timeout, [this, id, server] {
      open_failed(id, server, {db::error_source::server, db::phase::connecting, 2002, "HY000", "no answer in time", 0});
    });
    return;
  }
  if (auto why = path.connect(server)) {
    open_failed(id, server,
                {db::error_source::server, db::phase::connecting, why->number, why->sqlstate, why->text, 0});
    return;
  }
  if (all_.how.servers > 1 && state.read_only) {
    path.close();
    open_failed(id, server, {db::error_source::server, db::phase::connecting, 1836, "HY000", "it is read-only", 0});
    return;
  }
  all_.time.after(random_.up_to(2 * all_.how.network_delay), [this, id, server, generation, &path] {
    step("opens connection " + std::to_string(static_cast<uint64_t>(id)) + " with server session "
         + std::to_string(static_cast<uint32_t>(path.session())));
    connections_[id].connection = std::make_unique<simulated_connection>(all_, *this, stops_, id, server, path);
    if (generation == core_.status().generation) // Otherwise it had been begun before a loss, and proves nothing.
      failures_[server] = {};
    perform(core_.opened(id, all_.now()));
  });
}

void simulated_pool::open_failed(connection_id id, size_t server, const db::driver_error& why) {
  step("cannot connect: " + why.text);
  auto before = failures_[server];
  note_failure(server);
  auto failed = to_failure(why, server_);
  if (failed.code == errc::server_full && core_.status().total_connections > 0)
    failures_[server] = before; // It is well, and only has no room.
  perform(core_.open_failed(id, failed, all_.now()));
}

void simulated_pool::note_failure(size_t server) {
  if (failures_[server].count++ == 0)
    failures_[server].since = all_.now();
}

// -- carrying out --------------------------------------------------------------------

void simulated_pool::perform(pool::commands todo) {
  while (!todo.empty()) {
    for (auto& x : todo)
      std::visit([this](auto& y) { carry_out(y); }, x);
    todo = std::exchange(follow_up_, {});
  }
  set_timer();
  check_state();
  if (finishing_ && connections_.empty())
    finished_ = true;
}

void simulated_pool::carry_out(const pool::open_connection& x) {
  if (x.id <= last_connection_)
    all_.log.object("a connection's id is used again");
  last_connection_ = x.id;
  connect(x.id, x.server);
}

void simulated_pool::carry_out(const pool::close_connection& x) {
  end_session_on(x.id, "the pool closed its connection");
  connections_.at(x.id).connection->close();
}

void simulated_pool::carry_out(const pool::ping_connection& x) {
  connections_.at(x.id).connection->ping();
}

void simulated_pool::carry_out(const pool::check_caller& x) {
  connections_.at(x.id).watched_at = all_.now();
  connections_.at(x.id).connection->check_callers();
}

void simulated_pool::carry_out(const pool::requeue& x) {
  connections_.at(x.id).connection->requeue();
}

void simulated_pool::carry_out(const pool::grant_connection& x) {
  auto node = requests_.extract(x.request);
  if (!node) {
    all_.log.object("a connection is given to a request that does not wait");
    return;
  }
  auto& [answer_to, request, caller, came_back] = node.mapped();
  check_order(node.mapped(), x.request);
  if (all_.people.has_ended(caller)) {
    auto more = core_.released(x.connection, disposition::reusable, {0, 1}, {}, all_.now());
    follow_up_.insert(follow_up_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return;
  }
  if (x.connection <= last_disposed_)
    all_.log.object("a connection is given away that should have been replaced");
  if (core_.status().paused)
    all_.log.object("a connection is given away during a pause");
  auto& to = connections_.at(x.connection);
  if (auto terms = std::get_if<lease>(&request.work)) {
    if (to.session)
      all_.log.object("a connection is given away for two sessions at a time");
    terms->id = session_id{++last_session_};
    sessions_.emplace(terms->id, held_session{x.connection, caller});
    to.session = terms->id;
  }
  if (to.in_use++ == 0)
    to.watched_at = all_.now();
  ++request.attempts;
  if (all_.log.enabled())
    step("gives connection " + std::to_string(static_cast<uint64_t>(x.connection)) + " to " + name_of(caller));
  auto latest_start = later(request.accepted, rules_.timeout);
  to.connection->begin({std::move(request), x.check, latest_start, x.waited, static_cast<uint64_t>(caller)}, answer_to,
                       caller);
}

void simulated_pool::carry_out(pool::fail_request& x) {
  auto node = requests_.extract(x.request);
  if (!node) {
    all_.log.object("a request fails that does not wait");
    return;
  }
  check_refusal(x.failure);
  if (node.mapped().request.maybe_executed)
    x.failure = pool::after_doubt(std::move(x.failure));
  answer(node.mapped().answer_to, std::move(x.failure));
}

void simulated_pool::carry_out(const pool::finish&) {
  finishing_ = true;
}

void simulated_pool::set_timer() {
  auto when = core_.next_event();
  if (when >= armed_for_)
    return;
  armed_for_ = when;
  all_.time.at(std::max(when, all_.now()) + random_.up_to(all_.how.mail_delay), [this, when] {
    if (armed_for_ != when)
      return;
    armed_for_ = time_point::max();
    perform(core_.tick(all_.now()));
  });
}

void simulated_pool::answer(promise to, content what) {
  all_.time.after(random_.up_to(all_.how.mail_delay), [this, to, x = std::move(what)] { all_.books.keep(to, x); });
}

// -- what has to hold ----------------------------------------------------------------

/// First come, first served, among those that want the same and have not had a connection before.
void simulated_pool::check_order(const pending& x, pool::request_id id) const {
  if (x.came_back)
    return;
  for (auto& [other, y] : requests_) {
    if (other > id)
      return;
    if (!y.came_back && y.request.shareable == x.request.shareable)
      all_.log.object("a request is served before an earlier one");
  }
}

/// A server that accepted the last connect is there.
void simulated_pool::check_refusal(const failure& why) {
  auto is_there = [](const failures& x) { return x.count == 0; };
  if (why.code == errc::circuit_open && std::ranges::all_of(failures_, is_there))
    all_.log.object("a request is refused because of servers that are there");
}

void simulated_pool::check_state() {
  auto now = core_.status();
  auto& rules = rules_;
  if (now.total_connections + now.connecting > max_connections_)
    all_.log.object("there are more connections than may be");
  if (now.connecting > max_connecting_)
    all_.log.object("there are more connects at a time than may be");
  for (auto& [id, x] : connections_)
    if (x.in_use > 0 && !finishing_ && all_.now() - x.watched_at > 2100ms)
      all_.log.object("nobody looks for the callers of a connection");
  auto is_down = [&](const failures& x) {
    // Those that are under way together count as one.
    return x.count > 16 && all_.now() - x.since > rules.breaker_after + 60 * rules.max_reconnect_delay;
  };
  if (rules.breaker_after > 0ns && now.total_connections == 0 && !now.paused && !now.draining && now.waiting > 0
      && now.breaker == breaker_state::closed && std::ranges::all_of(failures_, is_down))
    all_.log.object("somebody waits for servers that have been down for long");
}

void simulated_pool::step(const std::string& what) const {
  all_.log.step("pool", what);
}

} // namespace cenote::simulation

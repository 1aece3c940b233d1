#include "remote/remote_pool.hpp"

#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"
#include "remote/remote_pool_state.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/liveness.hpp"
#include "runtime/resident.hpp"
#include "types/time.hpp"

#include <caf/action.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace cenote::remote {

namespace {

/// How often the callers of unanswered requests are checked.
constexpr auto sweep_interval = std::chrono::milliseconds{250};

/// How often it is checked whether this actor can still be reached, and how often in a row it must not.
constexpr auto handle_interval = std::chrono::seconds{2};
constexpr size_t proof = 2;

std::vector<std::string> texts(const std::vector<net::endpoint>& endpoints) {
  std::vector<std::string> out;
  for (auto& each : endpoints)
    out.push_back(each.to_string());
  return out;
}

} // namespace

remote_pool_state::remote_pool_state(pointer this_actor, io_thread_ptr thread, client_rules greeting,
                                     std::vector<net::endpoint> where, const node::remote_core::rules& limits,
                                     uint64_t seed)
    : self{this_actor},
      home{std::move(thread)},
      rules{std::move(greeting)},
      endpoints{std::move(where)},
      addresses{texts(endpoints)},
      core{addresses, limits, seed},
      feed{{},
           [this](auto& subscriber, auto id, pool_events events) {
             auto address = caf::actor_cast<caf::actor_addr>(subscriber);
             self->request(caf::actor_cast<caf::actor>(subscriber), caf::infinite, std::move(events))
                 .then([this, id] { guard(*this, [&] { feed.acknowledged(id); }); },
                       [this, id, address](const caf::error&) {
                         guard(*this, [&] {
                           if (feed.is_current(id))
                             unsubscribe(address);
                         });
                       });
           }},
      notices{[this](auto& listener, auto& channel) {
                caf::anon_send(caf::actor_cast<caf::actor>(listener), notify_atom_v, channel);
              },
              [this](auto span, auto act) { self->run_delayed(span, [this, act] { guard(*this, act); }); }} {
  // nop
}

remote_pool_state::~remote_pool_state() {
  timer.dispose();
  handle_watch.dispose();
  for (auto& [id, each] : connections) {
    if (each.watch)
      each.watch->stop();
    if (each.link && !each.link->lost()) {
      each.link->send(net::message_kind::goodbye, 0, {});
      each.link->advance(self->clock().now());
      each.link->close("this client has ended");
    }
  }
}

internal_remote_pool::behavior_type remote_pool_state::make_behavior() {
  self->set_default_handler(caf::drop); // As the pool does.
  self->set_down_handler([this](const caf::down_msg& message) {
    if (!has_ended(message.source))
      return;
    guard(*this, [&] {
      feed.remove(message.source);
      notices.remove(message.source);
      holder_down(message.source);
    });
  });
  watch_handles();
  guard(*this, [this] {
    perform(core.start(now()));
    update();
  });
  return guarded(this, handlers());
}

internal_remote_pool::behavior_type remote_pool_state::handlers() {
  using type = node::call::type;
  using std::move;
  return {
      [this](execute_atom, statement& query) {
        auto limit = query.timeout;
        return submit<result>(operation::execute, move(query), type::work, self->current_sender(), limit);
      },
      [this](execute_atom, statement& query, caf::strong_actor_ptr& user) {
        auto limit = query.timeout;
        return submit<result>(operation::execute, move(query), type::work, move(user), limit);
      },
      [this](transact_atom, transaction& work) {
        auto limit = work.timeout;
        return submit<std::vector<result>>(operation::transact, move(work), type::work, self->current_sender(), limit);
      },
      [this](transact_atom, transaction& work, caf::strong_actor_ptr& user) {
        auto limit = work.timeout;
        return submit<std::vector<result>>(operation::transact, move(work), type::work, move(user), limit);
      },
      [this](checkout_atom, session_options& options) { return check_out(move(options), self->current_sender()); },
      [this](checkout_atom, session_options& options, caf::strong_actor_ptr& holder) {
        return check_out(move(options), move(holder));
      },
      [this](checkin_atom, session_id id) -> caf::result<void> {
        if (!belongs_to_sender(id))
          return caf::unit; // It has ended already.
        return command<void>(operation::checkin, session_step::rollback, id, {});
      },
      [this](execute_atom, session_id id, statement& query) {
        return command<result>(operation::session_execute, session_step::execute, id, move(query));
      },
      [this](begin_atom, session_id id, const transaction_options& how) {
        return command<void>(operation::begin, session_step::begin, id, how);
      },
      [this](commit_atom, session_id id) { return command<void>(operation::commit, session_step::commit, id, {}); },
      [this](rollback_atom, session_id id) {
        return command<void>(operation::rollback, session_step::rollback, id, {});
      },
      [this](savepoint_atom, session_id id, std::string& point) {
        return command<void>(operation::savepoint, session_step::savepoint, id, move(point));
      },
      [this](rollback_atom, session_id id, std::string& point) {
        return command<void>(operation::rollback_to, session_step::savepoint, id, move(point));
      },
      [this](handover_atom, session_id id, caf::strong_actor_ptr& to) -> caf::result<void> {
        if (!to)
          return make_error(own_failure(errc::invalid_statement, outcome::rejected, "a session needs a holder"));
        return command<void>(operation::handover, session_step::savepoint, id, {}, move(to));
      },
      [this](evict_atom, session_id id) { return command<void>(operation::evict, session_step::savepoint, id, {}); },
      [this](verify_atom) { return ask_node<verification>(operation::verify); },
      [this](status_atom) { return ask_node<pool_status>(operation::status); },
      [this](details_atom) { return ask_node<pool_details>(operation::details); },
      [this](statements_atom) { return ask_node<std::vector<statement_summary>>(operation::statements); },
      [this](settings_atom) { return ask_node<effective_settings>(operation::settings); },
      [this](kill_atom, session_id id) { return submit<void>(operation::kill, id, type::work, nullptr); },
      [](reconfigure_atom, const settings_update&) -> caf::result<void> {
        return make_error(own_failure(errc::invalid_setting, outcome::rejected,
                                      "the settings of a pool on another node can only be changed there"));
      },
      [this](dispose_atom) { return order<void>(operation::dispose); },
      [this](pause_atom) { return order<void>(operation::pause); },
      [this](resume_atom) { return order<void>(operation::resume); },
      [this](subscribe_atom) { return subscribe(self->current_sender()); },
      [this](unsubscribe_atom) { unsubscribe(caf::actor_cast<caf::actor_addr>(self->current_sender())); },
      [this](subscribe_atom, const caf::strong_actor_ptr& subscriber) { return subscribe(subscriber); },
      [this](unsubscribe_atom, const caf::strong_actor_ptr& subscriber) {
        unsubscribe(caf::actor_cast<caf::actor_addr>(subscriber));
      },
      [this](drain_atom, caf::timespan limit) { return drain(limit); },
      [this](listen_atom, const caf::strong_actor_ptr& listener) { return listen(listener); },
      [this](notify_atom, std::string& channel, const caf::strong_actor_ptr& from) { notify(move(channel), from); },
      [this](ready_atom, uint64_t link) { advance(node::link_id{link}); },
      [this](resolved_atom, uint64_t link) { resolved(node::link_id{link}); },
      [this](decoded_atom, uint64_t number, result& value) { decoded(number, value); },
      [this](decoded_atom, uint64_t number, std::vector<result>& value) { decoded(number, value); },
      [this](decoded_atom, uint64_t number) { not_decoded(number); },
      [this](decoded_atom, uint64_t number, failure& reason) { not_kept(number, move(reason)); },
  };
}

// -- requests ----------------------------------------------------------------------------

/// Keeps the promise of the current request until it is answered.
void remote_pool_state::accept(waiting request, node::call terms, caf::timespan limit) {
  request.promise = self->make_response_promise();
  if (auto excess = find_excess(request)) {
    session_answered(request, false);
    request.promise.deliver(make_error(std::move(*excess)));
    return;
  }
  auto number = ++last_request;
  terms.id = node::call_id{number};
  terms.accepted = request.accepted = now();
  terms.deadline = request.deadline = deadline_after(terms.accepted, limit);
  requests.emplace(number, std::move(request));
  perform(core.submit(terms, terms.accepted));
}

void remote_pool_state::perform(node::commands todo) {
  for (auto& each : todo)
    std::visit([this](auto& command) { carry_out(command); }, each);
}

void remote_pool_state::carry_out(node::fail_call& x) {
  auto entry = requests.extract(static_cast<uint64_t>(x.call));
  auto was_taken_back = std::exchange(taken_back, false);
  if (entry.empty())
    return;
  session_answered(entry.mapped(), false);
  if (core.is_draining() && now() >= drain_until)
    ++drained.cut;
  // The session was to end, and has.
  if (entry.mapped().what == operation::checkin)
    entry.mapped().promise.deliver();
  else
    entry.mapped().promise.deliver(
        make_error(was_taken_back && x.if_withdrawn ? std::move(*x.if_withdrawn) : std::move(x.failure)));
}

/// Requests of callers that have ended are useless. CAF tells nobody about them unless asked for each caller: that
/// would cost every request more than this costs all together.
void remote_pool_state::forget_dead_callers() {
  std::vector<uint64_t> dead;
  for (auto& [number, each] : requests)
    if (has_ended(each.caller))
      dead.push_back(number);
  for (auto number : dead)
    perform(core.cancel(node::call_id{number}, now()));
}

// -- events ------------------------------------------------------------------------------

caf::result<void> remote_pool_state::subscribe(const caf::strong_actor_ptr& subscriber) {
  if (!subscriber)
    return make_error(own_failure(errc::invalid_statement, outcome::rejected, "a subscription needs a subscriber"));
  auto was_watched = is_watched(caf::actor_cast<caf::actor_addr>(subscriber));
  if (feed.add(subscriber) == event_feed::subscription::refused)
    return make_error(
        own_failure(errc::queue_full, outcome::unavailable,
                    "the pool has as many subscribers as it takes, " + std::to_string(event_feed::max_subscribers)));
  if (!was_watched)
    self->monitor(subscriber);
  follow_events();
  return caf::unit;
}

void remote_pool_state::unsubscribe(const caf::actor_addr& subscriber) {
  if (feed.remove(subscriber))
    unwatch(subscriber);
}

/// Subscribes at the current node, once somebody here has subscribed.
void remote_pool_state::follow_events() {
  if (subscribed || !feed.has_subscribers() || !core.current())
    return;
  subscribed = true;
  auto& to = connections.at(*core.current());
  auto what = static_cast<uint8_t>(operation::subscribe);
  // Nobody waits for the answer, which would only say that there are too many subscribers.
  to.link->send(net::message_kind::request, ++last_request, encode(what));
}

// -- notices -----------------------------------------------------------------------------

caf::result<void> remote_pool_state::listen(const caf::strong_actor_ptr& listener) {
  auto was_watched = is_watched(caf::actor_cast<caf::actor_addr>(listener));
  if (notices.add(listener) == notice_board::admission::refused)
    return make_error(
        own_failure(errc::queue_full, outcome::unavailable,
                    "the pool has as many listeners as it takes, " + std::to_string(notice_board::max_listeners)));
  if (!was_watched)
    self->monitor(listener);
  follow_notices();
  return caf::unit;
}

/// Listens to the current node, once somebody here listens.
void remote_pool_state::follow_notices() {
  if (listens || !notices.has_listeners() || !core.current())
    return;
  listens = true;
  auto what = static_cast<uint8_t>(operation::listen);
  // As for events, nobody waits for the answer.
  connections.at(*core.current()).link->send(net::message_kind::request, ++last_request, encode(what));
}

/// Without a node it is lost: it is a hint.
void remote_pool_state::notify(std::string channel, const caf::strong_actor_ptr& from) {
  notices.notify(channel, caf::actor_cast<caf::actor_addr>(from));
  if (!core.current() || channel.size() > notice_board::max_name)
    return;
  auto what = static_cast<uint8_t>(operation::notify);
  connections.at(*core.current()).link->send(net::message_kind::request, ++last_request, encode(what, channel));
}

// -- time, and the end ---------------------------------------------------------------------

/// After each batch of messages, and each event of a socket: sends what has been collected.
void remote_pool_state::end_turn() noexcept {
  guard(*this, [this] { update(); });
}

void remote_pool_state::update() {
  auto at = now();
  if (core.next_event() <= at)
    perform(core.tick(at));
  if (requests.empty()) {
    sweep_at = time_point::max();
  } else if (sweep_at == time_point::max()) {
    sweep_at = at + sweep_interval;
  } else if (sweep_at <= at) {
    sweep_at = at + sweep_interval;
    forget_dead_callers();
  }
  std::vector<node::link_id> all;
  for (auto& [id, each] : connections)
    if (each.link)
      all.push_back(id);
  for (auto id : all)
    flush(id);
  if (end_if_drained())
    return;
  auto next = std::min({core.next_event(), sweep_at, drain_until});
  for (auto& [id, each] : connections)
    if (each.link)
      next = std::min(next, each.link->next_event());
  set_timer(next);
}

void remote_pool_state::set_timer(time_point due) {
  if (due >= armed_for)
    return;
  timer.dispose();
  armed_for = due;
  timer = self->run_scheduled(std::max(due, now()), [this] {
    armed_for = time_point::max();
    end_turn(); // Links whose time it is are settled then.
  });
}

caf::result<drain_report> remote_pool_state::drain(caf::timespan limit) {
  auto promise = self->make_response_promise<drain_report>();
  drains.push_back(promise);
  drain_until = std::min(drain_until, later(now(), limit));
  auto before = core.unanswered() + sessions.size();
  if (drains.size() == 1)
    drained.finished = before;             // Those that are cut are taken off at the end.
  perform(core.drain(drain_until, now())); // What follows comes with the end of the turn.
  return promise;
}

/// @returns whether this actor has ended.
bool remote_pool_state::end_if_drained() {
  auto done = core.is_drained() && decoding.empty() && sessions.empty();
  if (!core.is_draining() || (!done && now() < drain_until))
    return false;
  drained.cut += sessions.size();
  drained.finished -= std::min(drained.finished, drained.cut);
  finish();
  return true;
}

void remote_pool_state::finish() {
  log().info("the client of the pool nodes has stopped; {} requests finished, {} cut", drained.finished, drained.cut);
  for (auto& promise : std::exchange(drains, {}))
    promise.deliver(drained);
  self->quit();
}

/// As a pool does; see `pool_actor_state::watch_handles`.
void remote_pool_state::watch_handles() {
  handle_watch = self->clock().schedule(
      now() + handle_interval,
      caf::make_action([this] { guard(*this, [this] { look_for_handles(); }); }, caf::action::state::waiting),
      caf::weak_actor_ptr{self->ctrl()});
}

void remote_pool_state::look_for_handles() {
  auto in_use = !requests.empty() || !sessions.empty() || !decoding.empty()
                || has_handles(self->ctrl()->strong_refs.load(), 0, armed_for, now());
  unreachable = in_use ? 0 : unreachable + 1;
  if (unreachable < proof) {
    watch_handles();
    return;
  }
  log().warn("no handle of a client of the pool nodes {} exists any more, and it was not ended: it ends now",
             addresses.front());
  finish();
}

void remote_pool_state::defect(const char* problem) noexcept {
  log().error("an exception in the client of the pool nodes: {}; it continues", problem);
}

pool_actor spawn_remote_pool(caf::actor_system& sys, const io_thread_ptr& thread, client_rules rules,
                             std::vector<net::endpoint> nodes, const node::remote_core::rules& limits, uint64_t seed) {
  return spawn_resident<internal_remote_pool::stateful_impl<remote_pool_state>>(sys, thread, thread, std::move(rules),
                                                                                std::move(nodes), limits, seed);
}

} // namespace cenote::remote

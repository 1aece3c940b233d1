#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "remote/remote_pool_state.hpp"
#include "runtime/liveness.hpp"
#include "types/time.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>

namespace cenote::remote {

caf::result<session_id> remote_pool_state::check_out(session_options options, caf::strong_actor_ptr holder) {
  if (!holder)
    return make_error(own_failure(errc::invalid_statement, outcome::rejected,
                                  "a session needs a holder: send checkout from an actor"));
  auto in_time = std::min(options.time_limit, options.acquire_timeout) >= options.time_limit.zero();
  auto limit = in_time ? options.acquire_timeout : caf::timespan{-1};
  auto number = use(holder);
  return submit<session_id>(operation::checkout, checkout_terms{number, std::move(options)}, node::call::type::harmless,
                            std::move(holder), limit);
}

void remote_pool_state::in_session(operation what, session_step step, session_request request) {
  if (!belongs_to_sender(request.session)) {
    auto reason = refuse_session(request.session);
    self->make_response_promise().deliver(std::move(reason));
    return;
  }
  auto& session = sessions.at(request.session);
  node::call terms;
  terms.kind = node::call::type::bound;
  terms.link = session.link;
  auto query = std::get_if<statement>(&request.argument);
  auto limit = query ? query->timeout : caf::timespan{0};
  terms.if_unsent = session.record.if_unsent(step);
  terms.if_lost = session.record.send(step, query ? std::string_view{query->sql} : std::string_view{});
  // What a holder has asked for is stopped if it ends, even after its checkin.
  use(self->current_sender());
  request.user = session.holder;
  if (request.new_holder)
    request.argument = use(request.new_holder);
  accept({what, std::move(request), {}, nullptr, step}, terms, limit);
}

/// Whether it exists, and the current message came from its holder; see `pool_actor_state::belongs_to_sender`.
bool remote_pool_state::belongs_to_sender(session_id id) const {
  auto i = sessions.find(id);
  return i != sessions.end() && self->current_sender()
         && i->second.holder == caf::actor_cast<caf::actor_addr>(self->current_sender());
}

caf::error remote_pool_state::refuse_session(session_id id) const {
  auto& sender = self->current_sender();
  auto end = sender ? past_sessions.find(id, caf::actor_cast<caf::actor_addr>(sender)) : nullptr;
  if (end == nullptr)
    return make_error(session_has_ended(id, outcome::rejected, {}));
  return make_error(own_failure(errc::session_ended, end->outcome, end->reason));
}

void remote_pool_state::session_begins(session_id id, node::link_id link, const caf::strong_actor_ptr& holder) {
  use(holder);
  sessions.emplace(id, session_on_node{link, caf::actor_cast<caf::actor_addr>(holder), {}});
}

/// Requests of the holder are refused from now on.
/// @param last what it is told if it asks.
void remote_pool_state::session_ends(session_id id, failure last) {
  auto i = sessions.find(id);
  if (i == sessions.end())
    return;
  auto holder = i->second.holder;
  past_sessions.add(id, {holder, std::move(last.text), last.outcome});
  sessions.erase(i);
  release(holder);
  if (core.is_draining())
    set_timer(now());
}

void remote_pool_state::carry_out(const node::end_session_links& x) {
  std::vector<std::pair<session_id, outcome>> ended;
  for (auto& [id, session] : sessions)
    if (session.link == x.link)
      ended.emplace_back(id, session.record.after_loss());
  for (auto& [id, effect] : ended)
    session_ends(id, session_has_ended(id, effect, x.reason));
}

/// A request has been answered, or has failed: what this means for sessions and their holders.
void remote_pool_state::session_answered(waiting& request, bool succeeded) {
  if (request.what == operation::checkout) {
    release(caf::actor_cast<caf::actor_addr>(request.caller));
    return;
  }
  auto of = std::get_if<session_request>(&request.content);
  if (of == nullptr)
    return;
  auto i = sessions.find(of->session);
  if (request.what == operation::handover) {
    auto to = caf::actor_cast<caf::actor_addr>(of->new_holder);
    if (succeeded && i != sessions.end()) {
      release(std::exchange(i->second.holder, to)); // Its use becomes that of the session.
    } else {
      release(to);
    }
  }
  if (i != sessions.end())
    i->second.record.answered(request.step, succeeded);
  release(of->user);
}

/// @returns its number for the nodes.
uint64_t remote_pool_state::use(const caf::strong_actor_ptr& holder) {
  auto address = caf::actor_cast<caf::actor_addr>(holder);
  auto was_watched = is_watched(address);
  auto& entry = holders[address];
  if (++entry.uses == 1)
    entry.number = ++last_holder;
  if (!was_watched)
    self->monitor(holder);
  return entry.number;
}

void remote_pool_state::release(const caf::actor_addr& holder) {
  auto i = holders.find(holder);
  if (i == holders.end() || --i->second.uses > 0)
    return;
  tell_gone(i->second.number, false);
  auto address = i->first;
  holders.erase(i);
  unwatch(address);
}

/// An actor is monitored once, whatever it has here. It has lost something.
void remote_pool_state::unwatch(const caf::actor_addr& actor) {
  if (!is_watched(actor))
    self->demonitor(actor);
}

bool remote_pool_state::is_watched(const caf::actor_addr& actor) const {
  return holders.contains(actor) || feed.contains(actor) || notices.contains(actor);
}

/// The nodes return its sessions.
void remote_pool_state::holder_down(const caf::actor_addr& holder) {
  auto i = holders.find(holder);
  if (i == holders.end())
    return;
  tell_gone(i->second.number, true);
  holders.erase(i);
  std::erase_if(sessions, [&holder](auto& each) { return each.second.holder == holder; });
}

/// @param ended whether it has ended, and not only its last session.
void remote_pool_state::tell_gone(uint64_t number, bool ended) {
  for (auto& [id, each] : connections)
    if (each.greeted && !each.link->lost())
      each.link->send(net::message_kind::gone, number, encode(ended));
}

} // namespace cenote::remote

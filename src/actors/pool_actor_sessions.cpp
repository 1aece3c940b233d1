#include "actors/pool_actor_state.hpp"

#include "actors/random_id.hpp"
#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace cenote {

void pool_actor_state::accept(session_options options, caf::strong_actor_ptr holder, bool upkeep) {
  if (!holder) {
    self->make_response_promise().deliver(make_error(own_failure(
        errc::invalid_statement, outcome::rejected, "a session needs a holder: send checkout from an actor")));
    return;
  }
  auto timeout = std::min(options.time_limit, options.acquire_timeout) < options.time_limit.zero()
                     ? caf::timespan{-1}
                     : options.acquire_timeout;
  auto unclaimed = options.unclaimed_timeout <= options.unclaimed_timeout.zero() ? rules.unclaimed_session_timeout
                                                                                 : options.unclaimed_timeout;
  accept(lease{{}, std::move(options), rules.leak_warning, unclaimed, rules.max_waiting}, timeout, std::move(holder),
         upkeep, upkeep);
}

/// Whether it exists, and the current message came from its holder. The retrier, and others that delegate to the pool,
/// keep the sender; a message without a sender never came from a holder.
bool pool_actor_state::belongs_to_sender(session_id id) const {
  auto i = sessions.find(id);
  return i != sessions.end() && self->current_sender()
         && i->second.holder == caf::actor_cast<caf::actor_addr>(self->current_sender());
}

/// The answer to a message about a session that does not belong to its sender: its last holder learns how it has ended;
/// all others get the same answer, whether it ever existed or not.
caf::error pool_actor_state::refusal(session_id id, const caf::strong_actor_ptr& sender) const {
  auto end = sender ? past_sessions.find(id, caf::actor_cast<caf::actor_addr>(sender)) : nullptr;
  if (end == nullptr)
    return make_error(session_has_ended(id, outcome::rejected, {}));
  return make_error(session_has_ended(id, end->outcome, end->reason));
}

void pool_actor_state::command(session_command request) {
  auto is_holder = belongs_to_sender(request.session); // The promise takes the sender.
  auto promise = self->make_response_promise();
  if (is_holder)
    promise.delegate(connections.at(sessions.at(request.session).connection).actor, execute_atom_v, std::move(request));
  else
    promise.deliver(refusal(request.session, promise.source()));
}

caf::result<void> pool_actor_state::handover(session_id id, const caf::strong_actor_ptr& to) {
  if (!belongs_to_sender(id))
    return refusal(id, self->current_sender());
  if (!to)
    return make_error(own_failure(errc::invalid_statement, outcome::rejected, "a session needs a holder"));
  auto& session = sessions.at(id);
  watch(to);
  unwatch(std::exchange(session.holder, caf::actor_cast<caf::actor_addr>(to)));
  return self->delegate(connections.at(session.connection).actor, handover_atom_v, id, to);
}

caf::result<void> pool_actor_state::evict(session_id id) {
  if (!belongs_to_sender(id))
    return refusal(id, self->current_sender());
  return self->delegate(connections.at(sessions.at(id).connection).actor, evict_atom_v, id);
}

void pool_actor_state::check_in(session_id id) {
  // A session that has ended already must not be ended again.
  if (auto i = sessions.find(id); i != sessions.end()) {
    auto connection = i->second.connection;
    end_session_on(connection, "it was checked in");
    self->send(connections.at(connection).actor, checkin_atom_v, id);
  }
}

void pool_actor_state::holder_down(const caf::actor_addr& holder) {
  std::vector<session_id> ended;
  for (auto& [id, session] : sessions)
    if (session.holder == holder)
      ended.push_back(id);
  for (auto id : ended) {
    log().info("pool {}: the holder of session {} has ended", rules.name, static_cast<uint64_t>(id));
    check_in(id);
  }
}

void pool_actor_state::begin_session(lease& session, const caf::strong_actor_ptr& holder, connection_id connection) {
  do
    session.id = session_id{random_id()};
  while (sessions.contains(session.id));
  watch(holder);
  sessions.emplace(session.id, checked_out_session{connection, caf::actor_cast<caf::actor_addr>(holder)});
  connections.at(connection).session = session.id;
  measured.session_begins(session.id);
}

/// Requests of the holder are refused from now on.
/// @param reason for the holder, if it asks.
void pool_actor_state::end_session_on(connection_id id, std::string_view reason, outcome effect) {
  auto i = connections.find(id);
  if (i == connections.end() || !i->second.session)
    return;
  auto session = sessions.find(*i->second.session);
  auto holder = session->second.holder;
  past_sessions.add(session->first, {std::move(session->second.holder), std::string{reason}, effect});
  measured.session_ends(session->first);
  sessions.erase(session);
  unwatch(holder);
  i->second.session.reset();
}

/// An actor is monitored once, however many sessions and subscriptions it has.
void pool_actor_state::watch(const caf::strong_actor_ptr& actor) {
  if (++watched[caf::actor_cast<caf::actor_addr>(actor)] == 1)
    self->monitor(actor);
}

void pool_actor_state::unwatch(const caf::actor_addr& actor) {
  auto i = watched.find(actor);
  if (i == watched.end() || --i->second > 0)
    return;
  self->demonitor(i->first);
  watched.erase(i);
}

} // namespace cenote

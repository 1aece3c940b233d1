#include "actors/pool_actor_state.hpp"

#include "actors/random_id.hpp"
#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace cenote {

void pool_actor_state::accept(session_options what, caf::strong_actor_ptr holder) {
  if (!holder) {
    self->make_response_promise().deliver(make_error(own_failure(
        errc::invalid_statement, outcome::rejected, "a session needs a holder: send checkout from an actor")));
    return;
  }
  auto timeout = std::min(what.time_limit, what.acquire_timeout) < what.time_limit.zero() ? caf::timespan{-1}
                                                                                          : what.acquire_timeout;
  auto unclaimed = what.unclaimed_timeout <= what.unclaimed_timeout.zero() ? rules.unclaimed_session_timeout
                                                                           : what.unclaimed_timeout;
  accept(lease{{}, std::move(what), rules.leak_warning, unclaimed, rules.max_waiting}, timeout, std::move(holder));
}

/// Whether it is there, and the message at hand came from its holder. The retrier and what else delegates to the pool
/// keeps the sender; a message without one is nobody's.
bool pool_actor_state::belongs_to_sender(session_id id) const {
  auto i = sessions.find(id);
  return i != sessions.end() && self->current_sender()
         && i->second.holder == caf::actor_cast<caf::actor_addr>(self->current_sender());
}

/// The answer to a message about a session that does not belong to its sender: who held it is told how it has ended,
/// everybody else the same, whether it was ever there or not.
caf::error pool_actor_state::refusal(session_id id, const caf::strong_actor_ptr& sender) const {
  auto how = sender ? past_sessions.find(id, caf::actor_cast<caf::actor_addr>(sender)) : nullptr;
  if (how == nullptr)
    return make_error(session_has_ended(id, outcome::rejected, {}));
  return make_error(session_has_ended(id, how->outcome, how->reason));
}

void pool_actor_state::command(session_command what) {
  auto is_holder = belongs_to_sender(what.session); // The promise takes the sender.
  auto promise = self->make_response_promise();
  if (is_holder)
    promise.delegate(connections.at(sessions.at(what.session).connection).actor, execute_atom_v, std::move(what));
  else
    promise.deliver(refusal(what.session, promise.source()));
}

caf::result<void> pool_actor_state::handover(session_id id, const caf::strong_actor_ptr& to) {
  if (!belongs_to_sender(id))
    return refusal(id, self->current_sender());
  if (!to)
    return make_error(own_failure(errc::invalid_statement, outcome::rejected, "a session needs a holder"));
  auto& x = sessions.at(id);
  watch(to);
  unwatch(std::exchange(x.holder, caf::actor_cast<caf::actor_addr>(to)));
  return self->delegate(connections.at(x.connection).actor, handover_atom_v, id, to);
}

caf::result<void> pool_actor_state::evict(session_id id) {
  if (!belongs_to_sender(id))
    return refusal(id, self->current_sender());
  return self->delegate(connections.at(sessions.at(id).connection).actor, evict_atom_v, id);
}

void pool_actor_state::check_in(session_id id) {
  // One that has ended already needs no second end.
  if (auto i = sessions.find(id); i != sessions.end()) {
    auto connection = i->second.connection;
    end_session_on(connection, "it was checked in");
    self->send(connections.at(connection).actor, checkin_atom_v, id);
  }
}

void pool_actor_state::holder_down(const caf::actor_addr& who) {
  std::vector<session_id> ended;
  for (auto& [id, x] : sessions)
    if (x.holder == who)
      ended.push_back(id);
  for (auto id : ended) {
    log().info("pool {}: the holder of session {} has ended", rules.name, static_cast<uint64_t>(id));
    check_in(id);
  }
}

void pool_actor_state::begin_session(lease& what, const caf::strong_actor_ptr& holder, connection_id connection) {
  do
    what.id = session_id{random_id()};
  while (sessions.contains(what.id));
  watch(holder);
  sessions.emplace(what.id, checked_out_session{connection, caf::actor_cast<caf::actor_addr>(holder)});
  connections.at(connection).session = what.id;
  measured.session_begins(what.id);
}

/// The holder is not to be heard any more.
/// @param why is told to the holder if it did not know.
void pool_actor_state::end_session_on(connection_id id, std::string why, outcome what) {
  auto i = connections.find(id);
  if (i == connections.end() || !i->second.session)
    return;
  auto session = sessions.find(*i->second.session);
  auto holder = session->second.holder;
  past_sessions.add(session->first, {std::move(session->second.holder), std::move(why), what});
  measured.session_ends(session->first);
  sessions.erase(session);
  unwatch(holder);
  i->second.session.reset();
}

/// An actor is monitored once, however many sessions and subscriptions it has.
void pool_actor_state::watch(const caf::strong_actor_ptr& who) {
  if (++watched[caf::actor_cast<caf::actor_addr>(who)] == 1)
    self->monitor(who);
}

void pool_actor_state::unwatch(const caf::actor_addr& who) {
  auto i = watched.find(who);
  if (i == watched.end() || --i->second > 0)
    return;
  self->demonitor(i->first);
  watched.erase(i);
}

} // namespace cenote

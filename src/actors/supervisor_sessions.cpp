#include "actors/supervisor_state.hpp"

#include "actors/judgement.hpp"
#include "actors/log.hpp"
#include "cenote/error.hpp"

#include <algorithm>
#include <utility>

namespace cenote {

void supervisor_state::accept(session_options what, caf::strong_actor_ptr holder) {
  if (!holder) {
    self->make_response_promise().deliver(make_error(own_failure(
        errc::invalid_statement, outcome::rejected, "a session needs a holder: send checkout from an actor")));
    return;
  }
  auto timeout = std::min(what.time_limit, what.acquire_timeout) < what.time_limit.zero() ? caf::timespan{-1}
                                                                                          : what.acquire_timeout;
  accept(lease{{}, std::move(what), rules.leak_warning}, timeout, std::move(holder));
}

void supervisor_state::command(session_command what) {
  auto promise = self->make_response_promise();
  if (auto i = sessions.find(what.session); i != sessions.end()) {
    promise.delegate(connections.at(i->second.connection).actor, execute_atom_v, std::move(what));
    return;
  }
  auto how = past_sessions.find(what.session, caf::actor_cast<caf::actor_addr>(promise.source()));
  promise.deliver(
      make_error(own_failure(errc::session_ended, how != nullptr ? how->what : outcome::rejected,
                             "session " + std::to_string(static_cast<uint64_t>(what.session)) + " has ended"
                                 + (how != nullptr ? ": " + how->why : ", or never was") + "; check out another one")));
}

void supervisor_state::check_in(session_id id) {
  // One that has ended already needs no second end.
  if (auto i = sessions.find(id); i != sessions.end()) {
    auto connection = i->second.connection;
    end_session_on(connection, "it was checked in");
    self->send(connections.at(connection).actor, checkin_atom_v, id);
  }
}

void supervisor_state::holder_down(const caf::actor_addr& who) {
  std::vector<session_id> ended;
  for (auto& [id, x] : sessions)
    if (x.holder == who)
      ended.push_back(id);
  for (auto id : ended) {
    log().info("pool {}: the holder of session {} has ended", rules.name, static_cast<uint64_t>(id));
    check_in(id);
  }
}

void supervisor_state::begin_session(lease& what, const pending& who, connection_id connection) {
  what.id = session_id{++last_session};
  auto holder = caf::actor_cast<caf::actor_addr>(who.user);
  // Once, however many it holds: each monitor would be kept until the holder ends.
  if (std::ranges::none_of(sessions, [&](auto& x) { return x.second.holder == holder; }))
    self->monitor(who.user);
  sessions.emplace(what.id, lent{connection, holder});
  connections.at(connection).session = what.id;
}

/// The holder is not to be heard any more.
/// @param why is told to the holder if it did not know.
void supervisor_state::end_session_on(connection_id id, std::string why, outcome what) {
  auto i = connections.find(id);
  if (i == connections.end() || !i->second.session)
    return;
  auto session = sessions.find(*i->second.session);
  auto holder = session->second.holder;
  past_sessions.add(session->first, {std::move(session->second.holder), std::move(why), what});
  sessions.erase(session);
  // Would end the monitoring for its other sessions, too.
  if (std::ranges::none_of(sessions, [&](auto& x) { return x.second.holder == holder; }))
    self->demonitor(holder);
  i->second.session.reset();
}

} // namespace cenote

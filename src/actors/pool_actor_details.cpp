#include "actors/pool_actor_state.hpp"
#include "cenote/error.hpp"
#include "log/log.hpp"
#include "runtime/guarded_behavior.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace cenote {

namespace {

/// What is known of a connection without asking it.
connection_details outline(const pool::slot& x, pool::time_point now) {
  connection_details out;
  out.id = static_cast<uint64_t>(x.id);
  auto opening = x.state == pool::slot_state::opening;
  out.activity = opening ? connection_activity::connecting : connection_activity::closing;
  out.age = now - (opening ? x.busy_since : x.opened_at);
  if (x.state == pool::slot_state::idle || x.state == pool::slot_state::pinging)
    out.unused = now - x.used_at;
  return out;
}

/// The answers of all connections, as they come.
struct gathering {
  pool_details found;
  size_t missing = 1; ///< One is this itself, until all have been asked.
  caf::typed_response_promise<pool_details> promise;

  void came() {
    if (--missing > 0)
      return;
    std::ranges::sort(found.sessions, std::greater{}, &session_details::age);
    promise.deliver(std::move(found));
  }

  /// @param session its place, if the connection has one.
  void add(size_t connection, std::optional<size_t> session, const connection_report& x) {
    auto& about = found.connections.at(connection);
    about.activity = x.view.activity;
    about.statement = x.view.statement;
    about.running = x.view.running;
    about.answered = x.answered;
    if (!session)
      return;
    auto& held = found.sessions.at(*session);
    held.in_transaction = x.view.in_transaction;
    held.last_statement = x.view.last_statement;
    held.running = x.view.running;
  }
};

} // namespace

caf::result<pool_details> pool_actor_state::details() {
  auto at = now();
  auto gathered = std::make_shared<gathering>();
  gathered->promise = self->make_response_promise<pool_details>();
  auto& found = gathered->found;
  for (auto& [id, slot] : core.slots()) {
    found.connections.push_back(cenote::outline(slot, at));
    found.connections.back().server = connections_of->endpoint(slot.server);
  }
  std::ranges::sort(found.connections, {}, &connection_details::id);
  for (size_t i = 0; i < found.connections.size(); ++i) {
    auto& about = found.connections[i];
    auto open = connections.find(connection_id{about.id});
    if (open == connections.end())
      continue;
    auto& [id, known] = *open;
    about.server_connection_id = known.server_connection_id;
    if (known.closed)
      continue;
    std::optional<size_t> session;
    if (known.session) {
      session = found.sessions.size();
      found.sessions.push_back(outline(*known.session, at));
    }
    ++gathered->missing;
    self->request(known.actor, caf::infinite, details_atom_v)
        .then(
            [this, gathered, i, session](const connection_report& x) {
              guard(*this, [&] { gathered->add(i, session, x); });
              gathered->came();
            },
            [gathered](const caf::error&) { gathered->came(); }); // It has ended meanwhile.
  }
  auto promise = gathered->promise;
  gathered->came();
  return promise;
}

/// What is known of a session without asking its connection.
session_details pool_actor_state::outline(session_id id, pool::time_point at) const {
  auto& held = sessions.at(id);
  session_details out;
  out.id = id;
  out.connection = static_cast<uint64_t>(held.connection);
  out.holder = to_string(held.holder);
  if (auto& use = connections.at(held.connection).use) {
    out.owner = use->owner;
    out.age = at - use->since;
  }
  return out;
}

/// The connection tells how it has ended, as after a time limit.
caf::result<void> pool_actor_state::kill(session_id id) {
  auto held = sessions.find(id);
  if (held == sessions.end())
    return refusal(id, self->current_sender());
  log().info("pool {}: session {} is ended by an operator", rules.name, static_cast<uint64_t>(id));
  return self->delegate(connections.at(held->second.connection).actor, kill_atom_v, id);
}

} // namespace cenote

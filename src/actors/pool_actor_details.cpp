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

/// The details of a connection that are known without asking it.
connection_details outline(const pool::slot& slot, pool::time_point now) {
  connection_details out;
  out.id = static_cast<uint64_t>(slot.id);
  auto opening = slot.state == pool::slot_state::opening;
  out.activity = opening ? connection_activity::connecting : connection_activity::closing;
  out.age = now - (opening ? slot.busy_since : slot.opened_at);
  if (slot.state == pool::slot_state::idle || slot.state == pool::slot_state::pinging)
    out.unused = now - slot.used_at;
  return out;
}

/// Collects the answers of all connections.
struct gathering {
  pool_details found;
  size_t missing = 1; ///< One more than the connections, until all have been asked.
  caf::typed_response_promise<pool_details> promise;

  void arrived() {
    if (--missing > 0)
      return;
    std::erase_if(found.sessions, [](auto& session) { return session.id == session_id{}; });
    std::ranges::sort(found.sessions, std::greater{}, &session_details::age);
    promise.deliver(std::move(found));
  }

  /// @param session its index, if the connection has one.
  void add(size_t connection, std::optional<size_t> session, const connection_report& report) {
    auto& details = found.connections.at(connection);
    details.activity = report.view.activity;
    details.statement = report.view.statement;
    details.running = report.view.running;
    details.answered = report.answered;
    if (!session)
      return;
    auto& held = found.sessions.at(*session);
    if (report.view.session != held.id) // It has ended, and its connection is on its way back.
      held.id = {};
    held.in_transaction = report.view.in_transaction;
    held.last_statement = report.view.last_statement;
    held.running = report.view.running;
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
    auto& details = found.connections[i];
    auto open = connections.find(connection_id{details.id});
    if (open == connections.end())
      continue;
    auto& [id, known] = *open;
    details.server_connection_id = known.server_connection_id;
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
            [this, gathered, i, session](const connection_report& report) {
              guard(*this, [&] { gathered->add(i, session, report); });
              gathered->arrived();
            },
            [gathered](const caf::error&) { gathered->arrived(); }); // It has ended meanwhile.
  }
  auto promise = gathered->promise;
  gathered->arrived();
  return promise;
}

/// The details of a session that are known without asking its connection.
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

/// The connection reports how the session has ended, as after a time limit.
caf::result<void> pool_actor_state::kill(session_id id) {
  auto held = sessions.find(id);
  if (held == sessions.end())
    return refusal(id, self->current_sender());
  log().info("pool {}: session {} is ended by an operator", rules.name, static_cast<uint64_t>(id));
  return self->delegate(connections.at(held->second.connection).actor, kill_atom_v, id);
}

} // namespace cenote

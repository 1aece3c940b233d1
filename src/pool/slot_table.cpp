#include "pool/slot_table.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

namespace {

bool is_open(slot_state state) {
  return state == slot_state::idle || state == slot_state::pinging || state == slot_state::busy;
}

/// Whether a connection may change from one state to the other.
[[maybe_unused]] bool may_follow(slot_state before, slot_state after) {
  switch (after) {
  case slot_state::opening:
    return false;
  case slot_state::idle:
    return before == slot_state::opening || before == slot_state::pinging || before == slot_state::busy;
  case slot_state::pinging:
    return before == slot_state::idle;
  case slot_state::busy:
  case slot_state::closing:
    return before != slot_state::closing;
  }
  return false;
}

} // namespace

slot& slot_table::add(size_t server, time_point now) {
  auto id = connection_id{++last_id_};
  auto& connection = slots_[id];
  connection.id = id;
  connection.generation = generation_;
  connection.server = server;
  connection.busy_since = now;
  ++tally_[static_cast<size_t>(connection.state)];
  return connection;
}

slot* slot_table::find(connection_id id) {
  auto i = slots_.find(id);
  return i == slots_.end() ? nullptr : &i->second;
}

void slot_table::erase(slot& connection) {
  assert(find(connection.id) == &connection);
  leave(connection);
  slots_.erase(connection.id);
}

void slot_table::move(slot& connection, slot_state to) {
  assert(may_follow(connection.state, to));
  auto was_pinged = connection.state == slot_state::pinging;
  leave(connection);
  connection.state = to;
  ++tally_[static_cast<size_t>(to)];
  outdated_ += is_open(to) && !is_current(connection);
  if (to == slot_state::idle)
    idle_.insert(was_pinged ? idle_.begin() : idle_.end(), &connection);
}

void slot_table::next_generation() {
  ++generation_;
  outdated_ = open();
}

void slot_table::outdate(slot& connection) {
  outdated_ += is_open(connection.state) && is_current(connection);
  connection.outdated = true;
}

void slot_table::leave(slot& connection) {
  if (connection.state == slot_state::idle) {
    // Nearly always the last one.
    auto i = std::find(idle_.rbegin(), idle_.rend(), &connection);
    assert(i != idle_.rend());
    idle_.erase(std::next(i).base());
  }
  assert(count(connection.state) > 0);
  --tally_[static_cast<size_t>(connection.state)];
  outdated_ -= is_open(connection.state) && !is_current(connection);
}

void slot_table::check_invariants() const {
  std::array<size_t, std::tuple_size_v<decltype(tally_)>> tally{};
  [[maybe_unused]] size_t outdated = 0;
  for (auto& [id, connection] : slots_) {
    assert(connection.id == id && static_cast<uint64_t>(id) <= last_id_ && connection.generation <= generation_);
    ++tally[static_cast<size_t>(connection.state)];
    outdated += is_open(connection.state) && !is_current(connection);
  }
  assert(tally == tally_);
  assert(outdated == outdated_);
  assert(idle_.size() == count(slot_state::idle));
  for (auto connection [[maybe_unused]] : idle_)
    assert(connection->state == slot_state::idle);
}

} // namespace cenote::pool

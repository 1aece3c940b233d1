#include "pool/slot_table.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

namespace {

bool is_open(slot_state x) {
  return x == slot_state::idle || x == slot_state::pinging || x == slot_state::busy;
}

/// Whether a connection may do this after that.
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
  auto& x = slots_[id];
  x.id = id;
  x.generation = generation_;
  x.server = server;
  x.busy_since = now;
  ++tally_[static_cast<size_t>(x.state)];
  return x;
}

slot* slot_table::find(connection_id id) {
  auto i = slots_.find(id);
  return i == slots_.end() ? nullptr : &i->second;
}

void slot_table::erase(slot& x) {
  assert(find(x.id) == &x);
  leave(x);
  slots_.erase(x.id);
}

void slot_table::move(slot& x, slot_state to) {
  assert(may_follow(x.state, to));
  auto was_pinged = x.state == slot_state::pinging;
  leave(x);
  x.state = to;
  ++tally_[static_cast<size_t>(to)];
  outdated_ += is_open(to) && !is_current(x);
  if (to == slot_state::idle)
    idle_.insert(was_pinged ? idle_.begin() : idle_.end(), &x);
}

void slot_table::next_generation() {
  ++generation_;
  outdated_ = open();
}

void slot_table::outdate(slot& x) {
  outdated_ += is_open(x.state) && is_current(x);
  x.outdated = true;
}

void slot_table::leave(slot& x) {
  if (x.state == slot_state::idle) {
    // Nearly always the last one.
    auto i = std::find(idle_.rbegin(), idle_.rend(), &x);
    assert(i != idle_.rend());
    idle_.erase(std::next(i).base());
  }
  assert(count(x.state) > 0);
  --tally_[static_cast<size_t>(x.state)];
  outdated_ -= is_open(x.state) && !is_current(x);
}

void slot_table::check_invariants() const {
  std::array<size_t, std::tuple_size_v<decltype(tally_)>> tally{};
  [[maybe_unused]] size_t outdated = 0;
  for (auto& [id, x] : slots_) {
    assert(x.id == id && static_cast<uint64_t>(id) <= last_id_ && x.generation <= generation_);
    ++tally[static_cast<size_t>(x.state)];
    outdated += is_open(x.state) && !is_current(x);
  }
  assert(tally == tally_);
  assert(outdated == outdated_);
  assert(idle_.size() == count(slot_state::idle));
  for (auto x [[maybe_unused]] : idle_)
    assert(x->state == slot_state::idle);
}

} // namespace cenote::pool

#include "pool/slot_table.hpp"

#include <algorithm>

namespace cenote::pool {

namespace {

bool is_open(slot_state x) {
  return x == slot_state::idle || x == slot_state::pinging || x == slot_state::busy;
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
  leave(x);
  slots_.erase(x.id);
}

void slot_table::move(slot& x, slot_state to) {
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

void slot_table::leave(slot& x) {
  if (x.state == slot_state::idle) {
    // Nearly always the last one.
    auto i = std::find(idle_.rbegin(), idle_.rend(), &x);
    idle_.erase(std::next(i).base());
  }
  --tally_[static_cast<size_t>(x.state)];
  outdated_ -= is_open(x.state) && !is_current(x);
}

} // namespace cenote::pool

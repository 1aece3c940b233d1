#include "pool/sharing.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cenote::pool {

namespace {

/// Whether requests wait behind another one that have not been requeued.
bool holds_up(const slot& connection) {
  return connection.in_flight > 1 && !connection.requeue_sent;
}

/// Whether other requests are affected if the first one on a connection is slow.
bool is_watched(const slot& connection) {
  return connection.state == slot_state::busy && connection.shared && (holds_up(connection) || connection.reserved);
}

} // namespace

sharing::sharing(size_t depth) : depth_{depth}, sharers_{depth} {
  // nop
}

// -- requests come and go --------------------------------------------------------

void sharing::begin(slot& connection, const request& first, time_point now) {
  assert(connection.state == slot_state::busy && connection.in_flight == 0);
  retire(connection);
  connection.shared = first.shareable;
  connection.busy_since = now;
  connection.requeue_sent = false;
  set_counts(connection, 1, 0);
  offer(connection);
}

void sharing::join(slot& connection, duration connect_time) {
  assert(connection.state == slot_state::busy && connection.in_flight > 0 && connection.in_flight < depth_);
  assert(connection.shared && !connection.reserved);
  // A request that was given a connection beside others waits as well: for those before it.
  auto delay = latency_.pace() * static_cast<duration::rep>(connection.in_flight);
  congested_ |= connect_time > duration::zero() && delay > connect_time;
  set_counts(connection, connection.in_flight + 1, connection.requeued_here);
  offer(connection);
}

void sharing::measure(const slot& connection, size_t count, time_point now) {
  assert(now >= connection.busy_since);
  if (connection.shared && count > 0)
    latency_.add(now - connection.busy_since, count);
}

void sharing::ended(slot& connection, ends count, bool is_current, time_point now) {
  auto in_flight = connection.in_flight - std::min(count.ended + count.requeued, connection.in_flight);
  auto still_here = connection.requeued_here - std::min(count.requeued, connection.requeued_here);
  set_counts(connection, in_flight, std::min(still_here, in_flight));
  if (count.ended > 0) { // Otherwise the first one runs on.
    connection.busy_since = now;
    connection.requeue_sent = false;
  }
  if (is_current) {
    offer(connection);
    return;
  }
  sharers_.remove(connection);
  if (is_watched(connection)) // Until it is replaced it may hold up others.
    watch_for_slow(connection);
}

void sharing::requeued(slot& connection) {
  set_counts(connection, connection.in_flight, std::min(connection.requeued_here + 1, connection.in_flight));
}

void sharing::retire(slot& connection) {
  sharers_.remove(connection);
  if (std::exchange(connection.reserved, false))
    std::erase(reserved_, &connection);
}

void sharing::forget(slot& connection) {
  retire(connection);
  set_counts(connection, 0, 0);
}

void sharing::set_counts(slot& connection, size_t in_flight, size_t requeued_here) {
  assert(in_flight_ >= connection.in_flight && requeued_here_ >= connection.requeued_here);
  assert(requeued_here <= in_flight && in_flight <= depth_);
  in_flight_ += in_flight - std::exchange(connection.in_flight, in_flight);
  requeued_here_ += requeued_here - std::exchange(connection.requeued_here, requeued_here);
}

// -- the choice of a connection ---------------------------------------------------

slot* sharing::place_beside(time_point now) {
  for (auto connection = sharers_.least_loaded(); connection != nullptr; connection = sharers_.least_loaded()) {
    if (now - connection->busy_since < latency_.slow() && connection->replace_at > now)
      return connection;
    // Not behind a slow statement; it is offered again when that one has ended.
    sharers_.remove(*connection);
  }
  return nullptr;
}

slot* sharing::place_for_next(waiting_line& queue, time_point now) {
  release_reservations(queue.aside());
  for (auto next = queue.next(); next != nullptr || reserved_.size() < queue.aside(); next = queue.next()) {
    auto connection = place_beside(now);
    if (connection == nullptr)
      return nullptr;
    if (reserved_.size() == queue.aside()) {
      if (next->shareable)
        return connection;
      queue.step_aside();
    } // Otherwise the connection that was reserved for a request that has stepped aside was lost.
    reserve(*connection);
  }
  return nullptr;
}

/// Releases reservations that are no longer necessary: another connection became free, or a request gave up.
void sharing::release_reservations(size_t needed) {
  while (reserved_.size() > needed) {
    auto connection = reserved_.back();
    reserved_.pop_back();
    connection->reserved = false;
    offer(*connection);
  }
}

/// Gives a connection no more requests, so that it becomes empty.
void sharing::reserve(slot& connection) {
  assert(connection.state == slot_state::busy && connection.shared && !connection.reserved);
  sharers_.remove(connection);
  connection.reserved = true;
  reserved_.push_back(&connection);
  watch_for_slow(connection);
}

/// Lets others use the connection, too, if that is possible. It must be current.
void sharing::offer(slot& connection) {
  if (!connection.shared || connection.reserved || connection.in_flight == 0) {
    sharers_.remove(connection);
    return;
  }
  sharers_.list(connection);
  if (connection.in_flight > 1)
    watch_for_slow(connection);
}

// -- slow statements -------------------------------------------------------------

bool sharing::begin_search(time_point now) {
  if (slow_at_ > now)
    return false;
  slow_at_ = time_point::max();
  return true;
}

void sharing::requeue_waiting(slot_table& slots, commands& out, time_point now) {
  for (auto& [id, connection] : slots) {
    if (!is_watched(connection))
      continue;
    if (later(connection.busy_since, latency_.slow()) > now) {
      watch_for_slow(connection);
      continue;
    }
    retire(connection); // Another connection is emptied instead.
    if (holds_up(connection)) {
      connection.requeue_sent = true;
      out.push_back(requeue{id});
    }
  }
}

void sharing::watch_for_slow(const slot& connection) {
  slow_at_ = std::min(slow_at_, later(connection.busy_since, latency_.slow()));
}

// -- invariants ------------------------------------------------------------------

void sharing::check_invariants(const slot_table& slots, [[maybe_unused]] bool searches) const {
  [[maybe_unused]] size_t in_flight = 0;
  [[maybe_unused]] size_t requeued_here = 0;
  [[maybe_unused]] size_t reserved = 0;
  for (auto& [id, connection] : slots) {
    check_slot(connection, slots.is_current(connection));
    assert(!searches || !is_watched(connection) || slow_at_ != time_point::max());
    in_flight += connection.in_flight;
    requeued_here += connection.requeued_here;
    reserved += connection.reserved;
  }
  assert(in_flight == in_flight_);
  assert(requeued_here == requeued_here_);
  assert(reserved == reserved_.size());
}

void sharing::check_slot([[maybe_unused]] const slot& connection, [[maybe_unused]] bool is_current) const {
  assert((connection.state == slot_state::busy) == (connection.in_flight > 0));
  assert(connection.in_flight <= depth_ && connection.requeued_here <= connection.in_flight);
  assert(connection.in_flight <= 1 || connection.shared);
  assert(is_current || (!connection.reserved && connection.listed_at.load == 0));
  assert(!connection.reserved || (connection.shared && connection.listed_at.load == 0));
  // A connection that became free during a pause is still reserved.
  assert(!connection.reserved || connection.state != slot_state::closing);
  assert(connection.listed_at.load == 0
         || (connection.listed_at.load == connection.in_flight && connection.in_flight < depth_ && connection.shared));
}

} // namespace cenote::pool

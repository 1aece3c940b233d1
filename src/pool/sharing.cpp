#include "pool/sharing.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cenote::pool {

namespace {

/// Whether requests wait behind another one that were not told to come back.
bool holds_up(const slot& x) {
  return x.in_flight > 1 && !x.requeue_sent;
}

/// Whether it matters to other requests that the first one on a connection is slow.
bool is_watched(const slot& x) {
  return x.state == slot_state::busy && x.shared && (holds_up(x) || x.reserved);
}

} // namespace

sharing::sharing(size_t depth) : depth_{depth}, sharers_{depth} {
  // nop
}

// -- requests come and go --------------------------------------------------------

void sharing::begin(slot& x, const request& first, time_point now) {
  assert(x.state == slot_state::busy && x.in_flight == 0);
  retire(x);
  x.shared = first.shareable;
  x.busy_since = now;
  x.requeue_sent = false;
  set_counts(x, 1, 0);
  offer(x);
}

void sharing::join(slot& x, duration connect_time) {
  assert(x.state == slot_state::busy && x.in_flight > 0 && x.in_flight < depth_);
  assert(x.shared && !x.reserved);
  // Whoever was given a connection beside others waits as well: for those before him.
  auto delay = latency_.pace() * static_cast<duration::rep>(x.in_flight);
  congested_ |= connect_time > duration::zero() && delay > connect_time;
  set_counts(x, x.in_flight + 1, x.requeued_here);
  offer(x);
}

void sharing::measure(const slot& x, size_t count, time_point now) {
  assert(now >= x.busy_since);
  if (x.shared && count > 0)
    latency_.add(now - x.busy_since, count);
}

void sharing::ended(slot& x, ends count, bool is_current, time_point now) {
  auto in_flight = x.in_flight - std::min(count.ended + count.requeued, x.in_flight);
  auto still_here = x.requeued_here - std::min(count.requeued, x.requeued_here);
  set_counts(x, in_flight, std::min(still_here, in_flight));
  if (count.ended > 0) { // Otherwise the first one runs on.
    x.busy_since = now;
    x.requeue_sent = false;
  }
  if (is_current) {
    offer(x);
    return;
  }
  sharers_.remove(x);
  if (is_watched(x)) // Until it is replaced it may hold others up.
    watch_for_slow(x);
}

void sharing::requeued(slot& x) {
  set_counts(x, x.in_flight, std::min(x.requeued_here + 1, x.in_flight));
}

void sharing::retire(slot& x) {
  sharers_.remove(x);
  if (std::exchange(x.reserved, false))
    std::erase(reserved_, &x);
}

void sharing::forget(slot& x) {
  retire(x);
  set_counts(x, 0, 0);
}

void sharing::set_counts(slot& x, size_t in_flight, size_t requeued_here) {
  assert(in_flight_ >= x.in_flight && requeued_here_ >= x.requeued_here);
  assert(requeued_here <= in_flight && in_flight <= depth_);
  in_flight_ += in_flight - std::exchange(x.in_flight, in_flight);
  requeued_here_ += requeued_here - std::exchange(x.requeued_here, requeued_here);
}

// -- who gets which connection ---------------------------------------------------

slot* sharing::place_beside(time_point now) {
  for (auto x = sharers_.least_loaded(); x != nullptr; x = sharers_.least_loaded()) {
    if (now - x->busy_since < latency_.slow() && x->replace_at > now)
      return x;
    // Not behind a slow statement; it is offered again when that one has ended.
    sharers_.remove(*x);
  }
  return nullptr;
}

slot* sharing::place_for_next(waiting_line& queue, time_point now) {
  release_reservations(queue.aside());
  for (auto next = queue.next(); next != nullptr || reserved_.size() < queue.aside(); next = queue.next()) {
    auto x = place_beside(now);
    if (x == nullptr)
      return nullptr;
    if (reserved_.size() == queue.aside()) {
      if (next->shareable)
        return x;
      queue.step_aside();
    } // Otherwise the connection that was reserved for one that has stepped aside was lost.
    reserve(*x);
  }
  return nullptr;
}

/// Takes back what another connection has made unnecessary, or a request that did not wait any longer.
void sharing::release_reservations(size_t needed) {
  while (reserved_.size() > needed) {
    auto x = reserved_.back();
    reserved_.pop_back();
    x->reserved = false;
    offer(*x);
  }
}

/// Nobody is added to a connection any more, so that it will be empty.
void sharing::reserve(slot& x) {
  assert(x.state == slot_state::busy && x.shared && !x.reserved);
  sharers_.remove(x);
  x.reserved = true;
  reserved_.push_back(&x);
  watch_for_slow(x);
}

/// Lets others use the connection, too, if that is possible. It must be current.
void sharing::offer(slot& x) {
  if (!x.shared || x.reserved || x.in_flight == 0) {
    sharers_.remove(x);
    return;
  }
  sharers_.list(x);
  if (x.in_flight > 1)
    watch_for_slow(x);
}

// -- slow statements -------------------------------------------------------------

bool sharing::begin_search(time_point now) {
  if (slow_at_ > now)
    return false;
  slow_at_ = time_point::max();
  return true;
}

void sharing::requeue_waiting(slot_table& slots, commands& out, time_point now) {
  for (auto& [id, x] : slots) {
    if (!is_watched(x))
      continue;
    if (later(x.busy_since, latency_.slow()) > now) {
      watch_for_slow(x);
      continue;
    }
    retire(x); // Another one is emptied instead.
    if (holds_up(x)) {
      x.requeue_sent = true;
      out.push_back(requeue{id});
    }
  }
}

void sharing::watch_for_slow(const slot& x) {
  slow_at_ = std::min(slow_at_, later(x.busy_since, latency_.slow()));
}

// -- invariants ------------------------------------------------------------------

void sharing::check_invariants(const slot_table& slots, [[maybe_unused]] bool searches) const {
  [[maybe_unused]] size_t in_flight = 0;
  [[maybe_unused]] size_t requeued_here = 0;
  [[maybe_unused]] size_t reserved = 0;
  for (auto& [id, x] : slots) {
    check_slot(x, slots.is_current(x));
    assert(!searches || !is_watched(x) || slow_at_ != time_point::max());
    in_flight += x.in_flight;
    requeued_here += x.requeued_here;
    reserved += x.reserved;
  }
  assert(in_flight == in_flight_);
  assert(requeued_here == requeued_here_);
  assert(reserved == reserved_.size());
}

void sharing::check_slot([[maybe_unused]] const slot& x, [[maybe_unused]] bool is_current) const {
  assert((x.state == slot_state::busy) == (x.in_flight > 0));
  assert(x.in_flight <= depth_ && x.requeued_here <= x.in_flight);
  assert(x.in_flight <= 1 || x.shared);
  assert(is_current || (!x.reserved && x.listed_at.load == 0));
  assert(!x.reserved || (x.shared && x.listed_at.load == 0));
  // One that became free during a pause is still reserved.
  assert(!x.reserved || x.state != slot_state::closing);
  assert(x.listed_at.load == 0 || (x.listed_at.load == x.in_flight && x.in_flight < depth_ && x.shared));
}

} // namespace cenote::pool

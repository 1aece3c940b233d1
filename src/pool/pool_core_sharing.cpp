#include "pool/pool_core.hpp"

#include <algorithm>
#include <utility>

// Which connections several requests use at a time. See pool_core.cpp for all other rules.

namespace cenote::pool {

/// The connection in use that serves one more shareable request best; null if there is none.
slot* pool_core::sharer(time_point now) {
  for (auto x = sharers_.least_loaded(); x != nullptr; x = sharers_.least_loaded()) {
    if (now - x->busy_since < usual_.slow() && x->replace_at > now)
      return x;
    // Not behind a slow statement; it is offered again when that one has ended.
    sharers_.remove(*x);
  }
  return nullptr;
}

/// Gives those who wait a connection beside others. Who wants one alone steps aside until one is empty.
void pool_core::share_out(commands& out, time_point now) {
  if (paused_)
    return;
  while (reserved_.size() > queue_.aside()) {
    // Another connection has served its turn, or he did not wait any longer.
    auto x = reserved_.back();
    reserved_.pop_back();
    x->reserved = false;
    offer(*x);
  }
  for (auto who = queue_.next(); who != nullptr || reserved_.size() < queue_.aside(); who = queue_.next()) {
    auto x = sharer(now);
    if (x == nullptr)
      return;
    if (reserved_.size() < queue_.aside()) { // The one that was reserved for him was lost.
      reserve(*x);
    } else if (who->shareable) {
      grant(*x, *queue_.pop_next(), out, now);
    } else {
      queue_.step_aside();
      reserve(*x);
    }
  }
}

void pool_core::count_grant(slot& x, const request& who, time_point now) {
  if (x.in_flight == 0) {
    take_no_more(x);
    slots_.move(x, slot_state::busy);
    x.shared = who.shareable;
    x.busy_since = now;
    x.requeue_sent = false;
    x.requeued_here = 0;
  } else {
    watch_crowd(x);
  }
  ++x.in_flight;
  offer(x);
}

/// So many of the requests on a connection have ended there.
void pool_core::some_ended(slot& x, ends count, time_point now) {
  x.in_flight -= std::min(count.ended + count.requeued, x.in_flight);
  x.requeued_here = std::min(x.requeued_here - std::min(count.requeued, x.requeued_here), x.in_flight);
  if (count.ended > 0) { // Otherwise the first one runs on.
    x.busy_since = now;
    x.requeue_sent = false;
  }
  offer(x);
}

/// Lets others use the connection, too, if that is possible.
void pool_core::offer(slot& x) {
  if (!x.shared || x.reserved || x.in_flight == 0 || !slots_.is_current(x)) {
    sharers_.remove(x);
    return;
  }
  sharers_.list(x);
  if (x.in_flight > 1)
    watch_for_slow(x);
}

void pool_core::watch_for_slow(const slot& x) {
  slow_at_ = std::min(slow_at_, later(x.busy_since, usual_.slow()));
}

/// Nobody is added to a connection any more, so that it will be empty.
void pool_core::reserve(slot& x) {
  sharers_.remove(x);
  x.reserved = true;
  reserved_.push_back(&x);
  watch_for_slow(x);
}

void pool_core::take_no_more(slot& x) {
  sharers_.remove(x);
  if (std::exchange(x.reserved, false))
    std::erase(reserved_, &x);
}

/// Those that wait behind a slow statement, or for the end of one, get a chance elsewhere.
void pool_core::requeue_waiting(commands& out, time_point now) {
  if (slow_at_ > now)
    return;
  slow_at_ = time_point::max();
  if (paused_) // They would not get another one.
    return;
  for (auto& [id, x] : slots_) {
    auto holds_up = x.in_flight > 1 && !x.requeue_sent;
    if (x.state != slot_state::busy || !x.shared || !(holds_up || x.reserved))
      continue;
    if (later(x.busy_since, usual_.slow()) > now) {
      watch_for_slow(x);
      continue;
    }
    take_no_more(x); // Another one is emptied instead.
    if (holds_up) {
      x.requeue_sent = true;
      out.push_back(requeue{id});
    }
  }
}

/// Requests that connections carry at the moment.
size_t pool_core::in_flight() const {
  size_t result = 0;
  for (auto& [id, x] : slots_)
    result += x.in_flight;
  return result;
}

} // namespace cenote::pool

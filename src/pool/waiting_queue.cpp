#include "pool/waiting_queue.hpp"

#include <algorithm>

namespace cenote::pool {

void waiting_queue::push_back(const request& who, time_point deadline) {
  entries_.push_back({who, true});
  added(who, {deadline, front_ + static_cast<int64_t>(entries_.size()) - 1, who.id});
}

void waiting_queue::push_front(const request& who, time_point deadline) {
  entries_.push_front({who, true});
  --front_;
  added(who, {deadline, front_, who.id});
}

std::optional<request> waiting_queue::pop() {
  if (size_ == 0)
    return std::nullopt;
  // drop_absent keeps an entry that is present at the front.
  return take(entries_.front());
}

std::optional<request> waiting_queue::pop_expired(time_point now) {
  if (next_deadline() > now)
    return std::nullopt;
  return take(*find(expiries_.front()));
}

std::optional<request> waiting_queue::pop_urgent() {
  if (urgent_ == 0)
    return std::nullopt;
  for (auto& x : entries_)
    if (x.present && x.who.urgent)
      return take(x);
  return std::nullopt;
}

time_point waiting_queue::next_deadline() {
  while (!expiries_.empty() && find(expiries_.front()) == nullptr) {
    std::ranges::pop_heap(expiries_, std::greater<>{});
    expiries_.pop_back();
  }
  return expiries_.empty() ? time_point::max() : expiries_.front().deadline;
}

void waiting_queue::added(const request& who, const expiry& x) {
  expiries_.push_back(x);
  std::ranges::push_heap(expiries_, std::greater<>{});
  ++size_;
  urgent_ += who.urgent;
}

waiting_queue::entry* waiting_queue::find(const expiry& x) {
  auto index = x.position - front_;
  if (index < 0 || index >= static_cast<int64_t>(entries_.size()))
    return nullptr;
  auto& candidate = entries_[static_cast<size_t>(index)];
  return candidate.present && candidate.who.id == x.who ? &candidate : nullptr;
}

request waiting_queue::take(entry& x) {
  auto who = x.who;
  x.present = false;
  --size_;
  urgent_ -= who.urgent;
  drop_absent();
  return who;
}

void waiting_queue::drop_absent() {
  while (!entries_.empty() && !entries_.front().present) {
    entries_.pop_front();
    ++front_;
  }
  // Requests usually leave long before they expire: without this, their expiries would pile up for the whole timeout.
  if (expiries_.size() > 2 * size_ + 64) {
    std::erase_if(expiries_, [this](const expiry& x) { return find(x) == nullptr; });
    std::ranges::make_heap(expiries_, std::greater<>{});
  }
}

} // namespace cenote::pool

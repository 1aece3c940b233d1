#include "pool/waiting_queue.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

void waiting_queue::push_back(const request& request, time_point deadline) {
  entries_.push_back({request, deadline, true});
  ++size_;
  auto position = place_of(entries_.size() - 1);
  expiries_.push_back({deadline, position});
  std::ranges::push_heap(expiries_, std::greater<>{});
  if (request.fail_fast)
    fail_fast_.push_back(position);
}

void waiting_queue::push_front(const request& request, time_point deadline) {
  entries_.push_front({request, deadline, true});
  --front_;
  ++size_;
  auto position = place_of(0);
  expiries_.push_back({deadline, position});
  std::ranges::push_heap(expiries_, std::greater<>{});
  if (request.fail_fast)
    fail_fast_.push_front(position);
}

std::optional<request> waiting_queue::pop() {
  if (size_ == 0)
    return std::nullopt;
  // forget_absent keeps a present entry at the front.
  return take(entries_.front());
}

std::optional<request> waiting_queue::pop_expired(time_point now) {
  if (expiries_.empty() || expiries_.front().deadline > now) // Even if that one has left.
    return std::nullopt;
  if (next_deadline() > now)
    return std::nullopt;
  return take(*find(expiries_.front().position));
}

std::optional<request> waiting_queue::pop_fail_fast() {
  while (!fail_fast_.empty()) {
    auto next = find(fail_fast_.front());
    fail_fast_.pop_front();
    if (next != nullptr)
      return take(*next);
  }
  return std::nullopt;
}

time_point waiting_queue::next_deadline() {
  while (!expiries_.empty() && find(expiries_.front().position) == nullptr) {
    std::ranges::pop_heap(expiries_, std::greater<>{});
    expiries_.pop_back();
  }
  return expiries_.empty() ? time_point::max() : expiries_.front().deadline;
}

waiting_queue::place waiting_queue::place_of(size_t index) const {
  return {front_ + static_cast<int64_t>(index), entries_[index].request.id};
}

waiting_queue::entry* waiting_queue::find(const place& sought) {
  auto index = sought.position - front_;
  if (index < 0 || index >= static_cast<int64_t>(entries_.size()))
    return nullptr;
  auto& candidate = entries_[static_cast<size_t>(index)];
  return candidate.present && candidate.request.id == sought.request ? &candidate : nullptr;
}

request waiting_queue::take(entry& chosen) {
  assert(chosen.present && size_ > 0);
  auto result = chosen.request;
  chosen.present = false;
  --size_;
  forget_absent();
  return result;
}

void waiting_queue::forget_absent() {
  while (!entries_.empty() && !entries_.front().present) {
    entries_.pop_front();
    ++front_;
  }
  assert(size_ == 0 || entries_.front().present);
  assert(size_ <= entries_.size());
  // Requests usually leave long before they expire, and those that expire leave gaps behind one that waits long:
  // without this, their entries would pile up.
  auto limit = 2 * size_ + 64;
  if (std::max({entries_.size(), expiries_.size(), fail_fast_.size()}) <= limit)
    return;
  std::erase_if(entries_, [](const entry& candidate) { return !candidate.present; });
  expiries_.clear();
  if (expiries_.capacity() > 8 * limit) // It is not needed for long after a rush.
    expiries_.shrink_to_fit();
  fail_fast_.clear();
  for (size_t i = 0; i < entries_.size(); ++i) {
    expiries_.push_back({entries_[i].deadline, place_of(i)});
    if (entries_[i].request.fail_fast)
      fail_fast_.push_back(place_of(i));
  }
  std::ranges::make_heap(expiries_, std::greater<>{});
}

} // namespace cenote::pool

#include "simulation/schedule.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

void schedule::at(time_point due, task action) {
  entries_.push_back({std::max(due, now_), ++last_order_, std::move(action)});
  std::ranges::push_heap(entries_, std::greater<>{});
}

bool schedule::run_next() {
  if (entries_.empty())
    return false;
  std::ranges::pop_heap(entries_, std::greater<>{});
  auto next = std::move(entries_.back());
  entries_.pop_back();
  now_ = next.due;
  ++count_;
  next.action();
  return true;
}

} // namespace cenote::simulation

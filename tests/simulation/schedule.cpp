#include "simulation/schedule.hpp"

#include <algorithm>
#include <utility>

namespace cenote::simulation {

void schedule::at(time_point when, task what) {
  entries_.push_back({std::max(when, now_), ++last_order_, std::move(what)});
  std::ranges::push_heap(entries_, std::greater<>{});
}

bool schedule::run_next() {
  if (entries_.empty())
    return false;
  std::ranges::pop_heap(entries_, std::greater<>{});
  auto next = std::move(entries_.back());
  entries_.pop_back();
  now_ = next.when;
  ++count_;
  next.what();
  return true;
}

} // namespace cenote::simulation

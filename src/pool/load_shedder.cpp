#include "pool/load_shedder.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

void load_shedder::served(duration waited, time_point now) {
  assert(waited >= duration::zero());
  if (!enabled())
    return;
  next_interval(now);
  if (waited <= target_) {
    in_time_ = true;
    overloaded_ = false;
  }
}

bool load_shedder::sheds(duration waited, time_point now) {
  assert(waited >= duration::zero());
  if (!enabled())
    return false;
  next_interval(now);
  return overloaded_ && waited >= patience();
}

time_point load_shedder::next_event(time_point accepted) const {
  assert(enabled());
  return overloaded_ ? std::min(ends_at_, later(accepted, patience())) : ends_at_;
}

void load_shedder::next_interval(time_point now) {
  assert(interval_ > duration::zero());
  if (now < ends_at_)
    return;
  // A long time without any event is no sign of load.
  auto is_recent = ends_at_ != time_point::min() && now - ends_at_ < interval_;
  overloaded_ = is_recent && !in_time_;
  in_time_ = false;
  ends_at_ = later(now, interval_);
}

} // namespace cenote::pool

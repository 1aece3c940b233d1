#include "pool/caller_watch.hpp"

#include <algorithm>

namespace cenote::pool {

namespace {

constexpr auto interval = std::chrono::seconds{1};

} // namespace

void caller_watch::begin(time_point now) {
  at_ = std::min(at_, later(now, interval));
}

void caller_watch::check(const slot_table& slots, commands& out, time_point now) {
  if (at_ > now)
    return;
  at_ = time_point::max();
  for (auto& [id, connection] : slots) {
    if (connection.state != slot_state::busy)
      continue;
    at_ = later(now, interval);
    if (now - connection.busy_since >= interval)
      out.push_back(check_caller{id});
  }
}

} // namespace cenote::pool

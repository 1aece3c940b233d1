#include "pool/orphaned_sessions.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cenote::pool {

namespace {

using namespace std::chrono_literals;

/// More than any pool has connections; only a network that fails again and again leaves so many.
constexpr size_t max_orphans = 1000;

/// After that the server has most likely noticed by itself that its client is gone.
constexpr duration max_age = 15min;

constexpr duration min_delay = 100ms;
constexpr duration max_delay = 30s;

} // namespace

bool orphaned_sessions::add(server_session session, time_point now) {
  assert(waiting_.empty() || now >= waiting_.back().since);
  if (waiting_.empty()) {
    next_ = now;
    delay_ = duration::zero();
  }
  waiting_.push_back({std::move(session), now});
  if (waiting_.size() <= max_orphans)
    return true;
  waiting_.pop_front();
  assert(waiting_.size() == max_orphans);
  return false;
}

time_point orphaned_sessions::next_attempt() const noexcept {
  return waiting_.empty() ? time_point::max() : next_;
}

std::vector<server_session> orphaned_sessions::all() const {
  std::vector<server_session> result;
  for (auto& waiting : waiting_)
    result.push_back(waiting.session);
  return result;
}

void orphaned_sessions::settled(const server_session& session) {
  std::erase_if(waiting_, [&session](auto& waiting) { return waiting.session == session; });
}

std::vector<server_session> orphaned_sessions::attempted(time_point now) {
  std::vector<server_session> result;
  while (!waiting_.empty() && now - waiting_.front().since >= max_age) {
    result.push_back(std::move(waiting_.front().session));
    waiting_.pop_front();
  }
  delay_ = std::clamp(2 * delay_, min_delay, max_delay);
  next_ = now + delay_;
  return result;
}

} // namespace cenote::pool

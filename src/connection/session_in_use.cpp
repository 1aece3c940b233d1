#include "connection/session_in_use.hpp"

#include "types/time.hpp"

#include <algorithm>
#include <utility>

namespace cenote {

session_in_use::session_in_use(lease terms, time_point now)
    : terms_{std::move(terms)}, since_{now}, until_{deadline_after(now, terms_.options.time_limit)} {
  // nop
}

void session_in_use::add(waiting_command x) {
  note_use();
  waiting_due_ = std::min(waiting_due_, x.deadline);
  waiting_.push_back(std::move(x));
}

std::optional<waiting_command> session_in_use::next() {
  if (waiting_.empty())
    return std::nullopt;
  auto x = std::move(waiting_.front());
  waiting_.pop_front();
  if (waiting_.empty())
    waiting_due_ = time_point::max();
  return x;
}

std::vector<job> session_in_use::take_expired(time_point now) {
  std::vector<job> expired;
  if (waiting_due_ > now)
    return expired;
  auto next = time_point::max();
  for (auto& x : waiting_) {
    if (x.deadline <= now)
      expired.push_back(std::move(x.work));
    else
      next = std::min(next, x.deadline);
  }
  std::erase_if(waiting_, [now](auto& x) { return x.deadline <= now; });
  // Many may wait, each with a deadline of its own: they are not looked through for every one of them.
  waiting_due_ = next == time_point::max() ? next : std::max(next, later(now, std::chrono::milliseconds{1}));
  return expired;
}

std::vector<job> session_in_use::take_all() {
  std::vector<job> all;
  for (auto& x : std::exchange(waiting_, {}))
    all.push_back(std::move(x.work));
  waiting_due_ = time_point::max();
  return all;
}

void session_in_use::await_first_use(time_point now) {
  auto limit = terms_.unclaimed_timeout;
  first_use_until_ = limit > limit.zero() ? later(now, limit) : time_point::max();
}

std::optional<std::chrono::nanoseconds> session_in_use::leak(time_point now) {
  auto held = now - since_;
  if (warned_ || terms_.leak_warning <= terms_.leak_warning.zero() || held < terms_.leak_warning)
    return std::nullopt;
  warned_ = true;
  return held;
}

} // namespace cenote

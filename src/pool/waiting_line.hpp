#pragma once

#include "pool/waiting_queue.hpp"

#include <algorithm>
#include <cassert>

namespace cenote::pool {

/// All requests that wait, first come first served, with one exception: a request that wants a connection exclusively
/// steps aside once one is being emptied for it, and the others continue meanwhile, on other connections. It is served
/// before all others by the first connection that is free.
class waiting_line {
public:
  /// Appends a request that may wait until `deadline`.
  void push_back(const request& request, time_point deadline) { rest_.push_back(request, deadline); }

  /// Puts a request before all that have not stepped aside.
  void push_front(const request& request, time_point deadline) { rest_.push_front(request, deadline); }

  /// The request that gets the next free connection; null if none waits.
  const request* front() const { return aside_.empty() ? rest_.front() : aside_.front(); }

  /// Takes it out.
  std::optional<request> pop() { return aside_.empty() ? rest_.pop() : aside_.pop(); }

  /// The first request that has not stepped aside.
  const request* next() const { return rest_.front(); }
  std::optional<request> pop_next() { return rest_.pop(); }

  /// Lets it step aside; it must want a connection exclusively.
  void step_aside() {
    assert(!rest_.empty() && !rest_.front()->shareable);
    auto deadline = rest_.front_deadline();
    aside_.push_back(*rest_.pop(), deadline);
  }
  size_t aside() const noexcept { return aside_.size(); }

  /// Takes out a request whose deadline is not after `now`.
  std::optional<request> pop_expired(time_point now) {
    auto result = aside_.pop_expired(now);
    return result ? result : rest_.pop_expired(now);
  }

  /// Takes out the first fail-fast request.
  std::optional<request> pop_fail_fast() {
    auto result = aside_.pop_fail_fast();
    return result ? result : rest_.pop_fail_fast();
  }

  /// The earliest deadline; `time_point::max()` if no request waits.
  time_point next_deadline() { return std::min(aside_.next_deadline(), rest_.next_deadline()); }

  size_t size() const noexcept { return aside_.size() + rest_.size(); }
  bool empty() const noexcept { return size() == 0; }

private:
  waiting_queue aside_;
  waiting_queue rest_;
};

} // namespace cenote::pool

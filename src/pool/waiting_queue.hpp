#pragma once

#include "pool/request.hpp"

#include <cassert>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace cenote::pool {

/// Requests in the order in which they are served, each with a deadline. All operations take constant time on average,
/// or logarithmic time where deadlines do not come in order; the memory in use is proportional to the requests that
/// wait, whatever has passed through.
class waiting_queue {
public:
  /// Appends a request that may wait until `deadline`.
  void push_back(const request& request, time_point deadline);

  /// Puts a request before all others.
  void push_front(const request& request, time_point deadline);

  /// The request whose turn it is; null if none waits.
  const request* front() const { return size_ == 0 ? nullptr : &entries_.front().request; }

  /// Until when it may wait; only if one does.
  time_point front_deadline() const {
    assert(size_ > 0);
    return entries_.front().deadline;
  }

  /// Takes out the request whose turn it is.
  std::optional<request> pop();

  /// Takes out a request whose deadline is not after `now`, earliest deadline first.
  std::optional<request> pop_expired(time_point now);

  /// Takes out the first fail-fast request.
  std::optional<request> pop_fail_fast();

  /// The earliest deadline; `time_point::max()` if no request waits.
  time_point next_deadline();

  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

private:
  struct entry {
    pool::request request;
    time_point deadline;
    bool present; ///< False once it was taken out of the middle.
  };

  /// The place of a request. Positions at the front are reused; ids are not.
  struct place {
    int64_t position;
    request_id request;
  };

  struct expiry {
    time_point deadline;
    place position;
    bool operator>(const expiry& other) const noexcept { return deadline > other.deadline; }
  };

  place place_of(size_t index) const;
  entry* find(const place& sought);
  request take(entry& chosen);
  void forget_absent();

  std::deque<entry> entries_;
  int64_t front_ = 0; ///< The position of entries_.front().
  size_t size_ = 0;

  // Both may refer to requests that have left.
  std::vector<expiry> expiries_; ///< A heap, earliest first.
  std::deque<place> fail_fast_;  ///< In the order of the queue.
};

} // namespace cenote::pool

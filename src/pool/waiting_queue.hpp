#pragma once

#include "pool/request.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace cenote::pool {

/// Requests in the order in which they are served, each with a deadline. All operations take constant time, or
/// logarithmic time where deadlines do not come in order.
class waiting_queue {
public:
  /// Appends a request that may wait until `deadline`.
  void push_back(const request& who, time_point deadline);

  /// Puts a request before all others.
  void push_front(const request& who, time_point deadline);

  /// Takes out the request whose turn it is.
  std::optional<request> pop();

  /// Takes out a request whose deadline is not after `now`, earliest deadline first.
  std::optional<request> pop_expired(time_point now);

  /// Takes out the first request that is urgent.
  std::optional<request> pop_urgent();

  /// The earliest deadline; `time_point::max()` if nobody waits.
  time_point next_deadline();

  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

private:
  struct entry {
    request who;
    bool present; ///< False once it was taken out of the middle.
  };

  struct expiry {
    time_point deadline;
    int64_t position;
    request_id who; ///< Positions at the front are used again; ids are not.
    bool operator>(const expiry& other) const noexcept { return deadline > other.deadline; }
  };

  void added(const request& who, const expiry& x);
  entry* find(const expiry& x);
  request take(entry& x);
  void drop_absent();

  std::deque<entry> entries_;
  int64_t front_ = 0; ///< The position of entries_.front().
  size_t size_ = 0;
  size_t urgent_ = 0;
  std::vector<expiry> expiries_; ///< A heap, earliest first. May name requests that have left.
};

} // namespace cenote::pool

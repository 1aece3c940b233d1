#pragma once

#include <chrono>

namespace cenote::jobs {

/// When a node renews its lease, and how long it may rely on it. The server's clock decides about the lease; a node
/// counts from before it asked, and so never for longer than the server does.
class lease_clock {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  explicit lease_clock(duration lease) : lease_{lease} {
    // nop
  }

  /// Whether a request for it is due. To be followed by `renewed`, `failed` or `lost`.
  bool is_due(time_point now) const noexcept { return !is_busy_ && now >= next_; }

  /// Whether a request for it is under way.
  bool is_busy() const noexcept { return is_busy_; }

  void asked(time_point now) noexcept {
    is_busy_ = true;
    asked_at_ = now;
  }

  void renewed() noexcept {
    is_busy_ = false;
    valid_until_ = asked_at_ + lease_;
    next_ = asked_at_ + lease_ / 3;
    ++renewals_;
  }

  void failed(time_point now) noexcept {
    is_busy_ = false;
    next_ = now + lease_ / 15;
    renewals_ = 0;
  }

  /// The server does not know the node any more: it has to be registered again.
  void lost(time_point now) noexcept {
    is_busy_ = false;
    valid_until_ = time_point::min();
    next_ = now;
    renewals_ = 0;
  }

  /// Whether the server still counts on this node.
  bool is_valid(time_point now) const noexcept { return now < valid_until_; }

  /// Whether others had the time to renew theirs after an outage of the server: before, all of them look silent.
  bool may_judge_others(time_point now) const noexcept { return is_valid(now) && renewals_ >= 2; }

  time_point next_event() const noexcept { return is_busy_ ? time_point::max() : next_; }

private:
  duration lease_;
  time_point next_ = time_point::min();
  time_point asked_at_ = time_point::min();
  time_point valid_until_ = time_point::min();
  unsigned renewals_ = 0; ///< Since the last failure to reach the server in time.
  bool is_busy_ = false;
};

} // namespace cenote::jobs

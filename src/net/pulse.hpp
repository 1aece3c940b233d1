#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace cenote::net {

/// Tells whether a peer is alive. It is given up if nothing has been heard of it for a while, or if it has not answered
/// a ping for that long: then what is sent to it is lost, though it may be heard.
class pulse {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  /// @param heartbeat between two pings.
  /// @param limit how long a peer may be silent.
  pulse(duration heartbeat, duration limit, time_point now)
      : heartbeat_{heartbeat}, limit_{limit}, heard_{now}, answered_{now}, ping_at_{now + heartbeat} {
    // nop
  }

  /// Bytes have arrived.
  void heard(time_point now) noexcept { heard_ = now; }

  /// A ping has been answered, and with it those before. An answer that was heard before proves nothing.
  void ponged(uint64_t number, time_point now) noexcept {
    if (number < oldest_ || number > last_ping_)
      return;
    oldest_ = number + 1;
    answered_ = now;
  }

  /// The number of the ping to send now; nothing if it is not time for one.
  std::optional<uint64_t> beat(time_point now) {
    if (now < ping_at_)
      return std::nullopt;
    ping_at_ = now + heartbeat_;
    if (oldest_ > last_ping_) // None is unanswered.
      answered_ = now;
    return ++last_ping_;
  }

  /// How long nothing was heard, or no ping was answered, whichever is longer.
  duration silence(time_point now) const {
    auto unanswered = oldest_ <= last_ping_ ? now - answered_ : duration{0};
    return std::max<duration>(now - heard_, unanswered);
  }

  bool is_dead(time_point now) const { return silence(now) >= limit_; }

  /// When `beat` has to be called, or `is_dead` to be asked.
  time_point next_event() const {
    auto last_sign = oldest_ <= last_ping_ ? std::min(heard_, answered_) : heard_;
    return std::min(ping_at_, last_sign + limit_);
  }

  duration limit() const noexcept { return limit_; }

private:
  duration heartbeat_;
  duration limit_;
  time_point heard_;
  time_point answered_; ///< The last answer, or the first ping since then.
  time_point ping_at_;
  uint64_t last_ping_ = 0;
  uint64_t oldest_ = 1; ///< The first one that has not been answered.
};

} // namespace cenote::net

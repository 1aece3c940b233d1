#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cenote {

/// Identifies a checked-out session: the exclusive use of a connection by its holder. Messages of any other actor are
/// refused, and so are those with a stale id (`session_ended`). Drawn at random, never zero, and never reused, not by
/// another pool either.
enum class session_id : uint64_t {};

/// The terms of a checkout.
struct session_options {
  /// The name of its user, for logs; may be empty.
  std::string owner;

  /// Longest time until it is checked in. Then its work is rolled back and the connection taken away. Zero, and more
  /// than a century: none. Less than zero: its time has passed, the checkout fails at once with `acquire_timeout`.
  std::chrono::nanoseconds time_limit{0};

  /// Longest wait for a connection, if that is less than the pool's `timeout`. Zero: the pool's `timeout`. Less than
  /// zero: its time has passed, the checkout fails at once with `acquire_timeout`.
  std::chrono::nanoseconds acquire_timeout{0};

  /// Longest time from the answer to the first use by the holder; then the session ends: the answer may be lost.
  /// Zero: the pool's `unclaimed_session_timeout`. `nanoseconds::max()`: none.
  std::chrono::nanoseconds unclaimed_timeout{0};

  bool operator==(const session_options&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, session_id& x) {
  auto get = [&x] { return static_cast<uint64_t>(x); };
  auto set = [&x](uint64_t in) {
    x = session_id{in};
    return true;
  };
  return f.apply(get, set);
}

template <class Inspector>
bool inspect(Inspector& f, session_options& x) {
  return f.object(x).fields(f.field("owner", x.owner), f.field("time-limit", x.time_limit),
                            f.field("acquire-timeout", x.acquire_timeout),
                            f.field("unclaimed-timeout", x.unclaimed_timeout));
}

} // namespace cenote

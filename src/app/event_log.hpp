#pragma once

#include "cenote/events.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace cenote::app {

/// An event, or several of the same kind in a row.
struct logged_event {
  std::chrono::system_clock::time_point at; ///< Of the last.
  std::string kind;                         ///< `connection_lost`.
  std::string text;                         ///< Of the last, one line.
  uint64_t count = 1;

  bool operator==(const logged_event&) const = default;
};

/// The last events of a pool, in bounded memory. Events of the same kind in a row that are no more than a second apart
/// become one, so that a hundred lost connections do not push out why they were lost.
class event_log {
public:
  static constexpr size_t capacity = 50;

  /// Check-outs and check-ins are left out: there may be thousands per second. So is the end of a connection that was
  /// lost: its loss was told before.
  void add(const pool_event& event);

  /// Something that is no event of the pool.
  void add(std::chrono::system_clock::time_point at, const std::string& kind, const std::string& text);

  /// Oldest first.
  std::vector<logged_event> content() const { return {events_.begin(), events_.end()}; }

private:
  std::deque<logged_event> events_;
};

} // namespace cenote::app

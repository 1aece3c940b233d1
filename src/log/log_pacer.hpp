#pragma once

#include "types/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace cenote {

/// Rate limit for lines that any request could cause: the first is written, those within the next ten seconds are only
/// counted, and the next line after that gives their number.
class log_pacer {
public:
  static constexpr std::chrono::nanoseconds interval = std::chrono::seconds{10};

  /// Counts `count` more events.
  /// @returns the number of events since the last line, these included, if a line is to be written now.
  std::optional<uint64_t> add(std::chrono::steady_clock::time_point now, uint64_t count = 1) {
    waiting_ += count;
    if (waiting_ == 0 || now < next_)
      return std::nullopt;
    next_ = later(now, interval);
    return std::exchange(waiting_, 0);
  }

private:
  uint64_t waiting_ = 0;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::time_point::min();
};

/// The end of a line that stands for `count` events: ` (and 4 more since the last such line)`, or nothing.
inline std::string and_more(uint64_t count) {
  return count < 2 ? "" : " (and " + std::to_string(count - 1) + " more since the last such line)";
}

} // namespace cenote

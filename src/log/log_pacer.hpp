#pragma once

#include "types/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace cenote {

/// Keeps a line that any request could cause from filling the log: the first is written, of those that follow within
/// ten seconds only their number, with the next one after that.
class log_pacer {
public:
  static constexpr std::chrono::nanoseconds interval = std::chrono::seconds{10};

  /// So many more have happened.
  /// @returns how many have since the last line, if one is to be written now; these included.
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

/// What a line that stands for so many ends with: ` (and 4 more like this since the last such line)`, or nothing.
inline std::string and_more(uint64_t count) {
  return count < 2 ? "" : " (and " + std::to_string(count - 1) + " more since the last such line)";
}

} // namespace cenote

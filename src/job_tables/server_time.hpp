#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace cenote::job_tables {

/// SQL: the server's time in microseconds since 1970, whatever the time zone of the session.
inline constexpr std::string_view server_now = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";

/// How much one step of priority counts, in microseconds of waiting.
inline constexpr int64_t priority_step = 60'000'000;

/// Whole microseconds, not less than zero.
inline int64_t microseconds(std::chrono::nanoseconds span) noexcept {
  auto count = std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  return count < 0 ? 0 : count;
}

/// Of a column.
inline std::chrono::system_clock::time_point time_point_at(int64_t microseconds_since_1970) noexcept {
  return std::chrono::system_clock::time_point{std::chrono::microseconds{microseconds_since_1970}};
}

} // namespace cenote::job_tables

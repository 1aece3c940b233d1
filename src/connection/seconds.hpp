#pragma once

#include <chrono>
#include <string>

namespace cenote {

/// A time span as text: `1.500000 s`.
inline std::string seconds(std::chrono::nanoseconds span) {
  return std::to_string(std::chrono::duration<double>(span).count()) + " s";
}

} // namespace cenote

#pragma once

#include <chrono>
#include <string>

namespace cenote {

/// For texts: `1.500000 s`.
inline std::string seconds(std::chrono::nanoseconds x) {
  return std::to_string(std::chrono::duration<double>(x).count()) + " s";
}

} // namespace cenote

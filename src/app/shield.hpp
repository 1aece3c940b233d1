#pragma once

#include <string>
#include <vector>

namespace cenote::app {

/// Stands before arguments that are data. CLI11 would take `-5` for an option, `++` for the end of a command, and split
/// `[1,2]`.
inline constexpr char shield = '\x1f';

inline std::string shielded(const std::string& x) {
  return shield + x;
}

/// Takes the shield off, and nothing of what it stands before: that may begin with the same byte.
inline std::string bare(std::string x) {
  if (x.starts_with(shield))
    x.erase(0, 1);
  return x;
}

/// For CLI11's texts, which quote what it was given.
inline std::string without_shields(std::string x) {
  std::erase(x, shield);
  return x;
}

} // namespace cenote::app

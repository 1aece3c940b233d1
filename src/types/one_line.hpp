#pragma once

#include <string>

namespace cenote::detail {

/// Replaces control characters, like the line breaks of a statement that the server quotes in its error text, by
/// spaces.
inline std::string one_line(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = ' ';
  return text;
}

} // namespace cenote::detail

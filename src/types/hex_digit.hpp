#pragma once

#include <string>
#include <string_view>

namespace cenote::detail {

inline constexpr std::string_view hex_digits = "0123456789abcdef";

/// The value of a hexadecimal digit; -1 if it is none. Of ASCII only, whatever the locale.
constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

/// Appends the two digits of a byte.
inline void append_hex(std::string& out, unsigned char byte) {
  out += hex_digits[byte >> 4];
  out += hex_digits[byte & 15];
}

} // namespace cenote::detail

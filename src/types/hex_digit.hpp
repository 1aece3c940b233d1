#pragma once

namespace cenote::detail {

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

} // namespace cenote::detail

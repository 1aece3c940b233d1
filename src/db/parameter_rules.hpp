#pragma once

#include "cenote/value.hpp"

#include <string_view>

namespace cenote::db {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Whether a text is a decimal number of at most 65 digits: perhaps with a sign before, and a point among the digits.
bool is_decimal(std::string_view text) noexcept;

/// @name Dates and times
/// Whether a calendar or a clock has it. The server has no literal for others, but may accept them as text.
/// @{
bool is_real(const date& value) noexcept;
bool is_real(const datetime& value) noexcept;
bool is_real(const time& value) noexcept;
/// @}

} // namespace cenote::db

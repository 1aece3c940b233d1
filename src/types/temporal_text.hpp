#pragma once

#include "cenote/value.hpp"

#include <string>

namespace cenote::detail {

/// @name Text form of dates and times
/// As `to_string`, but appended to a buffer that the caller keeps.
/// @{
void append_text(std::string& out, const date& x);
void append_text(std::string& out, const datetime& x);
void append_text(std::string& out, const time& x);
/// @}

/// @name Range
/// Whether a DATE, DATETIME or TIME column could hold it. Zero years, months and days are allowed.
/// @{
bool in_range(const date& x) noexcept;
bool in_range(const datetime& x) noexcept;
bool in_range(const time& x) noexcept;
/// @}

} // namespace cenote::detail

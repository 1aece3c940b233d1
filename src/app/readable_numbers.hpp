#pragma once

#include <string>

namespace cenote::app {

/// @name Numbers for people
/// At most eight columns, with a unit, whatever the number is.
/// @{

/// A span of time: `250 us`, `1.25 ms`, `12.3 s`, `45 min`, `36 h`, `12 d`.
/// @param seconds negative ones and what is no number count as zero.
std::string readable_time(double seconds);

/// A count or a rate: `0.4`, `7`, `123456`, `1.23 M`.
std::string readable_count(double number);
/// @}

} // namespace cenote::app

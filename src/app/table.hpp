#pragma once

#include "cenote/result.hpp"

#include <string>

namespace cenote::app {

/// A result for people, with the line break at its end. NULL is shown as NULL, a text that spells the same in quotes;
/// bytes are in hexadecimal. Further results of a CALL follow after an empty line.
std::string to_table(const result& x);

} // namespace cenote::app

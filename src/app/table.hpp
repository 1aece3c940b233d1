#pragma once

#include "cenote/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cenote::app {

/// A result for people, with the line break at its end. NULL is shown as NULL, a text that spells the same in quotes;
/// bytes are in hexadecimal. Further results of a CALL follow after an empty line.
std::string to_table(const result& x);

/// What the server warns of, as `SHOW WARNINGS` tells it.
struct warning {
  std::string level; ///< `Note`, `Warning` or `Error`.
  std::string code;
  std::string text;
};

/// How many warnings a result and its further ones have together.
uint64_t warning_count(const result& x);

/// One line for each warning of a result, such as `Warning 1365: Division by 0`. Says so if there are more.
std::string to_lines(const result& x, const std::vector<warning>& warnings);

} // namespace cenote::app

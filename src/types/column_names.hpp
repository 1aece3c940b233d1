#pragma once

#include "cenote/result.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::detail {

inline std::string quoted(std::string_view name) {
  std::string result = "\"";
  result += name;
  result += '"';
  return result;
}

/// Lists the columns of a result, for error texts.
inline std::string list(const std::vector<column>& columns) {
  constexpr size_t max_names = 20;
  std::string result;
  for (size_t i = 0; i < std::min(columns.size(), max_names); ++i) {
    if (i > 0)
      result += ", ";
    result += quoted(columns[i].name);
  }
  if (columns.size() > max_names)
    result += " and " + std::to_string(columns.size() - max_names) + " more";
  return result;
}

} // namespace cenote::detail

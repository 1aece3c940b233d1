#pragma once

#include <string>
#include <utility>

namespace cenote::detail {

/// The content of a file that holds one text, without the line breaks that editors put at its end.
inline std::string without_line_end(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.pop_back();
  return text;
}

} // namespace cenote::detail

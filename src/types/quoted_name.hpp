#pragma once

#include <string>
#include <string_view>

namespace cenote::detail {

/// A name in SQL text: `a``b`.
inline std::string quoted_name(std::string_view name) {
  std::string result = "`";
  for (auto c : name)
    result += c == '`' ? std::string{"``"} : std::string{c};
  return result + '`';
}

} // namespace cenote::detail

#pragma once

#include <string>
#include <string_view>

namespace cenote::detail {

/// A name in SQL text: `a``b`.
inline std::string quoted_name(std::string_view name) {
  std::string result = "`";
  for (auto x : name)
    result += x == '`' ? std::string{"``"} : std::string{x};
  return result + '`';
}

} // namespace cenote::detail

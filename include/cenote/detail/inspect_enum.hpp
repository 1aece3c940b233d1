#pragma once

#include <type_traits>

namespace cenote::detail {

/// Inspects an enum whose enumerators are contiguous up to `last`; a larger value from another node is refused.
template <class Inspector, class Enum>
bool inspect_enum(Inspector& f, Enum& x, Enum last) {
  using integer = std::underlying_type_t<Enum>;
  auto get = [&x] { return static_cast<integer>(x); };
  auto set = [&x, last](integer in) {
    if (in > static_cast<integer>(last))
      return false;
    x = static_cast<Enum>(in);
    return true;
  };
  return f.apply(get, set);
}

} // namespace cenote::detail

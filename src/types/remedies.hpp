#pragma once

#include <cstdint>
#include <string_view>

namespace cenote {

/// A failed connect in the words of people.
struct remedy {
  std::string_view explanation; ///< Before the server's own words.
  std::string_view advice;      ///< What to change.
};

/// What to do about a connect that failed. What its number means for the pool is decided in src/pool; this is only
/// about the words.
/// @param text the failure's, which says whether the set-up of the session had begun.
remedy remedy_for(uint32_t number, std::string_view text);

} // namespace cenote

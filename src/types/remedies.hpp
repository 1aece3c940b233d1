#pragma once

#include <cstdint>
#include <string_view>

namespace cenote {

/// A failed connect in plain words.
struct remedy {
  std::string_view explanation; ///< Before the server's own words.
  std::string_view advice;      ///< What to change.
};

/// What to do about a failed connect, for people. How the pool treats the error number is decided in src/pool.
/// @param text the failure's, which shows whether the set-up of the session had begun.
remedy remedy_for(uint32_t number, std::string_view text);

} // namespace cenote

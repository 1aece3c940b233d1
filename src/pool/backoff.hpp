#pragma once

#include "pool/request.hpp"

#include <cstddef>

namespace cenote::pool {

/// `initial`, doubled with each attempt after the first, at most `max`. Less than zero counts as zero.
/// @param attempt counted from 1.
constexpr duration exponential_delay(duration initial, duration max, size_t attempt) {
  max = max > max.zero() ? max : max.zero();
  auto result = initial < max ? initial : max;
  if (result <= result.zero())
    return result.zero();
  for (size_t i = 1; i < attempt && result < max; ++i)
    result = result > max / 2 ? max : result * 2;
  return result;
}

} // namespace cenote::pool

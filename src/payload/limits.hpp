#pragma once

#include <cstddef>

namespace cenote::payload {

/// The longest payload in bytes.
constexpr size_t max_size = size_t{4} << 20;

/// The most lists and objects within each other: they are read by recursion.
constexpr size_t max_depth = 100;

} // namespace cenote::payload

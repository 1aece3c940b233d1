#pragma once

#include <cstdint>

namespace cenote {

/// A number that nobody can guess: 64 bits from the operating system, never zero.
/// @throws std::exception if it has none to give.
uint64_t random_id();

} // namespace cenote

#pragma once

#include <cstdint>

namespace cenote {

/// An unguessable number: 64 bits from the operating system, never zero.
/// @throws std::exception if the operating system provides none.
uint64_t random_id();

} // namespace cenote

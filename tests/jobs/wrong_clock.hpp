#pragma once

#include <atomic>
#include <cstdint>

namespace cenote::test {

/// By how many seconds the system's clock is wrong in this process; the steady clock is right.
extern std::atomic<int64_t> clock_offset;

} // namespace cenote::test

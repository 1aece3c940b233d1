#pragma once

#include "cenote/jobs/job.hpp"

#include <chrono>
#include <cstdint>

namespace cenote::jobs {

/// The pause after an attempt that failed: `first` after the first one, doubled after each further one, up to a quarter
/// shorter or longer, and never longer than `longest`. Pauses at that limit are spread below it.
/// @param attempt which one failed, from 1 on.
/// @param random from 0 to below 1.
std::chrono::nanoseconds pause_after(uint32_t attempt, const job_backoff& pauses, double random);

} // namespace cenote::jobs

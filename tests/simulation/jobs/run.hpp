#pragma once

#include "simulation/jobs/books.hpp"
#include "simulation/jobs/plan.hpp"

#include <cstdio>
#include <string>

namespace cenote::job_simulation {

/// The outcome of a run.
struct run_report {
  std::string problem; ///< Empty if nothing was wrong.
  uint64_t events = 0;
  books::tally counted;
};

/// Plays a run from its beginning to its end.
/// @param out gets a line for each step; may be null.
run_report play(const plan& run_plan, std::FILE* out = nullptr);

} // namespace cenote::job_simulation

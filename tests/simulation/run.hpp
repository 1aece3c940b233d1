#pragma once

#include "simulation/ledger.hpp"
#include "simulation/plan.hpp"

#include <cstdio>
#include <string>

namespace cenote::simulation {

/// The outcome of a run.
struct run_report {
  std::string problem; ///< Empty if nothing was wrong.
  uint64_t events = 0;
  ledger::tally answers;
};

/// Plays a run from its beginning to its end.
/// @param out gets a line for each step; may be null.
run_report play(const plan& run_plan, std::FILE* out = nullptr);

} // namespace cenote::simulation

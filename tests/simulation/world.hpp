#pragma once

#include "simulation/ledger.hpp"
#include "simulation/model_server.hpp"
#include "simulation/plan.hpp"
#include "simulation/population.hpp"
#include "simulation/schedule.hpp"
#include "simulation/stamps.hpp"
#include "simulation/transcript.hpp"
#include "simulation/wire.hpp"

#include <cstdio>
#include <memory>
#include <vector>

namespace cenote::simulation {

/// Shared by all parts of a run: time, the server, the network, the books.
struct world {
  world(const plan& of_run, std::FILE* out) : run_plan{of_run}, log{time, out} {
    // nop
  }

  const plan& run_plan;
  schedule time;
  transcript log;
  stamps marks;
  population people;
  ledger books{time, people, marks, log};
  model_server server{time, run_plan, marks, log};
  std::vector<std::unique_ptr<wire>> wires; ///< All that have ever been.
  bool calm = false;                        ///< Nothing goes wrong any more.

  time_point now() const noexcept { return time.now(); }
};

} // namespace cenote::simulation

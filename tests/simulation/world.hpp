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

/// What all parts of a run have in common: time, the server, the network, the books.
struct world {
  world(const plan& x, std::FILE* out) : how{x}, log{time, out} {
    // nop
  }

  const plan& how;
  schedule time;
  transcript log;
  stamps marks;
  population people;
  ledger books{time, people, marks, log};
  model_server server{time, how, marks, log};
  std::vector<std::unique_ptr<wire>> wires; ///< All that have ever been.
  bool calm = false;                        ///< Nothing goes wrong any more.

  time_point now() const noexcept { return time.now(); }
};

} // namespace cenote::simulation

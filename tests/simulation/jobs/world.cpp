#include "simulation/jobs/world.hpp"

#include "simulation/jobs/node.hpp"

namespace cenote::job_simulation {

world::world(const plan& of_run, std::FILE* out) : run_plan{of_run}, log{time, out} {
  // nop
}

world::~world() = default;

} // namespace cenote::job_simulation

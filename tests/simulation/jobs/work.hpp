#pragma once

#include "simulation/dice.hpp"
#include "simulation/jobs/world.hpp"

namespace cenote::job_simulation {

/// A job that a caller or a handler thinks of.
job_terms random_terms(world& shared, simulation::dice& random);

/// A periodic job.
periodic_row random_schedule(world& shared, simulation::dice& random, uint32_t number);

} // namespace cenote::job_simulation

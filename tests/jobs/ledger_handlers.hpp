#pragma once

#include "ledger_jobs.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <string>
#include <vector>

namespace cenote::test {

/// Keeps handlers of these kinds ("transfer", "refund") at work: one that has ended is replaced. Ends by an exit
/// message, and its handlers with it.
caf::actor spawn_handlers(caf::actor_system& sys, const pool_actor& pool, const job_queue& queue,
                          const std::vector<std::string>& kinds);

} // namespace cenote::test

#pragma once

#include <caf/actor_system.hpp>

namespace cenote {

/// Makes the scheduler that CAF's setting `caf.scheduler.policy` names: for `sharing` cenote's own, whose threads share
/// one queue, as with CAF's, but run event loops while they have nothing to do; else CAF's.
caf::actor_system::module* make_scheduler(caf::actor_system& sys);

} // namespace cenote

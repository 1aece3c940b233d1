#pragma once

#include "cenote/actors.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace cenote {

/// Starts the actor that stops, from a session of its own, what the pool's other sessions run. The session is opened
/// when it is first needed, and kept: stopping a statement must not depend on the server's having room at that moment.
///
/// What is to be ended at a server that cannot be reached is tried again for some minutes. An exit message ends it when
/// it has done what it was asked for until then, or has tried to once more.
canceller_actor spawn_canceller(caf::actor_system& sys, std::shared_ptr<const server_settings> server);

} // namespace cenote

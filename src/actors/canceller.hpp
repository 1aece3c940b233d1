#pragma once

#include "actors/messages.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace cenote {

/// Starts the actor that stops, from a session of its own, the statements of the pool's other sessions. The session is
/// opened when it is first needed, and kept: stopping a statement must not require that the server has room at that
/// moment.
///
/// Sessions to be ended at a server that cannot be reached are tried again for some minutes. An exit message ends the
/// actor when it has carried out the requests before, or has tried to once more.
canceller_actor spawn_canceller(caf::actor_system& sys, std::shared_ptr<const server_settings> server);

} // namespace cenote

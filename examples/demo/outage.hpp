#pragma once

#include "cenote/pool.hpp"

#include <cstddef>

namespace demo {

/// Ends all sessions but its own from the server's side, and waits until they are gone.
/// @param control a pool with a single connection.
/// @returns how many there were.
size_t kill_all_connections(caf::actor_system& sys, const cenote::pool_actor& control);

} // namespace demo

#pragma once

#include "actors/connection_factory.hpp"
#include "cenote/settings.hpp"
#include "runtime/io_thread.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace cenote {

/// Starts the actor that runs a pool. Its rules are in `pool::pool_core`; the actor only translates.
/// @param seed for the jitter of delays.
internal_pool_actor spawn_pool_actor(caf::actor_system& sys, const pool_settings& rules,
                                     std::unique_ptr<connection_factory> connections, uint64_t seed);

/// The same, but the actor lives on an I/O thread instead of the scheduler: messages between it and the
/// connections there wake no thread.
internal_pool_actor spawn_pool_actor(caf::actor_system& sys, io_thread_ptr thread, const pool_settings& rules,
                                     std::unique_ptr<connection_factory> connections, uint64_t seed);

} // namespace cenote

#pragma once

#include "actors/messages.hpp"
#include "cenote/settings.hpp"

#include <caf/fwd.hpp>

#include <optional>

namespace cenote {

/// Starts the actor that agrees with the agents of other pools on the connections of each: three times per lease, and
/// when callers wait, in a transaction on one of the pool's own connections; see `pool::budget_member`. It ends with
/// the pool, of which it is no handle, and then removes the pool's row.
/// @param server for the last step; nothing: it is left out.
void spawn_budget_agent(caf::actor_system& sys, const internal_pool_actor& pool, const pool_settings& rules,
                        const std::optional<server_settings>& server);

} // namespace cenote

#pragma once

#include "app/commands.hpp"
#include "app/pool_watch.hpp"
#include "app/reloading.hpp"
#include "cenote/node.hpp"
#include "cenote/pool.hpp"

#include <memory>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

namespace cenote::app {

/// What `cenote serve` serves.
struct served_pool {
  pool_actor pool;
  node_actor node; ///< Publishes it; null: it is not published.
  std::shared_ptr<pool_watch> watch;
  std::shared_ptr<current_settings> current;
  caf::actor jobs; ///< A `job_housekeeper`.
};

/// Starts the actor that watches over the pool until that has ended. It takes the number of a signal, or `drain_atom`,
/// which ask for the end; `status_atom`, after which it logs the pool's status; and `reconfigure_atom`, after which it
/// reads the settings again and answers what has changed.
/// @param what must outlive it.
/// @param owner receives the exit code at the end.
caf::actor spawn_server_actor(caf::actor_system& system, served_pool served, const invocation& what, caf::actor owner);

} // namespace cenote::app

#pragma once

#include "cenote/detail/resident.hpp"
#include "runtime/io_thread.hpp"

#include <caf/actor_system.hpp>
#include <caf/fwd.hpp>
#include <caf/spawn_options.hpp>

#include <utility>

namespace cenote {

using detail::resident;

/// Starts an actor of the class `Actor` on an I/O thread. May be called from any thread.
template <class Actor, class... Ts>
auto spawn_resident(caf::actor_system& sys, io_thread_ptr thread, Ts&&... xs) {
  caf::actor_config cfg{&thread->loop()};
  return sys.spawn_class<resident<Actor>, caf::no_spawn_options>(cfg, std::move(thread), std::forward<Ts>(xs)...);
}

/// The I/O thread of an actor.
/// @returns null if it lives elsewhere: on the scheduler, in another actor system or process; or if its thread is
/// ending.
io_thread_ptr io_thread_of(const caf::actor_system& sys, const caf::strong_actor_ptr& actor);

} // namespace cenote

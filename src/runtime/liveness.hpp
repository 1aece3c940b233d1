#pragma once

#include <chrono>
#include <cstddef>

#include <caf/abstract_actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>

namespace cenote {

/// Whether an actor is known to have ended, here or on another node. False for a null pointer: an anonymous sender
/// cannot be checked. Costs no message.
inline bool has_ended(const caf::strong_actor_ptr& actor) {
  return actor && caf::actor_cast<caf::abstract_actor*>(actor)->getf(caf::abstract_actor::is_terminated_flag);
}

/// The same for an address. True if nobody holds the actor any more.
inline bool has_ended(const caf::actor_addr& address) {
  auto actor = caf::actor_cast<caf::strong_actor_ptr>(address);
  return !actor || has_ended(actor);
}

/// Whether there are handles of an actor on an I/O thread, besides those that it has caused itself. A holder may
/// release its own at any moment: believe a no only if it is repeated.
/// @param references the strong ones to the actor, which runs.
/// @param holders how many have a handle because the actor needs them.
/// @param timer when its timer is due; `max()` if it has none. Until then the timer has a handle. Afterwards it may
/// have gone, though its message is still in the mailbox.
inline bool has_handles(size_t references, size_t holders, std::chrono::steady_clock::time_point timer,
                        std::chrono::steady_clock::time_point now) noexcept {
  constexpr size_t of_thread = 1; // That runs the actor.
  size_t of_timer = timer > now && timer != std::chrono::steady_clock::time_point::max() ? 1 : 0;
  return references > of_thread + of_timer + holders;
}

} // namespace cenote

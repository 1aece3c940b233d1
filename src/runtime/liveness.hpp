#pragma once

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

} // namespace cenote

#pragma once

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>

namespace cenote {

/// Whether an actor is known to have ended, here or on another node. A null pointer has not: who sends without a name
/// is not to be asked. Costs no message.
inline bool has_ended(const caf::strong_actor_ptr& x) {
  return x && caf::actor_cast<caf::abstract_actor*>(x)->getf(caf::abstract_actor::is_terminated_flag);
}

} // namespace cenote

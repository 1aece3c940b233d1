#include "actors/pool_actor_state.hpp"
#include "log/log.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/liveness.hpp"

#include <algorithm>

#include <caf/action.hpp>

namespace cenote {

namespace {

/// How often a pool checks whether it can still be reached.
constexpr auto interval = std::chrono::seconds{2};

/// How many times in a row it must be unreachable before it ends.
constexpr size_t proof = 2;

} // namespace

/// A pool to which no handle exists, and that has not been ended, would silently keep its actor system from ending. CAF
/// ends actors that cannot be reached, but the connections have handles of their pool, and so do timers.
void pool_actor_state::watch_handles() {
  // A weak pointer: a strong one would be a handle itself.
  handle_watch = self->clock().schedule(
      now() + interval,
      caf::make_action([this] { guard(*this, [this] { look_for_handles(); }); }, caf::action::state::waiting),
      caf::weak_actor_ptr{self->ctrl()});
}

/// Each connection has a handle until it ends. Others may have some for a while: timers that were disposed of, a
/// connect under way.
bool pool_actor_state::is_reachable() const {
  auto holders = std::ranges::count_if(
      connections, [](auto& entry) { return !has_ended(caf::actor_cast<caf::strong_actor_ptr>(entry.second.actor)); });
  return has_handles(self->ctrl()->strong_refs.load(), static_cast<size_t>(holders), armed_for, now());
}

void pool_actor_state::look_for_handles() {
  auto in_use = !requests.empty() || !sessions.empty() || verifying > 0 || core.status().in_flight > 0;
  unreachable = in_use || is_reachable() ? 0 : unreachable + 1;
  if (unreachable < proof) {
    watch_handles();
    return;
  }
  log().warn("pool {}: no handle of it exists any more, and it was not ended: the actor system would wait for it for "
             "ever, so it ends now; keep it in a cenote::scoped_pool, or send it drain_atom when it has done its work",
             rules.name);
  start_drain(now());
}

} // namespace cenote

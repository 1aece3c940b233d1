#include "actors/guarded_behavior.hpp"
#include "actors/log.hpp"
#include "actors/pool_actor_state.hpp"

#include <caf/action.hpp>

namespace cenote {

namespace {

/// How often a pool looks whether anybody can still reach it.
constexpr auto interval = std::chrono::seconds{2};

/// How many times in a row nobody may, until it is believed.
constexpr size_t proof = 2;

} // namespace

/// A pool that nobody holds any more, and that nobody has ended, would keep its actor system from ending, without a
/// word. CAF ends actors that cannot be reached, but the connections hold their pool, and so do timers.
void pool_actor_state::watch_handles() {
  // A weak pointer: a strong one would be a handle itself.
  handle_watch = self->clock().schedule(now() + interval,
                                        caf::make_action([this] { guard(*this, [this] { look_for_handles(); }); },
                                                         caf::action::state::waiting),
                                        caf::weak_actor_ptr{self->ctrl()});
}

/// References that are not from outside: each connection has one, and so has the timer. There may be more of them for a
/// while (timers that were disposed of, a connect under way), never fewer: so a handle is never overlooked.
bool pool_actor_state::is_reachable() const {
  auto own = connections.size() + (armed_for == pool::time_point::max() ? 0 : 1);
  return self->ctrl()->strong_refs.load() > own + references_while_running;
}

void pool_actor_state::look_for_handles() {
  auto in_use = !requests.empty() || !sessions.empty() || verifying > 0 || core.status().in_flight > 0;
  unreachable = in_use || is_reachable() ? 0 : unreachable + 1;
  if (unreachable < proof) {
    watch_handles();
    return;
  }
  log().warn("pool {}: nobody has its handle any more, and it was not ended: the actor system would wait for it for "
             "ever, so it ends now; keep it in a cenote::scoped_pool, or send it drain_atom when it has done its work",
             rules.name);
  start_drain(now());
}

} // namespace cenote

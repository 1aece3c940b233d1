#pragma once

namespace cenote {

/// Whether this thread is one of CAF's own, which run actors.
bool runs_actors();

/// Call this before the thread waits for an actor.
/// @throws std::logic_error if it is one of CAF's own, which run actors: the actor waited for may need it.
void refuse_actors();

} // namespace cenote

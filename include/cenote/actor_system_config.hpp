#pragma once

#include <caf/actor_system_config.hpp>

namespace cenote {

/// CAF's configuration for an actor system with pools in it. It loads the I/O module, which pools need, and sets for
/// the scheduler what CAF's own defaults do not suit:
///
/// - `caf.scheduler.policy = "sharing"`: with CAF's default, `stealing`, threads sleep between two looks for work, and
///   callers wait three times as long for an answer, now and then for milliseconds. The threads share one queue as with
///   CAF's policy of this name; while one has nothing to do, it also does the work of the pool's I/O thread, so that an
///   answer reaches the actor that waits for it without a change of thread;
/// - `caf.scheduler.max-throughput = 100`: one actor with very many messages does not occupy a thread.
///
/// Everything can be changed, by `set`, `parse`, or CAF's config file.
class actor_system_config : public caf::actor_system_config {
public:
  /// @throws std::logic_error if `init` was not called before.
  actor_system_config();
};

} // namespace cenote

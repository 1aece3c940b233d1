#pragma once

#include <caf/fwd.hpp>
#include <caf/io/network/default_multiplexer.hpp>

#include <memory>

namespace cenote {

/// An I/O thread with an event loop of its own, on which connection actors live. SQL never runs on CAF's middleman: its
/// heartbeats do.
///
/// The loop ends when the last owner lets go; the actor system waits for it. Every connection actor owns its lane.
class lane {
public:
  using event_loop = caf::io::network::default_multiplexer;

  /// Starts the thread and waits until its loop can take actors.
  static std::shared_ptr<lane> start(caf::actor_system& sys);

  lane(std::shared_ptr<event_loop> loop, caf::io::network::multiplexer::supervisor_ptr keep) noexcept;
  ~lane();

  event_loop& loop() noexcept { return *loop_; }

private:
  std::shared_ptr<event_loop> loop_;
  caf::io::network::multiplexer::supervisor_ptr keep_;
};

using lane_ptr = std::shared_ptr<lane>;

} // namespace cenote

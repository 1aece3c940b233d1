#pragma once

#include "runtime/event_loop.hpp"

#include <caf/fwd.hpp>
#include <caf/telemetry/counter.hpp>

#include <memory>

namespace cenote {

/// An I/O thread with an event loop of its own, on which connection actors live. SQL never runs on CAF's middleman,
/// which runs the heartbeats between nodes.
///
/// The loop ends when the last owner releases it; the actor system waits for it. Every connection actor owns its I/O
/// thread.
class io_thread {
public:
  /// Starts the thread and waits until its loop can take actors.
  /// @param cpu_time counts the CPU time of the thread, in seconds; must outlive the actor system's actors.
  static std::shared_ptr<io_thread> start(caf::actor_system& sys, caf::telemetry::dbl_counter* cpu_time,
                                          guests visitors);

  io_thread(std::shared_ptr<event_loop> loop, caf::io::network::multiplexer::supervisor_ptr supervisor) noexcept;
  ~io_thread();

  event_loop& loop() noexcept { return *loop_; }

  /// The loop, for one who may need the object longer than the thread runs.
  std::shared_ptr<event_loop> share_loop() const noexcept { return loop_; }

private:
  std::shared_ptr<event_loop> loop_;
  caf::io::network::multiplexer::supervisor_ptr supervisor_;
};

using io_thread_ptr = std::shared_ptr<io_thread>;

} // namespace cenote

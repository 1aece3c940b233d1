#pragma once

#include <caf/fwd.hpp>
#include <caf/io/network/default_multiplexer.hpp>

#include <memory>
#include <vector>

namespace cenote {

/// An event loop whose actors wake the scheduler's threads once per turn. Each wake-up costs system calls on both
/// sides, and the sockets that are ready in one turn often have answers for as many callers.
class event_loop : public caf::io::network::default_multiplexer {
public:
  explicit event_loop(caf::actor_system* sys);
  ~event_loop() override;

  /// Runs actors of this loop on it, in their turn. Any other actor is handed to the scheduler: when the events at hand
  /// have been dealt with if this thread is the loop's own, else at once.
  void exec_later(caf::resumable* what) override;

private:
  void hand_over();

  std::vector<caf::resumable*> for_scheduler_; ///< With a reference to each.
};

/// An I/O thread with an event loop of its own, on which connection actors live. SQL never runs on CAF's middleman: its
/// heartbeats do.
///
/// The loop ends when the last owner lets go; the actor system waits for it. Every connection actor owns its lane.
class lane {
public:
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

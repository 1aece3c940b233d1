#pragma once

#include <caf/fwd.hpp>
#include <caf/io/network/default_multiplexer.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace cenote {

/// An event loop and a scheduler that wake each other seldom: a wake-up costs several system calls, on both sides.
/// Actors that have got messages from the loop's own are handed to the scheduler together, at the end of a turn. While
/// answers of servers are expected, they wait for the first turn that brings no further ones. What they then have to
/// say to the loop's actors wakes it once, when all of them have run.
class event_loop : public caf::io::network::default_multiplexer, public std::enable_shared_from_this<event_loop> {
public:
  explicit event_loop(caf::actor_system* sys);
  ~event_loop() override;

  /// Runs actors of this loop on it, in their turn. Any other is handed to the scheduler: later if this thread is the
  /// loop's own, else at once.
  void exec_later(caf::resumable* what) override;

  /// To be called on the loop's own thread, before the first and after the last turn.
  void start();
  void stop();

  /// So many more answers of servers are expected; less if it is negative. Only on the loop's own thread.
  void expect(ptrdiff_t more) noexcept { expected_ += static_cast<size_t>(more); }

private:
  class alarm;
  class batch;

  void end_turn();
  void hand_over();
  void hold_back(caf::resumable* what);
  void let_go();

  std::vector<caf::resumable*> for_scheduler_; ///< With a reference to each.
  size_t known_ = 0;                           ///< How many of them there were at the end of the last turn.
  size_t expected_ = 0;

  std::mutex lock_;
  std::vector<caf::resumable*> held_back_; ///< Actors of this loop that run when a batch of others has, guarded.
  std::unique_ptr<alarm> alarm_;           ///< For a batch that takes too long; null if there is none.
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

#pragma once

#include <caf/actor_control_block.hpp>
#include <caf/fwd.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/resumable.hpp>
#include <caf/telemetry/counter.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace cenote {

/// A thread that sleeps until it gets an answer.
class sleeping_thread {
public:
  virtual void wake() noexcept = 0;

protected:
  ~sleeping_thread() = default;
};

/// An event loop that rarely wakes the scheduler's threads: a wake-up costs several system calls, on both sides. Actors
/// that receive messages from the loop's own actors are handed to the scheduler together, at the end of a turn, and
/// threads that sleep until an answer comes are woken then. While answers of servers are expected, both wait for the
/// first turn without a new answer. While very many answers are expected, the loop sleeps a little after each turn, so
/// that answers arrive in batches.
///
/// Its own actors run one after the other without a look at the sockets in between, which costs a system call each
/// time.
class event_loop : public caf::io::network::default_multiplexer {
public:
  /// @param cpu_time counts the CPU time of the loop's thread, in seconds; must outlive the loop.
  event_loop(caf::actor_system* sys, caf::telemetry::dbl_counter* cpu_time);
  ~event_loop() override;

  /// Runs until nobody needs the loop any more.
  void run() override;

  /// Runs actors of this loop on it, in their turn. Others are handed to the scheduler: later if this thread is the
  /// loop's own, otherwise at once.
  void exec_later(caf::resumable* job) override;

  /// Adds to the number of expected answers of servers; `more` may be negative. Only on the loop's own thread.
  void expect(ptrdiff_t more) noexcept { expected_ += static_cast<size_t>(more); }

  /// An answer of a server has arrived. Only on the loop's own thread.
  void note_answer() noexcept { ++arrived_; }

  /// Wakes a thread, with the others of this turn; at once if it is not the loop's own thread that asks for it.
  /// @param owner keeps `who` alive.
  void wake_later(caf::strong_actor_ptr owner, sleeping_thread& who);

private:
  bool has_to_wake() const noexcept { return !for_scheduler_.empty() || !to_wake_.empty(); }
  size_t count_to_wake() const noexcept { return for_scheduler_.size() + to_wake_.size(); }
  void run_ready();
  void end_turn();
  void hand_over();
  void pause(size_t arrived);
  void measure();

  std::vector<caf::intrusive_ptr<caf::resumable>> ready_;   ///< The loop's own actors that are to run.
  std::vector<caf::intrusive_ptr<caf::resumable>> running_; ///< Those of the current round.

  std::vector<caf::resumable*> for_scheduler_; ///< With a reference to each.
  std::vector<std::pair<caf::strong_actor_ptr, sleeping_thread*>> to_wake_;
  size_t known_ = 0; ///< Their number at the end of the last turn.
  size_t expected_ = 0;
  size_t arrived_ = 0;                ///< In this turn.
  std::chrono::nanoseconds pause_{0}; ///< The last one.

  caf::telemetry::dbl_counter* cpu_time_;
  std::chrono::nanoseconds measured_{0};         ///< What has been added to it.
  std::chrono::nanoseconds next_measurement_{0}; ///< On the clock of `run`.
};

/// An I/O thread with an event loop of its own, on which connection actors live. SQL never runs on CAF's middleman,
/// which runs the heartbeats between nodes.
///
/// The loop ends when the last owner releases it; the actor system waits for it. Every connection actor owns its I/O
/// thread.
class io_thread {
public:
  /// Starts the thread and waits until its loop can take actors.
  /// @param cpu_time counts the CPU time of the thread, in seconds; must outlive the actor system's actors.
  static std::shared_ptr<io_thread> start(caf::actor_system& sys, caf::telemetry::dbl_counter* cpu_time);

  io_thread(std::shared_ptr<event_loop> loop, caf::io::network::multiplexer::supervisor_ptr supervisor) noexcept;
  ~io_thread();

  event_loop& loop() noexcept { return *loop_; }

private:
  std::shared_ptr<event_loop> loop_;
  caf::io::network::multiplexer::supervisor_ptr supervisor_;
};

using io_thread_ptr = std::shared_ptr<io_thread>;

} // namespace cenote

#pragma once

#include "runtime/loop_gate.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/fwd.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/resumable.hpp>
#include <caf/telemetry/counter.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
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

/// Whether threads that wait for an answer may run an event loop meanwhile. They must not if its actors expect data
/// from sockets without telling the loop so (`expect`): for a moment after a guest, nobody looks at the sockets.
enum class guests { refused, admitted };

/// An event loop that rarely wakes other threads: a wake-up costs several system calls, on both sides. Actors of the
/// scheduler that receive messages from the loop's own actors are handed over together, at the end of a turn, and
/// threads that sleep until an answer comes are woken then. While answers of servers are expected, both wait for the
/// first turn without a new answer. While very many answers are expected, the loop sleeps a little after each turn, so
/// that answers arrive in batches. A thread that waits for an answer may run the loop itself (see `loop_gate`).
///
/// Its own actors run one after the other without a look at the sockets in between, which costs a system call each
/// time.
class event_loop : public caf::io::network::default_multiplexer, public std::enable_shared_from_this<event_loop> {
public:
  /// @param cpu_time counts the CPU time of the loop's own thread, in seconds; must outlive the loop.
  event_loop(caf::actor_system* sys, caf::telemetry::dbl_counter* cpu_time, guests visitors);
  ~event_loop() override;

  /// Runs until nobody needs the loop any more.
  void run() override;

  /// Sends a request, and runs the loop on the calling thread until the answer is there, unless another thread runs it.
  /// @param ask sends the request.
  /// @param answered becomes other than 0 when the answer is there; if another thread writes it, that must call
  /// `interrupt` afterwards.
  /// @returns false if another thread runs the loop; then it has done nothing. True does not mean that there is an
  /// answer: the loop may have ended.
  bool run_until_answered(const std::function<void()>& ask, const std::atomic<int>& answered);

  /// Runs the loop on the calling thread, one of the scheduler's that has nothing to do, unless another thread runs it.
  /// @param has_jobs becomes other than 0 when the thread has something to do, as above.
  /// @returns false if another thread runs the loop, or should: one that waits for an answer.
  bool run_while_idle(const std::atomic<int>& has_jobs);

  /// A thread that has run the loop by `run_while_idle` will not be back soon. May be called from any thread.
  void stay_away() { gate_.stay_away(); }

  /// Makes the thread that runs the loop look around. May be called from any thread.
  void interrupt() { gate_.knock(); }

  /// No other loop of this process has the same, before or after.
  uint64_t number() const noexcept { return number_; }

  /// Whether this thread runs some event loop at the moment.
  static bool runs_any_here() noexcept;

  bool runs_here() const noexcept;

  /// Runs actors of this loop on it, in their turn. Others are handed to the scheduler: later if the calling thread
  /// runs the loop, otherwise at once.
  void exec_later(caf::resumable* job) override;

  /// Adds to the number of expected answers of servers; `more` may be negative. Only on the thread that runs the loop.
  void expect(ptrdiff_t more) noexcept { expected_ += static_cast<size_t>(more); }

  /// An answer of a server has arrived. Only on the thread that runs the loop.
  void note_answer() noexcept { ++arrived_; }

  /// Wakes a thread, with the others of this turn; at once if the calling thread does not run the loop.
  /// @param owner keeps `who` alive.
  void wake_later(caf::strong_actor_ptr owner, sleeping_thread& who);

private:
  bool has_to_wake() const noexcept { return !for_scheduler_.empty() || !to_wake_.empty(); }
  size_t count_to_wake() const noexcept { return for_scheduler_.size() + to_wake_.size(); }
  bool is_idle() const noexcept { return ready_.empty() && expected_ == 0 && !has_to_wake(); }
  template <class F>
  bool run_as_guest(F f);
  void turn();
  void run_ready();
  void run_one(loop_gate::job job);
  void end_turn();
  void hand_over();
  void pause();
  void measure();

  uint64_t number_;
  guests visitors_;
  loop_gate gate_;
  std::vector<loop_gate::job> ready_;   ///< The loop's own actors that are to run.
  std::vector<loop_gate::job> running_; ///< Those of the current round.
  size_t max_messages_;                 ///< That an actor handles in a row, as CAF's settings say.

  std::vector<caf::resumable*> for_scheduler_; ///< With a reference to each.
  std::vector<std::pair<caf::strong_actor_ptr, sleeping_thread*>> to_wake_;
  size_t known_ = 0; ///< Their number at the end of the last turn.
  size_t expected_ = 0;
  size_t arrived_ = 0;                ///< Since the last pause, or chance of one.
  std::chrono::nanoseconds pause_{0}; ///< The last one.

  caf::telemetry::dbl_counter* cpu_time_;
  std::chrono::nanoseconds measured_{0};         ///< What has been added to it.
  std::chrono::nanoseconds next_measurement_{0}; ///< On the clock of `run`.
};

} // namespace cenote

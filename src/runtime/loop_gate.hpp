#pragma once

#include <caf/intrusive_ptr.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace cenote {

/// What other threads leave for an event loop, and which thread runs it: its own, or a guest, which waits for an answer
/// from the loop and runs it meanwhile, so that no thread wakes another. The first guest may enter while nothing is
/// under way, once the loop's own thread has noticed that guests come one soon after the other. That thread takes the
/// loop back when it is needed, or when no guest comes any more.
class loop_gate {
public:
  using clock = std::chrono::steady_clock;
  using job = caf::intrusive_ptr<caf::resumable>;

  /// The loop's own thread takes the loop back when no guest has entered for that long: nobody looks at the sockets
  /// meanwhile. Two guests that follow each other within this time are soon enough.
  static constexpr std::chrono::nanoseconds patience = std::chrono::milliseconds{1};

  /// @param wake makes a loop that sleeps at its sockets look up. Runs on any thread, while the loop cannot end: it
  /// takes no job meanwhile.
  explicit loop_gate(std::function<void()> wake) : wake_{std::move(wake)} {
    // nop
  }

  /// @name On any thread
  /// @{

  /// Leaves a job for the thread that runs the loop. When that has done it, the loop may be gone.
  /// @param will_enter whether the calling thread will try to enter in a moment: then nobody is woken if no thread runs
  /// the loop.
  void leave(job what, bool will_enter = false);

  /// Makes the thread that runs the loop look up, without a job.
  void knock();

  /// Tries to run the loop from now on, as a guest.
  /// @returns false if another thread runs it.
  [[nodiscard]] bool enter(clock::time_point now);

  /// Whether others have tried to enter, one soon after the other, since the last one has.
  bool is_wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }
  /// @}

  /// @name On the thread that runs the loop
  /// @{

  /// Must be called before the loop sleeps at its sockets.
  /// @returns false if it must not, because there is a job, or somebody has knocked since it last was to sleep.
  [[nodiscard]] bool begin_sleep();

  /// Takes the jobs that were left, behind those that the vector holds. Must be called after each look at the sockets.
  void take(std::vector<job>& jobs);
  /// @}

  /// A guest goes.
  /// @param idle whether nothing is under way. If something is, the loop's own thread is called.
  void exit(bool idle);

  /// A guest goes for a moment, and says `stay_away` if that gets long.
  /// @param idle as above; here nobody is called.
  void exit_for_a_moment(bool idle);

  /// The guest that went for a moment needs longer. Runs on any thread.
  void stay_away();

  /// Lets guests in if they would come one soon after the other. To be called by the loop's own thread while nothing is
  /// under way; returns when that has to run the loop again.
  void admit_guests();

private:
  enum class runner { own, guest, nobody };

  void wake();
  void recall();

  std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<job> jobs_;
  runner runner_ = runner::own;
  bool under_way_ = false; ///< Something was, when the last guest went.
  bool sleeps_ = false;    ///< At the sockets; nobody has woken it.
  bool knocked_ = false;   ///< While it did not sleep.
  bool recalled_ = false;  ///< The loop's own thread must run it.
  bool watches_ = true; ///< The loop's own thread, while it does not run it, looks by itself whether guests still come.
  bool visited_ = false;             ///< A guest has entered since it looked.
  std::atomic<bool> wanted_ = false; ///< Changed with the lock.
  clock::time_point last_guest_;
};

} // namespace cenote

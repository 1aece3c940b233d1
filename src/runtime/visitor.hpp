#pragma once

#include <chrono>
#include <memory>

namespace cenote {

class event_loop;

/// The event loop that a thread of the scheduler runs while it has nothing else to do: the one to which its actors
/// send. One object per thread.
class visitor {
public:
  using clock = std::chrono::steady_clock;

  /// When the thread has been away from a loop for that long, to run actors, the loop's own thread takes over.
  static constexpr std::chrono::nanoseconds longest_absence = std::chrono::microseconds{100};

  /// Must be called on its thread, before anything else.
  void begin();

  /// The loop to run now.
  /// @returns null if there is none.
  std::shared_ptr<event_loop> next();

  /// The thread has run that loop, and has left it for a moment.
  void left(const std::shared_ptr<event_loop>& loop) {
    left_ = loop;
    since_ = clock::now();
  }

  /// The thread is about to run an actor.
  void work();

  /// For a job that this thread is about to leave for a loop.
  /// @returns whether it will try to run the loop next.
  static bool promise(event_loop& loop);

private:
  std::weak_ptr<event_loop> home_;
  const event_loop* known_ = nullptr; ///< The same.
  bool promised_ = false;             ///< Since it last had nothing to do, it has left a job for that loop.
  std::weak_ptr<event_loop> left_;    ///< Until it has been away for long.
  clock::time_point since_;
};

} // namespace cenote

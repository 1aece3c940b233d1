#pragma once

#include <chrono>
#include <memory>

namespace cenote {

class event_loop;

/// What a thread of the scheduler, one object each, has to do with event loops: while it has nothing else to do, it
/// runs the one to which its actors send. It owes a loop a visit after it has left jobs there that nobody was woken
/// for, or has gone away from it to run an actor; if it cannot come soon, it calls the loop's own thread.
class visitor {
public:
  using clock = std::chrono::steady_clock;

  /// Soon.
  static constexpr std::chrono::nanoseconds longest_absence = std::chrono::microseconds{100};

  visitor() = default;
  visitor(const visitor&) = default; ///< CAF makes those of its threads so, before they begin.
  ~visitor();

  /// Must be called on its thread, before anything else.
  void begin();

  /// The loop to run now.
  /// @returns null if there is none.
  std::shared_ptr<event_loop> next();

  /// The thread has run the loop, and will be back.
  void left() { owe(); }

  /// The thread is about to run an actor.
  void work();

  /// The thread is about to sleep.
  void rest() { cancel(); }

  /// For a job that this thread is about to leave for a loop.
  /// @returns whether it will visit that loop.
  static bool promise(event_loop& loop);

private:
  void owe();
  void cancel();

  std::weak_ptr<event_loop> home_;
  const event_loop* known_ = nullptr; ///< The same.
  bool promised_ = false;             ///< Since it last had nothing to do, it has left a job for that loop.
  bool owes_ = false;                 ///< A visit to it,
  clock::time_point since_;           ///< since then.
};

} // namespace cenote

#pragma once

#include "runtime/visitor.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

namespace cenote {

/// What the scheduler's threads share: the actors that are to run. A thread that finds none runs the event loop to
/// which its actors send: an answer then needs no other thread.
class run_queue {
public:
  /// Adds an actor, with a reference to it. May be called from any thread.
  void add(caf::resumable* job);

  /// Waits for an actor to run.
  /// @param self of the calling thread.
  caf::resumable* take(visitor& self);

  /// @returns null if there is none.
  caf::resumable* try_take();

private:
  caf::resumable* pop();
  bool visit(visitor& self, std::unique_lock<std::mutex>& guard);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<caf::resumable*> jobs_;
  std::atomic<int> has_jobs_ = 0; ///< Changed with the lock; read by the thread that visits.
  size_t asleep_ = 0;             ///< Threads that wait for `changed_`.
  size_t called_ = 0;             ///< How many of them are to wake up.
  event_loop* visited_ = nullptr; ///< One of the threads runs it.
};

} // namespace cenote

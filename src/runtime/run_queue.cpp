#include "runtime/run_queue.hpp"

#include "runtime/event_loop.hpp"

#include <utility>

namespace cenote {

void run_queue::add(caf::resumable* job) {
  {
    std::lock_guard guard{mutex_};
    jobs_.push_back(job);
    has_jobs_ = 1;
    if (visited_ != nullptr && visited_->runs_here() && jobs_.size() == 1)
      return; // The visitor runs it by itself.
    if (asleep_ == called_) {
      if (visited_ != nullptr)
        visited_->interrupt();
      return;
    }
    ++called_;
  }
  changed_.notify_one(); // Without the lock: the other thread would wake up and wait for it.
}

caf::resumable* run_queue::take(visitor& self) {
  self.begin();
  std::unique_lock guard{mutex_};
  while (jobs_.empty()) {
    if (visited_ == nullptr && visit(self, guard))
      continue;
    if (!jobs_.empty())
      break;
    self.rest();
    ++asleep_;
    changed_.wait(guard, [this] { return called_ > 0; });
    --asleep_;
    --called_;
  }
  auto job = pop();
  guard.unlock();
  self.work();
  return job;
}

caf::resumable* run_queue::try_take() {
  std::lock_guard guard{mutex_};
  return jobs_.empty() ? nullptr : pop();
}

caf::resumable* run_queue::pop() {
  auto job = jobs_.front();
  jobs_.pop_front();
  if (jobs_.empty())
    has_jobs_ = 0;
  return job;
}

/// @returns whether the thread has run a loop, until there was something to do for it.
bool run_queue::visit(visitor& self, std::unique_lock<std::mutex>& guard) {
  auto loop = self.next();
  if (!loop)
    return false;
  visited_ = loop.get();
  guard.unlock();
  auto ran = false;
  try {
    ran = loop->run_while_idle(has_jobs_);
  } catch (...) {
    // No memory. The loop is its own thread's again, and this one goes on.
  }
  if (ran)
    self.left();
  guard.lock();
  visited_ = nullptr; // Before the loop may go: others look here.
  guard.unlock();
  loop.reset(); // Its end may need the lock.
  guard.lock();
  return ran;
}

} // namespace cenote

#include "runtime/loop_gate.hpp"

#include <iterator>
#include <utility>

namespace cenote {

void loop_gate::leave(job what, bool will_enter) {
  std::lock_guard guard{mutex_};
  jobs_.push_back(std::move(what));
  if (runner_ == runner::nobody && !will_enter)
    recall();
  wake();
}

void loop_gate::knock() {
  std::lock_guard guard{mutex_};
  knocked_ = !sleeps_;
  wake();
}

bool loop_gate::enter(clock::time_point now) {
  std::lock_guard guard{mutex_};
  auto soon = now - std::exchange(last_guest_, now) < patience;
  if (runner_ == runner::nobody && !recalled_) {
    runner_ = runner::guest;
    visited_ = true;
    wanted_ = false;
    return true;
  }
  if (soon)
    wanted_ = true;
  return false;
}

bool loop_gate::begin_sleep() {
  std::lock_guard guard{mutex_};
  sleeps_ = !std::exchange(knocked_, false) && jobs_.empty();
  return sleeps_;
}

void loop_gate::take(std::vector<job>& jobs) {
  std::lock_guard guard{mutex_};
  sleeps_ = false;
  if (jobs.empty()) {
    jobs.swap(jobs_);
  } else {
    jobs.insert(jobs.end(), std::move_iterator{jobs_.begin()}, std::move_iterator{jobs_.end()});
    jobs_.clear();
  }
}

void loop_gate::exit(bool idle) {
  std::lock_guard guard{mutex_};
  runner_ = runner::nobody;
  under_way_ = !idle;
  if (!idle || !jobs_.empty() || !watches_)
    recall();
}

void loop_gate::exit_for_a_moment(bool idle) {
  std::lock_guard guard{mutex_};
  runner_ = runner::nobody;
  under_way_ = !idle;
  if (!jobs_.empty() || !watches_)
    recall();
}

void loop_gate::stay_away() {
  std::lock_guard guard{mutex_};
  if (runner_ == runner::nobody && (under_way_ || !jobs_.empty()))
    recall();
}

void loop_gate::admit_guests() {
  std::unique_lock guard{mutex_};
  if (!wanted_.exchange(false) || !jobs_.empty())
    return;
  runner_ = runner::nobody;
  do {
    visited_ = false;
    changed_.wait_for(guard, patience, [this] { return recalled_; });
    if (runner_ == runner::guest && !visited_) { // The same one all the time: nobody watches for its end.
      watches_ = false;
      changed_.wait(guard, [this] { return recalled_; });
      watches_ = true;
    }
  } while (!recalled_ && visited_);
  recalled_ = false;
  runner_ = runner::own;
}

void loop_gate::wake() {
  if (std::exchange(sleeps_, false))
    wake_();
}

void loop_gate::recall() {
  recalled_ = true;
  changed_.notify_one();
}

} // namespace cenote

#include "jobs/first_wait.hpp"
#include "simulation/jobs/node.hpp"

#include <algorithm>
#include <map>
#include <set>

// What callers ask for, and what nodes tell each other. See queue_submissions.cpp and queue_notices.cpp.

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr size_t most_single_jobs = 500;

} // namespace

void node::submit(job_terms work, std::function<void(job_no)> stored, std::function<void(request_failure)> failed) {
  post([this, work = std::move(work), stored = std::move(stored), failed = std::move(failed)]() mutable {
    submissions_.push_back({std::move(work), std::move(stored), std::move(failed)});
    turn([] {});
  });
}

void node::store_submissions() {
  if (submissions_.empty() || is_storing_)
    return;
  is_storing_ = true;
  auto count = std::min(most_single_jobs, submissions_.size());
  std::vector<submission> batch{submissions_.begin(), submissions_.begin() + static_cast<ptrdiff_t>(count)};
  submissions_.erase(submissions_.begin(), submissions_.begin() + static_cast<ptrdiff_t>(count));
  std::vector<job_terms> works;
  for (auto& each : batch)
    works.push_back(each.work);
  ask(
      world_.rows.insert(works),
      [this, batch, works](const std::vector<job_no>& holders) {
        is_storing_ = false;
        has_stored(works);
        for (size_t i = 0; i < batch.size(); ++i)
          batch[i].stored(holders[i]);
      },
      [this, batch](request_failure reason) {
        is_storing_ = false;
        for (auto& each : batch)
          each.failed(reason);
      });
}

void node::submit(std::vector<job_terms> works, std::function<void(std::vector<job_no>)> stored,
                  std::function<void(request_failure)> failed) {
  post([=, this] {
    ask(
        world_.rows.insert(works),
        [this, works, stored](const std::vector<job_no>& holders) {
          has_stored(works);
          stored(holders);
        },
        failed);
  });
}

void node::submit_batch(std::vector<job_terms> works, job_terms follower, std::function<void()> stored,
                        std::function<void(request_failure)> failed) {
  post([=, this] {
    ask(
        world_.rows.insert_batch(works, follower),
        [this, works, stored](int) {
          has_stored(works);
          stored();
        },
        failed);
  });
}

void node::cancel(job_no id, std::function<void()> done, std::function<void(request_failure)> failed) {
  post([=, this] {
    ask(
        world_.rows.cancel(id),
        [this, id, done](int) {
          if (auto work = attempts_.find(id); work != attempts_.end())
            is_lost(work->second.key);
          some_may_wait();
          done();
        },
        failed);
  });
}

void node::rerun(job_no id) {
  post([=, this] {
    ask(
        world_.rows.rerun(id),
        [this](size_t changed) {
          if (changed > 0)
            some_may_wait();
        },
        [](request_failure) {});
  });
}

void node::pause(size_t queue, bool paused, std::function<void()> done, std::function<void(request_failure)> failed) {
  post([=, this] {
    ask(
        world_.rows.set_paused(queue, paused),
        [this, done](int) {
          some_may_wait();
          done();
        },
        failed);
  });
}

// -- notices --------------------------------------------------------------------------

/// @param queue nothing: any of them.
void node::notify_others(std::optional<size_t> queue) {
  if (!world_.run_plan.nodes_tell_each_other)
    return;
  for (auto& other : world_.nodes) {
    if (other.get() == this || !other->is_up())
      continue;
    if (world_.run_plan.with.lost_notices && !world_.calm && random_.one_in(4))
      continue;
    world_.time.after(random_.up_to(world_.run_plan.mail_delay), [to = other.get(), queue] { to->notified(queue); });
  }
}

void node::notified(std::optional<size_t> queue) {
  post([this, queue] {
    turn([&] {
      for (auto& each : queues_)
        if (!queue || *queue == each.index)
          each.pace.notified(now());
    });
  });
}

void node::has_stored(const std::vector<job_terms>& works) {
  std::map<size_t, size_t> begun_here;
  std::set<size_t> for_others;
  for (auto& work : works) {
    auto& queue = queues_[work.queue];
    if (!handlers_.contains(work.kind)) {
      for_others.insert(work.queue);
    } else if (work.run_at || work.delay > work.delay.zero()) {
      job as_given;
      as_given.delay = work.delay;
      auto day = [](server_micros at) { return std::chrono::system_clock::time_point{std::chrono::microseconds{at}}; };
      if (work.run_at)
        as_given.run_at = day(*work.run_at);
      queue.pace.note_due(now() + jobs::wait_of(as_given, day(world_.rows.now()) + wrong_by_));
    } else {
      queue.pace.wake();
      if (++begun_here[work.queue] > queue.pace.free_places(queue.occupied()))
        for_others.insert(work.queue);
    }
  }
  for (auto queue : for_others)
    notify_others(queue);
}

void node::has_stored_effects(const std::vector<job_terms>& works) {
  for (auto& work : works) {
    if (!handlers_.contains(work.kind)) {
      notify_others(work.queue);
    } else {
      queues_[work.queue].pace.wake();
      queues_[work.queue].pace.notified(now());
    }
  }
}

void node::some_may_wait() {
  for (auto& queue : queues_)
    queue.pace.notified(now());
  notify_others(std::nullopt);
}

} // namespace cenote::job_simulation

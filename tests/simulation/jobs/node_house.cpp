#include "jobs/periodic.hpp"
#include "simulation/jobs/node.hpp"

#include <algorithm>
#include <utility>

// What one node does for all. See queue_housekeeping.cpp and queue_periodic.cpp.

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr unsigned rounds_between_removals = 12;
constexpr size_t most_removed = 1000;

jobs::server_time as_time(server_micros at) {
  return jobs::server_time{std::chrono::microseconds{at}};
}

} // namespace

void node::keep_house() {
  next_housekeeping_ = now() + std::chrono::duration_cast<duration>(rules_.lease / 3 * (0.75 + random() / 2));
  plan_periodic();
  if (!lease_.may_judge_others(now()))
    return;
  is_keeping_house_ = true;
  ask(
      world_.rows.abandoned(),
      [this](const std::vector<abandoned_job>& found) {
        is_keeping_house_ = false;
        give_to_others(found);
      },
      [this](request_failure) { is_keeping_house_ = false; });
  if (rounds_of_housekeeping_++ % rounds_between_removals == 0)
    remove_old();
}

void node::give_to_others(const std::vector<abandoned_job>& jobs) {
  for (auto& found : jobs) {
    auto how = jobs::decide_end(job_verdict::retry, "its worker was lost", duration{-1}, found.key.attempt,
                                found.max_attempts, found.backoff, random());
    ask(
        world_.rows.give_to_others(found, how),
        [this, how](int) {
          for (auto& queue : queues_)
            queue.pace.note_due(now() + how.pause);
          notify_others(std::nullopt);
        },
        [](request_failure) {});
  }
}

void node::remove_old() {
  ask(
      world_.rows.queues_and_kinds(),
      [this](const std::vector<std::pair<size_t, size_t>>& pairs) {
        for (auto& [queue, kind] : pairs) {
          remove_old(queue, kind, job_state::done, rules_.keep_done);
          remove_old(queue, kind, job_state::discarded, rules_.keep_failed);
          remove_old(queue, kind, job_state::cancelled, rules_.keep_failed);
        }
      },
      [](request_failure) {});
  ask(
      world_.rows.forget_silent_nodes(), [](size_t) {}, [](request_failure) {});
}

void node::remove_old(size_t queue, size_t kind, job_state state, duration keep) {
  ask(
      world_.rows.remove_old(queue, kind, state, keep),
      [=, this](size_t removed) {
        if (removed >= most_removed && !is_leaving_)
          remove_old(queue, kind, state, keep);
      },
      [](request_failure) {});
}

// -- periodic jobs --------------------------------------------------------------------

void node::submit_periodic(periodic_row row) {
  post([this, row] {
    ask(
        world_.rows.current_time(),
        [this, row](server_micros at) mutable {
          auto times = jobs::timetable::make(row.when);
          row.next_at = times->next(as_time(at))->time_since_epoch().count();
          ask(
              world_.rows.set_periodic(row), [this](int) { plan_periodic(); }, [](request_failure) {});
        },
        [](request_failure) {});
  });
}

void node::plan_periodic() {
  ask(
      world_.rows.next_periodic(),
      [this](const std::optional<duration>& in) {
        next_periodic_ = in ? now() + std::clamp<duration>(*in, 0ns, 24h) : time_point::max();
      },
      [](request_failure) {});
}

void node::fire_periodic() {
  next_periodic_ = time_point::max();
  is_firing_ = true;
  ask(
      world_.rows.due_periodic(),
      [this](const std::vector<due_periodic_job>& found) {
        is_firing_ = false;
        for (auto& each : found)
          if (firings_.insert(each.row.number).second)
            fire(each);
        plan_after_firing(true);
      },
      [this](request_failure) {
        is_firing_ = false;
        plan_after_firing(false);
      });
}

void node::plan_after_firing(bool well) {
  if (well && firings_.empty())
    plan_periodic();
  else
    next_periodic_ = std::min(next_periodic_, now() + rules_.poll);
}

void node::has_fired(uint32_t number, bool well) {
  firings_.erase(number);
  plan_after_firing(well);
}

void node::fire(const due_periodic_job& found) {
  auto times = jobs::timetable::make(found.row.when);
  auto due = jobs::decide(*times, as_time(found.row.next_at), as_time(found.now), found.row.missed);
  std::vector<job_terms> works;
  for (auto at : due.fired) {
    auto& work = works.emplace_back(found.row.work);
    work.id = world_.next_job();
    work.run_at = at.time_since_epoch().count();
  }
  ask(
      world_.rows.fire(found, works, due.next->time_since_epoch().count()),
      [this, number = found.row.number, works](int) {
        has_stored(works);
        has_fired(number, true);
      },
      [this, number = found.row.number](request_failure reason) {
        has_fired(number, reason == request_failure::fenced);
      });
}

} // namespace cenote::job_simulation

#include "cenote/error.hpp"
#include "job_queue/queue_state.hpp"
#include "job_queue/refusals.hpp"
#include "jobs/names.hpp"
#include "jobs/periodic.hpp"
#include "log/log.hpp"

#include <chrono>
#include <limits>
#include <utility>

// Jobs that are submitted at certain times, once over all nodes: who changes the next time first submits them.

namespace cenote {

using namespace std::chrono_literals;

namespace {

constexpr auto request_limit = 60s;

/// Of a periodic job that has no next time.
constexpr auto never = std::numeric_limits<int64_t>::max();

int64_t stored(const std::optional<jobs::server_time>& at) {
  return at ? at->time_since_epoch().count() : never;
}

jobs::server_time as_time(int64_t microseconds) {
  return jobs::server_time{std::chrono::microseconds{microseconds}};
}

} // namespace

caf::result<void> queue_state::submit(periodic_job work) {
  auto promise = self->make_response_promise<void>();
  if (auto problem = find_problem(work)) {
    promise.deliver(rejected(errc::invalid_job, std::move(*problem)));
    return promise;
  }
  work.work.id = {}; // Each of its jobs gets one, and a stored one would make it another one at each start.
  ask(
      job_tables::current_time().within(request_limit),
      [this, promise, work](const result& rows) mutable {
        auto times = jobs::timetable::make(work.when);
        if (!times) {
          promise.deliver(rejected(errc::invalid_job, times.error()));
          return;
        }
        auto next = stored(times->next(as_time(rows[0].get<int64_t>(0))));
        ask(
            job_tables::set_periodic(work.name, to_json(work), next).within(request_limit),
            [this, promise](const result&) mutable {
              promise.deliver();
              plan_periodic();
            },
            fail_with(promise));
      },
      fail_with(promise));
  return promise;
}

caf::result<void> queue_state::remove_periodic(const std::string& periodic) {
  auto promise = self->make_response_promise<void>();
  if (auto problem = jobs::find_name_problem("the name of a periodic job", periodic, 64)) {
    promise.deliver(rejected(errc::invalid_job, std::move(*problem)));
    return promise;
  }
  ask(
      job_tables::remove_periodic(periodic).within(request_limit),
      [promise, periodic](const result& changed) mutable {
        if (changed.affected_rows() == 0)
          promise.deliver(rejected(errc::no_such_job, "there is no periodic job " + periodic));
        else
          promise.deliver();
      },
      fail_with(promise));
  return promise;
}

/// Learns when the next one is due; other nodes may have stored some.
void queue_state::plan_periodic() {
  if (!rules.housekeeping)
    return;
  ask(
      job_tables::next_periodic().within(request_limit),
      [this](const result& rows) {
        constexpr duration longest{24h};
        if (auto in = rows[0].get<std::optional<int64_t>>(0))
          next_periodic =
              now()
              + std::clamp<duration>(std::chrono::microseconds{std::min<int64_t>(*in, 86'400'000'000)}, 0ns, longest);
        else
          next_periodic = time_point::max();
      },
      [](const failure&) {});
}

void queue_state::fire_periodic() {
  next_periodic = time_point::max();
  is_firing = true;
  ask(
      job_tables::due_periodic().within(request_limit),
      [this](const result& rows) {
        is_firing = false;
        for (auto& found : job_tables::read_due_periodic(rows))
          if (firings.insert(found.name).second)
            fire(found);
        plan_after_firing(true);
      },
      [this](const failure&) {
        is_firing = false;
        plan_after_firing(false);
      });
}

/// What is due stays so until its firing has ended: until then, and after a failure, it is not asked for at once. A
/// firing that takes long does not keep the others waiting.
void queue_state::plan_after_firing(bool well) {
  if (well && firings.empty())
    plan_periodic();
  else
    next_periodic = std::min(next_periodic, now() + rules.poll);
}

void queue_state::has_fired(const std::string& periodic, bool well) {
  firings.erase(periodic);
  plan_after_firing(well);
}

/// It is tried again, but told of once.
void queue_state::cannot_fire(const std::string& periodic, const std::string& problem) {
  if (unusable_schedules.insert(periodic + ": " + problem).second)
    log().error("jobs: the periodic job {} cannot be fired: {}", periodic, problem);
  has_fired(periodic, false);
}

void queue_state::fire(const job_tables::due_periodic_job& found) {
  periodic_job work;
  std::string problem;
  if (!detail::read_payload(found.work, work, problem)) {
    cannot_fire(found.name, problem);
    return;
  }
  auto times = jobs::timetable::make(work.when);
  if (!times) {
    cannot_fire(found.name, times.error());
    return;
  }
  auto due = jobs::decide(*times, as_time(found.next_at), as_time(found.now), work.missed);
  if (due.dropped > 0)
    log().warn("jobs: {} missed times of the periodic job {} are dropped", due.dropped, found.name);
  std::vector<job> submitted;
  for (auto at : due.fired) {
    auto& copy = submitted.emplace_back(work.work);
    copy.id = make_job_id();
    copy.delay = {};
    copy.run_at = at;
  }
  transaction request{{job_tables::periodic_fence(found.name, found.next_at)}, {}, request_limit, {}};
  std::ranges::move(job_tables::insert_jobs(submitted), std::back_inserter(request.statements));
  request.statements.push_back(job_tables::set_next_time(found.name, stored(due.next)));
  ask(
      std::move(request),
      [this, periodic = found.name, submitted](const std::vector<result>&) {
        has_stored(submitted);
        has_fired(periodic, true);
      },
      // With its fence, another node was faster.
      [this, periodic = found.name](const failure& reason) {
        has_fired(periodic, reason.number == job_tables::fence_error);
      });
}

} // namespace cenote

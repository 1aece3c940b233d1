#include "cenote/error.hpp"
#include "job_queue/queue_state.hpp"
#include "job_queue/refusals.hpp"
#include "jobs/names.hpp"
#include "runtime/liveness.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <stdexcept>

// What callers ask for: jobs to be stored, their states, their ends.

namespace cenote {

using namespace std::chrono_literals;

namespace {

/// Between two looks at jobs whose end somebody awaits; the pause grows to the longer one.
constexpr std::chrono::nanoseconds shortest_await = 50ms;
constexpr std::chrono::nanoseconds longest_await = 1s;

/// Single jobs that are stored by one statement.
constexpr size_t most_single_jobs = 500;

/// Of the statements for one caller.
constexpr auto request_limit = 60s;

caf::error no_such_job(const job_id& id) {
  return rejected(errc::no_such_job, "there is no job " + to_string(id));
}

/// Why a job cannot be stored; gives it an id if it has none.
std::optional<std::string> prepare(job& work) {
  if (!work.id)
    work.id = make_job_id();
  return find_problem(work);
}

std::optional<std::string> prepare(std::vector<job>& works) {
  if (works.size() > job_tables::most_jobs_at_once)
    return std::to_string(works.size()) + " jobs at once; the most is " + std::to_string(job_tables::most_jobs_at_once);
  for (auto& work : works)
    if (auto problem = prepare(work))
      return problem;
  return std::nullopt;
}

/// The jobs that the submitted ones have become: those that hold their unique keys. One that was stored holds its own.
std::vector<job_id> ids_of(const std::vector<job>& works, const result& holders) {
  std::map<std::pair<std::string, std::string>, job_id> by_key;
  for (auto& holder : job_tables::read_holders(holders))
    by_key[{holder.kind, holder.unique_key}] = holder.id;
  std::vector<job_id> out;
  for (auto& work : works) {
    auto found = work.unique_key.empty() ? by_key.end() : by_key.find({work.kind, work.unique_key});
    out.push_back(found == by_key.end() ? work.id : found->second);
  }
  return out;
}

} // namespace

caf::result<job_id> queue_state::submit(job work) {
  auto promise = self->make_response_promise<job_id>();
  if (auto problem = prepare(work)) {
    promise.deliver(rejected(errc::invalid_job, std::move(*problem)));
    return promise;
  }
  submissions.push_back({std::move(work), promise});
  turn([] {});
  return promise;
}

/// Jobs that come in while a statement is under way are stored by the next one.
void queue_state::store_submissions() {
  if (submissions.empty() || is_storing)
    return;
  is_storing = true;
  auto count = std::min(most_single_jobs, submissions.size());
  auto batch = std::make_shared<std::vector<submission>>(std::make_move_iterator(submissions.begin()),
                                                         std::make_move_iterator(submissions.begin() + count));
  submissions.erase(submissions.begin(), submissions.begin() + count);
  std::vector<job> works;
  std::ranges::transform(*batch, std::back_inserter(works), &submission::work);
  store(
      std::move(works),
      [this, batch](std::vector<job_id> ids) {
        is_storing = false;
        for (size_t i = 0; i < ids.size(); ++i)
          (*batch)[i].promise.deliver(ids[i]);
      },
      [this, batch](const failure& reason) {
        is_storing = false;
        if (reason.outcome != outcome::rejected || batch->size() == 1) {
          for (auto& each : *batch)
            each.promise.deliver(make_error(reason));
          return;
        }
        // One of them is refused, which must not be the others' fault.
        for (auto& each : *batch)
          store(
              {each.work}, [promise = each.promise](std::vector<job_id> ids) mutable { promise.deliver(ids.front()); },
              fail_with(each.promise));
      });
}

caf::result<std::vector<job_id>> queue_state::submit(std::vector<job> works) {
  auto promise = self->make_response_promise<std::vector<job_id>>();
  if (works.empty())
    promise.deliver(std::vector<job_id>{});
  else if (auto problem = prepare(works))
    promise.deliver(rejected(errc::invalid_job, std::move(*problem)));
  else
    store(
        std::move(works), [promise](std::vector<job_id> ids) mutable { promise.deliver(std::move(ids)); },
        fail_with(promise));
  return promise;
}

/// Stores valid jobs, all or none.
void queue_state::store(std::vector<job> works, std::function<void(std::vector<job_id>)> stored,
                        std::function<void(const failure&)> failed) {
  transaction request{job_tables::insert_jobs(works), {}, request_limit, {}};
  auto has_keys = std::ranges::any_of(works, [](auto& work) { return !work.unique_key.empty(); });
  if (has_keys)
    request.statements.push_back(job_tables::find_holders(works));
  auto kept = std::make_shared<std::vector<job>>(std::move(works));
  auto has_stored_all = [this, kept, stored](const result& holders) {
    has_stored(*kept);
    stored(ids_of(*kept, holders));
  };
  if (request.statements.size() == 1) // Needs no transaction of its own.
    ask(
        std::move(request.statements.front()).within(request_limit),
        [has_stored_all](const result&) { has_stored_all({}); }, failed);
  else
    ask(
        std::move(request),
        [has_stored_all, has_keys](const std::vector<result>& results) {
          has_stored_all(has_keys ? results.back() : result{});
        },
        failed);
}

caf::result<job_id> queue_state::submit(job_batch batch) {
  auto promise = self->make_response_promise<job_id>();
  auto problem = prepare(batch.jobs);
  if (!problem)
    problem = prepare(batch.then);
  if (!problem && !batch.then.unique_key.empty())
    problem = "job_batch.then cannot have a unique key: it is stored in any case";
  if (problem) {
    promise.deliver(rejected(errc::invalid_job, std::move(*problem)));
    return promise;
  }
  auto stored = std::make_shared<job_batch>(std::move(batch));
  ask(
      transaction{job_tables::insert_jobs(*stored), {}, request_limit, {}},
      [this, promise, stored](const std::vector<result>&) mutable {
        has_stored(stored->jobs);
        promise.deliver(stored->then.id);
      },
      fail_with(promise));
  return promise;
}

// -- single jobs ------------------------------------------------------------------------

caf::result<job_status> queue_state::job_status_of(const job_id& id) {
  auto promise = self->make_response_promise<job_status>();
  ask(
      job_tables::statuses({&id, 1}).within(request_limit),
      [promise, id](const result& rows) mutable {
        auto found = job_tables::read_statuses(rows);
        if (found.empty())
          promise.deliver(no_such_job(id));
        else
          promise.deliver(std::move(found.front()));
      },
      fail_with(promise));
  return promise;
}

caf::result<void> queue_state::cancel(const job_id& id) {
  auto promise = self->make_response_promise<void>();
  ask(
      transaction{job_tables::cancel(id, rules.keep_failed), {}, request_limit, {}},
      [this, promise, id](const std::vector<result>&) mutable {
        if (auto work = attempts.find(id); work != attempts.end())
          is_lost(work->second.key);
        else if (awaiting.contains(id))
          look_at_awaited({id});
        some_may_wait(); // It may have been the last of a batch.
        promise.deliver();
      },
      [promise, id](const failure& reason) mutable {
        if (reason.number == job_tables::fence_error)
          promise.deliver(rejected(errc::no_such_job, "there is no job " + to_string(id) + " that has not ended"));
        else
          promise.deliver(make_error(reason));
      });
  return promise;
}

caf::result<void> queue_state::rerun(const job_id& id) {
  auto promise = self->make_response_promise<void>();
  ask(
      job_tables::rerun(id).within(request_limit),
      [this, promise, id](const result& changed) mutable {
        if (changed.affected_rows() == 0) {
          promise.deliver(rejected(errc::no_such_job, "there is no job " + to_string(id)
                                                          + " that was discarded or cancelled or waits for its time"));
          return;
        }
        some_may_wait();
        promise.deliver();
      },
      fail_with(promise));
  return promise;
}

caf::result<void> queue_state::pause(const std::string& queue_name, bool paused) {
  auto promise = self->make_response_promise<void>();
  if (auto problem = jobs::find_name_problem("queue", queue_name, 64)) {
    promise.deliver(rejected(errc::invalid_job, std::move(*problem)));
    return promise;
  }
  ask(
      job_tables::set_paused(queue_name, paused).within(request_limit),
      [this, promise](const result&) mutable {
        some_may_wait(); // Or may not be begun any more.
        promise.deliver();
      },
      fail_with(promise));
  return promise;
}

// -- ends that are awaited --------------------------------------------------------------

caf::result<job_status> queue_state::await(const job_id& id) {
  auto promise = self->make_response_promise<job_status>();
  awaiting[id].push_back(promise);
  pause_of_awaited = shortest_await;
  next_poll_of_awaited = std::min(next_poll_of_awaited, now() + pause_of_awaited);
  turn([&] { look_at_awaited({id}); });
  return promise;
}

/// Jobs that other nodes do.
void queue_state::poll_awaited() {
  pause_of_awaited = std::min(pause_of_awaited + pause_of_awaited / 2, longest_await);
  next_poll_of_awaited = now() + pause_of_awaited;
  std::vector<job_id> ids;
  for (auto& [id, promises] : awaiting)
    std::erase_if(promises, [](auto& promise) { return !promise.pending() || has_ended(promise.source()); });
  std::erase_if(awaiting, [](const auto& entry) { return entry.second.empty(); });
  for (auto& [id, promises] : awaiting) {
    if (!attempts.contains(id)) // This node's own are answered when they end.
      ids.push_back(id);
    if (ids.size() == 1000)
      break;
  }
  if (!ids.empty())
    look_at_awaited(std::move(ids));
}

void queue_state::look_at_awaited(std::vector<job_id> ids) {
  ask(
      job_tables::states(ids).within(request_limit),
      [this, ids](const result& rows) {
        auto found = states_by_id(rows);
        std::vector<job_id> ended;
        for (auto& id : ids) {
          auto row = found.find(id);
          if (row == found.end())
            answer_awaiting(id, no_such_job(id));
          else if (has_ended(row->second.state))
            ended.push_back(id);
        }
        if (!ended.empty())
          read_ended(std::move(ended));
      },
      [](const failure&) {}); // Asked for again with the next poll.
}

void queue_state::read_ended(std::vector<job_id> ids) {
  // A few at a time: each may have a large payload and a large result.
  constexpr size_t most = 20;
  for (size_t i = 0; i < ids.size(); i += most) {
    auto part = std::span{ids}.subspan(i, std::min(most, ids.size() - i));
    ask(
        job_tables::statuses(part).within(request_limit),
        [this](const result& rows) {
          for (auto& found : job_tables::read_statuses(rows))
            if (has_ended(found.state))
              answer_awaiting(found.id, found);
        },
        [](const failure&) {});
  }
}

template <class Answer>
void queue_state::answer_awaiting(const job_id& id, const Answer& answer) {
  auto found = awaiting.extract(id);
  if (found.empty())
    return;
  for (auto& promise : found.mapped())
    promise.deliver(answer);
}

} // namespace cenote

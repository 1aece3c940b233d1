#include "simulation/jobs/node.hpp"

#include <algorithm>
#include <utility>

// Attempts at jobs. See queue_attempts.cpp.

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr size_t most_plain_ends = 500;
constexpr size_t most_ends_under_way = 16;

} // namespace

node::attempt* node::find(const attempt_key& key) {
  auto found = attempts_.find(key.id);
  return found == attempts_.end() || found->second.key.attempt != key.attempt ? nullptr : &found->second;
}

void node::hand_over(attempt& work) {
  if (!handlers_.contains(work.terms.kind))
    end(work, {job_verdict::snooze, rules_.poll, "its handler has ended"}, {});
  else
    run_handler(work);
}

void node::answered(attempt_key key, handler_answer answer) {
  auto work = find(key);
  if (work == nullptr || work->is_ending)
    return;
  auto how = jobs::decide_end(answer.verdict, std::move(answer.reason), answer.pause, key.attempt, work->max_attempts,
                              work->terms.backoff, random());
  end(*work, std::move(how), std::move(answer));
}

void node::failed(attempt_key key, std::string reason) {
  auto work = find(key);
  if (work != nullptr && !work->is_ending)
    end_as_failed(*work, std::move(reason));
}

void node::end_as_failed(attempt& work, std::string reason) {
  end(work,
      jobs::decide_end(job_verdict::retry, std::move(reason), duration{-1}, work.key.attempt, work.max_attempts,
                       work.terms.backoff, random()),
      {});
}

void node::end(attempt& work, jobs::attempt_end how, handler_answer answer) {
  if (!work.is_ending) {
    leave_handler(work);
    work.is_ending = true;
    ++queues_[work.queue].ending;
  }
  work.how = std::move(how);
  work.answer = std::move(answer);
  store_end(work);
}

void node::store_end(attempt& work) {
  auto& how = work.how;
  if (how.verdict == job_verdict::done && work.answer.wanted.empty() && !work.answer.has_result
      && work.batch == job_no{}) {
    plain_ends_.push_back(work.key);
    return;
  }
  if (how.verdict == job_verdict::stored) {
    resolve_doubts({work.key});
    return;
  }
  ends_.push_back(work.key);
}

void node::store_next_ends() {
  while (!ends_.empty() && ends_under_way_ < most_ends_under_way) {
    auto work = find(ends_.front());
    ends_.pop_front();
    if (work != nullptr && work->is_ending)
      store_now(*work);
  }
}

void node::store_now(attempt& work) {
  auto key = work.key;
  auto verdict = work.how.verdict;
  auto in_batch = (verdict == job_verdict::done || verdict == job_verdict::discard) && work.batch != job_no{};
  ++ends_under_way_;
  ask(
      world_.rows.store_end(key, work.how, verdict == job_verdict::done ? work.answer.wanted : effects{}, work.batch),
      [this, key, verdict, in_batch](int) {
        --ends_under_way_;
        if (in_batch)
          some_may_wait();
        has_ended_as(key, verdict);
      },
      [this, key](request_failure reason) {
        --ends_under_way_;
        end_not_stored(key, reason);
      });
}

void node::store_plain_ends() {
  if (plain_ends_.empty() || is_storing_plain_ends_)
    return;
  is_storing_plain_ends_ = true;
  auto count = static_cast<ptrdiff_t>(std::min(most_plain_ends, plain_ends_.size()));
  std::vector<attempt_key> keys{plain_ends_.begin(), plain_ends_.begin() + count};
  plain_ends_.erase(plain_ends_.begin(), plain_ends_.begin() + count);
  ask(
      world_.rows.finish(keys),
      [this, keys](size_t changed) {
        is_storing_plain_ends_ = false;
        if (changed == keys.size()) {
          for (auto& key : keys)
            has_ended_as(key, job_verdict::done);
          return;
        }
        for (auto& key : keys)
          if (auto work = find(key))
            work->in_doubt = true;
        resolve_doubts(keys);
      },
      [this, keys](request_failure reason) {
        is_storing_plain_ends_ = false;
        for (auto& key : keys)
          end_not_stored(key, reason);
      });
}

void node::end_not_stored(attempt_key key, request_failure reason) {
  auto work = find(key);
  if (work == nullptr)
    return;
  if (reason == request_failure::fenced) {
    if (work->in_doubt)
      resolve_doubts({key});
    else
      is_lost(key);
    return;
  }
  if (reason == request_failure::refused && work->how.verdict == job_verdict::done) {
    end_as_failed(*work, "its effects were refused");
    return;
  }
  work->in_doubt |= reason == request_failure::unknown;
  run_delayed(jobs::pause_before_storing(work->failures++, random()), [this, key] {
    turn([&] {
      auto again = find(key);
      if (again == nullptr)
        return;
      if (again->in_doubt)
        resolve_doubts({key});
      else
        store_end(*again);
    });
  });
}

void node::resolve_doubts(std::vector<attempt_key> keys) {
  std::vector<job_no> ids;
  for (auto& key : keys)
    ids.push_back(key.id);
  ask(
      world_.rows.states(ids),
      [this, keys](const std::vector<state_of_job>& found) {
        for (auto& key : keys) {
          auto work = find(key);
          if (work == nullptr)
            continue;
          auto row = std::ranges::find(found, key.id, &state_of_job::id);
          auto counts = row != found.end() && row->attempt == key.attempt;
          switch (jobs::resolve_doubt(work->how.verdict, counts ? std::optional{row->state} : std::nullopt)) {
          case jobs::end_in_doubt::stored:
            has_ended_as(key, work->how.verdict);
            break;
          case jobs::end_in_doubt::not_stored:
            store_end(*work);
            break;
          case jobs::end_in_doubt::never_stored:
            end_as_failed(*work, "its handler says that it has stored the end of the job, but it has not");
            break;
          case jobs::end_in_doubt::lost:
            is_lost(key);
            break;
          }
        }
      },
      [this, keys](request_failure reason) {
        for (auto& key : keys)
          end_not_stored(key, reason);
      });
}

void node::has_ended_as(attempt_key key, job_verdict verdict) {
  auto work = find(key);
  if (work == nullptr)
    return;
  auto& queue = queues_[work->queue];
  if (!world_.claims.has_ended_by(key))
    world_.log.object(name_ + " takes an end of " + name_of(key.id) + " for stored that was not");
  queue.pace.job_ended(now());
  switch (verdict) {
  case job_verdict::done:
    has_stored_effects(work->answer.wanted.follow_up);
    break;
  case job_verdict::stored:
    some_may_wait();
    break;
  case job_verdict::retry:
  case job_verdict::snooze:
    queue.pace.note_due(now() + work->how.pause);
    break;
  case job_verdict::discard:
    break;
  }
  forget(*work);
}

void node::is_superseded(const attempt& work) {
  auto verdict = work.how.verdict;
  if (work.is_ending && (verdict == job_verdict::retry || verdict == job_verdict::snooze))
    has_ended_as(work.key, verdict);
  else
    is_lost(work.key);
}

void node::is_lost(attempt_key key) {
  auto work = find(key);
  if (work == nullptr)
    return;
  step("loses " + name_of(key.id));
  check_loss(*work);
  forget(*work);
}

/// For the claims: whether what the table says is a reason to lose an attempt.
void node::check_loss(const attempt& work) {
  auto found = world_.rows.rows().find(work.key.id);
  if (found == world_.rows.rows().end() || found->second.attempt != work.key.attempt || !lease_.is_valid(now()))
    return;
  auto& row = found->second;
  if (row.state == job_state::running && row.node == known_as_)
    world_.log.object(name_ + " gives up an attempt that still counts");
  if (row.state == job_state::done && work.is_ending && work.how.verdict == job_verdict::done)
    world_.log.object(name_ + " takes an end for lost that was stored");
}

void node::leave_handler(const attempt& work) {
  deadlines_.erase({work.deadline, work.key.id});
  --queues_[work.queue].running;
}

void node::forget(attempt& work) {
  if (work.is_ending)
    --queues_[work.queue].ending;
  else
    leave_handler(work);
  attempts_.erase(work.key.id);
}

void node::pass_deadlines() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now())
    failed(attempts_.at(deadlines_.begin()->second).key, "its handler did not answer within the job's time limit");
}

void node::check_attempts() {
  next_check_ = now() + rules_.poll;
  std::vector<attempt_key> keys;
  std::vector<job_no> ids;
  for (auto& [id, work] : attempts_)
    if (!work.is_ending && work.begun + rules_.poll / 2 < now()) {
      keys.push_back(work.key);
      ids.push_back(id);
    }
  if (keys.empty())
    return;
  is_checking_ = true;
  auto request = world_.rows.states(ids);
  request.sent.limit = 30s;
  ask(
      std::move(request),
      [this, keys](const std::vector<state_of_job>& found) {
        is_checking_ = false;
        for (auto& key : keys) {
          auto work = find(key);
          auto row = std::ranges::find(found, key.id, &state_of_job::id);
          auto counts = row != found.end() && row->attempt == key.attempt && row->state == job_state::running;
          if (work != nullptr && !work->is_ending && !counts)
            is_lost(key);
        }
      },
      [this](request_failure) { is_checking_ = false; });
}

} // namespace cenote::job_simulation

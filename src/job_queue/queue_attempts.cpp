#include "cenote/error.hpp"
#include "job_queue/queue_state.hpp"
#include "log/log.hpp"

#include <caf/mailbox_element.hpp>

#include <algorithm>
#include <iterator>

// Attempts at jobs: from the handler's request to the moment their end is stored.

namespace cenote {

using namespace std::chrono_literals;

namespace {

/// So many ends without effects are stored by one statement.
constexpr size_t most_plain_ends = 500;

/// Of the result that those who await a job get.
constexpr size_t most_result_bytes = 1u << 20;

/// So many ends with effects are stored at a time; the others wait here. In the pool, the renewal of the lease would
/// have to wait behind all of them, and be late.
constexpr size_t most_ends_under_way = 16;

/// Of the statements by which the end of an attempt is stored.
constexpr auto end_limit = 60s;

/// Whether the server, or cenote, refuses what was to be stored, so that trying again gives the same.
bool is_refused(const failure& reason) {
  return reason.outcome == outcome::rejected && reason.code != errc::login_refused
         && reason.code != errc::session_ended;
}

} // namespace

queue_state::states queue_state::states_by_id(const result& rows) {
  states out;
  for (auto& row : job_tables::read_states(rows))
    out.emplace(row.id, row);
  return out;
}

queue_state::attempt* queue_state::find(const job_tables::attempt_key& key) {
  auto found = attempts.find(key.id);
  return found == attempts.end() || found->second.key.attempt != key.attempt ? nullptr : &found->second;
}

/// Asks the handler. Its payload is known to this process only, so the message is made without its type.
void queue_state::hand_over(attempt& work, std::string_view payload) {
  auto key = work.key;
  auto found = handlers.find(work.kind);
  if (found == handlers.end()) { // It has ended while the claim was under way.
    end(work, {job_verdict::snooze, rules.poll, "its handler has ended"}, {});
    return;
  }
  auto& entry = *found->second;
  job_context context;
  context.id = key.id;
  context.kind = work.kind;
  context.queue = queues[work.queue].settings.name;
  context.attempt = key.attempt;
  context.max_attempts = work.max_attempts;
  context.deadline = std::chrono::system_clock::now()
                     + std::chrono::duration_cast<std::chrono::system_clock::duration>(work.deadline - work.begun);
  context.stop = work.stop.get_token();
  context.batch = work.batch;
  context.keep_done = rules.keep_done;
  caf::message request;
  std::string problem;
  if (!entry.read(payload, std::move(context), request, problem)) {
    failed(key, std::move(problem));
    return;
  }
  auto id = self->new_request_id(caf::message_priority::normal);
  auto receiver = caf::actor_cast<caf::strong_actor_ptr>(entry.handler);
  receiver->enqueue(caf::make_mailbox_element(self->ctrl(), id, {}, std::move(request)), self->context());
  self->add_multiplexed_response_handler(
      id.response_id(),
      caf::behavior{
          [this, key](job_answer& answer) { turn([&] { answered(key, std::move(answer)); }); },
          [this, key](caf::error& error) { turn([&] { failed(key, "its handler failed: " + to_string(error)); }); }});
}

void queue_state::answered(job_tables::attempt_key key, job_answer answer) {
  auto work = find(key);
  if (work == nullptr || work->is_ending)
    return; // Too late.
  if (answer.result.size() > most_result_bytes) {
    failed(key, "its result has " + std::to_string(answer.result.size()) + " bytes; the most is "
                    + std::to_string(most_result_bytes));
    return;
  }
  auto how = jobs::decide_end(answer.verdict, std::move(answer.reason), answer.pause, key.attempt, work->max_attempts,
                              work->backoff, random());
  end(*work, std::move(how), std::move(answer));
}

/// The attempt has failed without an answer of its handler.
void queue_state::failed(job_tables::attempt_key key, std::string reason) {
  auto work = find(key);
  if (work != nullptr && !work->is_ending)
    end_as_failed(*work, std::move(reason));
}

/// Also after an answer of its handler that cannot be stored.
void queue_state::end_as_failed(attempt& work, std::string reason) {
  end(work,
      jobs::decide_end(job_verdict::retry, std::move(reason), duration{-1}, work.key.attempt, work.max_attempts,
                       work.backoff, random()),
      {});
}

void queue_state::end(attempt& work, jobs::attempt_end how, job_answer answer) {
  if (!work.is_ending) {
    leave_handler(work);
    work.is_ending = true;
    ++queues[work.queue].ending;
  }
  progress.erase(work.key.id);
  work.how = std::move(how);
  work.answer = std::move(answer);
  store_end(work);
}

/// Has the end stored, as soon as there is room for it.
void queue_state::store_end(attempt& work) {
  auto& key = work.key;
  auto& how = work.how;
  if (how.verdict == job_verdict::done && work.answer.effects.empty() && work.answer.result.empty() && !work.batch) {
    plain_ends.push_back(key);
    return;
  }
  if (how.verdict == job_verdict::stored) {
    resolve_doubts({key});
    return;
  }
  ends.push_back(key);
}

void queue_state::store_next_ends() {
  while (!ends.empty() && ends_under_way < most_ends_under_way) {
    auto work = find(ends.front());
    ends.pop_front();
    if (work != nullptr && work->is_ending) // It may have been lost meanwhile.
      store_now(*work);
  }
}

/// Stores the end together with the effects. Whether the attempt still counts is checked in the same transaction.
void queue_state::store_now(attempt& work) {
  auto& key = work.key;
  auto& how = work.how;
  transaction request{{job_tables::fence(key)}, {}, end_limit, {}};
  auto& statements = request.statements;
  auto has_ended = true;
  switch (how.verdict) {
  case job_verdict::done:
    std::ranges::copy(work.answer.effects, std::back_inserter(statements));
    statements.push_back(job_tables::finish(key, work.answer.result, rules.keep_done));
    break;
  case job_verdict::stored: // See above.
    break;
  case job_verdict::discard:
    statements.push_back(job_tables::discard(key, how.reason, rules.keep_failed));
    break;
  case job_verdict::retry:
    statements.push_back(job_tables::retry(key, how.pause, how.reason));
    has_ended = false;
    break;
  case job_verdict::snooze:
    statements.push_back(job_tables::snooze(key, how.pause, how.reason));
    has_ended = false;
    break;
  }
  if (has_ended)
    std::ranges::move(job_tables::end_in_batch(work.batch), std::back_inserter(statements));
  ++ends_under_way;
  ask(
      std::move(request),
      [this, key, verdict = how.verdict, in_batch = has_ended && work.batch](const std::vector<result>& results) {
        --ends_under_way;
        if (in_batch && results.back().affected_rows() > 0)
          some_may_wait(); // What the batch was for.
        has_ended_as(key, verdict);
      },
      [this, key](const failure& reason) {
        --ends_under_way;
        end_not_stored(key, reason);
      });
}

/// Those that come in while a statement is under way go with the next one.
void queue_state::store_plain_ends() {
  if (plain_ends.empty() || is_storing_plain_ends)
    return;
  is_storing_plain_ends = true;
  auto count = std::min(most_plain_ends, plain_ends.size());
  std::vector<job_tables::attempt_key> keys{plain_ends.begin(), plain_ends.begin() + static_cast<ptrdiff_t>(count)};
  plain_ends.erase(plain_ends.begin(), plain_ends.begin() + static_cast<ptrdiff_t>(count));
  // Two that change the same rows in different order would block each other.
  std::ranges::sort(keys, {}, &job_tables::attempt_key::id);
  auto request = job_tables::finish(keys, rules.keep_done).within(end_limit);
  ask(
      std::move(request),
      [this, keys](const result& changed) {
        is_storing_plain_ends = false;
        if (changed.affected_rows() == keys.size()) {
          for (auto& key : keys)
            has_ended_as(key, job_verdict::done);
          return;
        }
        for (auto& key : keys) // Some were lost: which ones, the table tells.
          if (auto work = find(key))
            work->in_doubt = true;
        resolve_doubts(keys);
      },
      [this, keys](const failure& reason) {
        is_storing_plain_ends = false;
        for (auto& key : keys)
          end_not_stored(key, reason);
      });
}

void queue_state::end_not_stored(job_tables::attempt_key key, const failure& reason) {
  auto work = find(key);
  if (work == nullptr)
    return;
  if (reason.number == job_tables::fence_error && reason.statement_index.value_or(0) == 0) {
    if (work->in_doubt)
      resolve_doubts({key});
    else
      is_lost(key);
    return;
  }
  if (is_refused(reason) && work->how.verdict == job_verdict::done) {
    // What the handler wants does not work: its attempt has failed.
    end_as_failed(*work, "its effects were refused: " + to_string(reason));
    return;
  }
  work->in_doubt |= reason.outcome == outcome::unknown;
  self->run_delayed(jobs::pause_before_storing(work->failures++, random()), [this, key] {
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

/// Asks the table how attempts have ended whose end may or may not have been stored.
void queue_state::resolve_doubts(std::vector<job_tables::attempt_key> keys) {
  std::vector<job_id> ids;
  for (auto& key : keys)
    ids.push_back(key.id);
  ask(
      job_tables::states(ids).within(30s),
      [this, keys](const result& rows) {
        auto found = states_by_id(rows);
        for (auto& key : keys) {
          auto work = find(key);
          if (work == nullptr)
            continue;
          auto row = found.find(key.id);
          auto counts = row != found.end() && row->second.attempt == key.attempt;
          switch (jobs::resolve_doubt(work->how.verdict, counts ? std::optional{row->second.state} : std::nullopt)) {
          case jobs::end_in_doubt::stored:
            has_ended_as(key, work->how.verdict);
            break;
          case jobs::end_in_doubt::not_stored:
            // If the earlier transaction still commits, the fence waits for it, and tells.
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
      [this, keys](const failure& reason) {
        for (auto& key : keys)
          end_not_stored(key, reason);
      });
}

void queue_state::has_ended_as(job_tables::attempt_key key, job_verdict verdict) {
  auto work = find(key);
  if (work == nullptr)
    return;
  auto& queue = queues[work->queue];
  queue.pace.job_ended(now());
  switch (verdict) {
  case job_verdict::done:
    ++counters.done;
    has_stored(work->answer.effects);
    break;
  case job_verdict::stored:
    ++counters.done;
    some_may_wait(); // The handler may have stored any.
    break;
  case job_verdict::retry:
    ++counters.retried;
    queue.pace.note_due(now() + work->how.pause);
    log().debug("jobs: {} {} is tried again in {} ms: {}", work->kind, to_string(key.id),
                std::chrono::duration_cast<std::chrono::milliseconds>(work->how.pause).count(), work->how.reason);
    break;
  case job_verdict::snooze:
    ++counters.snoozed;
    queue.pace.note_due(now() + work->how.pause);
    break;
  case job_verdict::discard:
    ++counters.discarded;
    log().warn("jobs: {} {} is discarded: {}", work->kind, to_string(key.id), work->how.reason);
    break;
  }
  forget(*work);
  if (verdict != job_verdict::retry && verdict != job_verdict::snooze)
    if (awaiting.contains(key.id))
      look_at_awaited({key.id});
}

/// This node has the job again before it has learnt how the attempt before has ended: if another one was to follow,
/// that had been stored.
void queue_state::is_superseded(const attempt& work) {
  auto verdict = work.how.verdict;
  if (work.is_ending && (verdict == job_verdict::retry || verdict == job_verdict::snooze))
    has_ended_as(work.key, verdict);
  else
    is_lost(work.key);
}

/// The attempt does not count any more: the job was cancelled, or others have it.
void queue_state::is_lost(job_tables::attempt_key key) {
  auto work = find(key);
  if (work == nullptr)
    return;
  ++counters.lost;
  if (!work->is_ending)
    work->stop.request_stop();
  forget(*work);
  if (awaiting.contains(key.id))
    look_at_awaited({key.id});
}

/// Its handler's answer is not waited for any more.
void queue_state::leave_handler(const attempt& work) {
  deadlines.erase({work.deadline, work.key.id});
  --queues[work.queue].running;
}

void queue_state::forget(attempt& work) {
  if (work.is_ending)
    --queues[work.queue].ending;
  else
    leave_handler(work);
  progress.erase(work.key.id);
  attempts.erase(work.key.id);
}

void queue_state::pass_deadlines() {
  while (!deadlines.empty() && deadlines.begin()->first <= now()) {
    auto id = deadlines.begin()->second;
    auto& work = attempts.at(id);
    work.stop.request_stop();
    auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(work.deadline - work.begun);
    failed(work.key,
           "its handler did not answer within the job's time limit of " + std::to_string(limit.count()) + " ms");
  }
}

/// Whether attempts that take long still count; stores how far they are.
void queue_state::check_attempts() {
  next_check = now() + rules.poll;
  std::vector<job_tables::attempt_key> keys;
  transaction request{{}, {}, 30s, {}};
  std::vector<job_id> ids;
  for (auto& [id, work] : attempts)
    if (!work.is_ending && work.begun + rules.poll / 2 < now()) {
      keys.push_back(work.key);
      ids.push_back(id);
    }
  if (keys.empty())
    return;
  for (auto& [id, per_mille] : std::exchange(progress, {}))
    if (auto work = attempts.find(id); work != attempts.end())
      request.statements.push_back(job_tables::set_progress(work->second.key, per_mille));
  request.statements.push_back(job_tables::states(ids));
  is_checking = true;
  ask(
      std::move(request),
      [this, keys](const std::vector<result>& results) {
        is_checking = false;
        auto found = states_by_id(results.back());
        for (auto& key : keys) {
          auto work = find(key);
          auto row = found.find(key.id);
          auto counts =
              row != found.end() && row->second.attempt == key.attempt && row->second.state == job_state::running;
          if (work != nullptr && !work->is_ending && !counts)
            is_lost(key);
        }
      },
      [this](const failure&) { is_checking = false; });
}

void queue_state::set_progress(const job_id& id, uint32_t per_mille) {
  if (auto work = attempts.find(id); work != attempts.end() && !work->second.is_ending)
    progress[id] = std::min(per_mille, 1000u);
}

} // namespace cenote

#include "job_queue/queue_state.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <iterator>

// What one node does for all: gives the jobs of silent nodes to others, removes what is old.

namespace cenote {

using namespace std::chrono_literals;

namespace {

/// Old jobs are looked for in one round out of so many, and again at once while there are many.
constexpr unsigned rounds_between_removals = 12;
constexpr size_t most_removed = 1000;

constexpr auto statement_limit = 30s;

} // namespace

void queue_state::keep_house() {
  // Nodes that began together do not do this together.
  next_housekeeping = now() + std::chrono::duration_cast<duration>(rules.lease / 3 * (0.75 + random() / 2));
  plan_periodic();
  if (!lease.may_judge_others(now()))
    return;
  is_keeping_house = true;
  auto done = [this] { is_keeping_house = false; };
  ask(
      job_tables::abandoned().within(statement_limit),
      [this, done](const result& rows) {
        done();
        give_to_others(job_tables::read_abandoned(rows));
      },
      [done](const failure&) { done(); });
  if (rounds_of_housekeeping++ % rounds_between_removals == 0)
    remove_old();
}

/// An attempt whose worker is lost has failed.
void queue_state::give_to_others(const std::vector<job_tables::abandoned_job>& jobs) {
  for (auto& found : jobs) {
    job_tables::attempt_key key{found.id, found.attempt};
    auto how = jobs::decide_end(job_verdict::retry, "its worker " + found.node + " was lost", duration{-1}, key.attempt,
                                found.max_attempts, found.backoff, random());
    transaction request{{job_tables::fence_of_others(key)}, {}, statement_limit, {}};
    if (how.verdict == job_verdict::discard) {
      request.statements.push_back(job_tables::discard(key, how.reason, rules.keep_failed));
      std::ranges::move(job_tables::end_in_batch(found.batch), std::back_inserter(request.statements));
    } else {
      request.statements.push_back(job_tables::retry(key, how.pause, how.reason));
    }
    ask(
        std::move(request),
        [this, found, how](const std::vector<result>&) {
          log().warn("jobs: {}: {}", to_string(found.id), how.reason);
          for (auto& queue : queues)
            queue.pace.note_due(now() + how.pause);
          notify_others({});
        },
        [](const failure&) {}); // Found again in the next round, unless its worker was there after all.
  }
}

void queue_state::remove_old() {
  ask(
      job_tables::queues_and_kinds().within(statement_limit),
      [this](const result& rows) {
        for (auto& pair : job_tables::read_queues_and_kinds(rows)) {
          remove_old(pair, job_state::done, rules.keep_done);
          remove_old(pair, job_state::discarded, rules.keep_failed);
          remove_old(pair, job_state::cancelled, rules.keep_failed);
        }
      },
      [](const failure&) {});
  ask(
      job_tables::forget_silent_nodes().within(statement_limit), [](const result&) {}, [](const failure&) {});
  ask(
      job_tables::remove_old_batches().within(statement_limit), [](const result&) {}, [](const failure&) {});
}

void queue_state::remove_old(const job_tables::queue_and_kind& of, job_state state, duration keep) {
  ask(
      transaction{job_tables::remove_old(of.queue, of.kind, state, keep),
                  {isolation::read_committed, false},
                  statement_limit,
                  {}},
      [this, of, state, keep](const std::vector<result>& changed) {
        auto removed = changed.back().affected_rows();
        if (removed > 0)
          log().debug("jobs: removed {} old jobs of {} in {}", removed, of.kind, of.queue);
        if (removed >= most_removed && !is_leaving)
          remove_old(of, state, keep);
      },
      [](const failure&) {});
}

} // namespace cenote

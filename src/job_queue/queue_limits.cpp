#include "job_queue/queue_state.hpp"
#include "jobs/claim_limits.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

// Claims of queues with limits over all nodes: what runs and what has begun is read first; the claim itself fails if
// another node has claimed meanwhile.

namespace cenote {

using namespace std::chrono_literals;

namespace {

/// Kinds that are claimed together: all without limits of their own, or one with limits.
std::vector<std::vector<std::string>> groups_of(const std::vector<std::string>& kinds,
                                                const queue_state::limits_of_queue& limits) {
  std::vector<std::vector<std::string>> groups;
  std::vector<std::string> free;
  for (auto& kind : kinds) {
    if (limits.limits_kind(kind))
      groups.push_back({kind});
    else
      free.push_back(kind);
  }
  if (!free.empty())
    groups.push_back(std::move(free));
  return groups;
}

} // namespace

const job_tables::limit_row* queue_state::limits_of_queue::row_of(std::string_view kind) const {
  auto found = std::ranges::find(rows, kind, &job_tables::limit_row::kind);
  return found == rows.end() ? nullptr : &*found;
}

bool queue_state::limits_of_queue::limits_kind(std::string_view kind) const {
  auto row = row_of(kind);
  return row != nullptr && (row->max_running > 0 || row->per_second > 0);
}

jobs::limit_in_force queue_state::limits_of_queue::in_force(std::string_view kind) const {
  jobs::limit_in_force out;
  if (auto row = row_of(kind))
    out = {row->max_running, 0, row->per_second, row->next_at};
  for (auto& x : running)
    if (kind.empty() || x.kind == kind)
      out.running += x.running;
  return out;
}

void queue_state::claim_within_limits(queue_of_node& queue, bool some_are_due) {
  transaction look{{job_tables::limits(queue.settings.name), job_tables::count_running(queue.settings.name)},
                   {isolation::read_committed, true},
                   30s,
                   {}};
  ask(
      std::move(look),
      [this, &queue, some_are_due](const std::vector<result>& results) {
        claim_group(queue, {job_tables::read_limits(results[0]), job_tables::read_running(results[1])}, some_are_due);
      },
      [this, &queue](const failure&) { claim_later(queue, rules.poll); });
}

void queue_state::claim_later(queue_of_node& queue, duration pause) {
  queue.pace.failed(pause, now());
  queue.pace.wake();
}

/// One group of kinds after the other, so that a limit of one does not keep the others waiting.
void queue_state::claim_group(queue_of_node& queue, const limits_of_queue& limits, bool some_are_due) {
  auto whole = limits.row_of("");
  queue.has_limits = whole != nullptr;
  if (whole == nullptr || kinds.empty()) {
    claim_later(queue, 0ns); // There are none any more: an ordinary claim.
    return;
  }
  auto wanted = static_cast<uint32_t>(std::min<size_t>(100, queue.pace.free_places(queue.occupied())));
  auto groups = groups_of(kinds, limits);
  auto& group = groups[queue.next_group++ % groups.size()];
  auto limited_kind = limits.limits_kind(group.front()) ? group.front() : std::string{};
  auto allowed = jobs::allowance_of(limits.in_force(""), whole->now, wanted);
  if (allowed.count > 0 && !limited_kind.empty())
    allowed = jobs::allowance_of(limits.in_force(limited_kind), whole->now, allowed.count);
  if (allowed.count == 0) {
    group_is_empty(queue, groups.size(), allowed.wait.count() > 0 ? duration{allowed.wait} : rules.poll / 4);
    return;
  }
  auto order = make_order(queue, group, allowed.count, some_are_due);
  transaction request{
      {job_tables::limits_fence(order.queue, whole->version)}, {isolation::read_committed, false}, 30s, 0};
  std::ranges::move(job_tables::claim(order), std::back_inserter(request.statements));
  auto position_of_claimed = request.statements.size() - 1;
  for (auto kind : {std::string{}, limited_kind})
    if (auto row = limits.row_of(kind); row != nullptr && row->per_second > 0 && (kind.empty() || kind == limited_kind))
      request.statements.push_back(job_tables::note_begun(order, kind, row->now, jobs::interval_of(row->per_second)));
  request.statements.push_back(job_tables::note_claim(order.queue));
  ask(
      std::move(request),
      [this, &queue, asked = order.count, position_of_claimed,
       groups = groups.size()](const std::vector<result>& results) {
        auto jobs = job_tables::read_claimed(results[position_of_claimed]);
        if (jobs.empty()) {
          group_is_empty(queue, groups, duration{0});
        } else {
          queue.empty_groups = 0;
          queue.pace.claimed(asked, asked, random(), now()); // Other kinds may wait.
        }
        begin(queue, std::move(jobs));
      },
      [this, &queue, order](const failure& reason) {
        // Another claim came before.
        if (reason.number == job_tables::fence_error)
          claim_later(queue, std::chrono::duration_cast<duration>(10ms * random()));
        else
          claim_has_failed(queue, order, reason);
      });
}

/// @param pause if a limit is the reason: when it may allow more.
void queue_state::group_is_empty(queue_of_node& queue, size_t groups, duration pause) {
  queue.pause_of_limits = pause > duration{0} && queue.pause_of_limits > duration{0}
                              ? std::min(pause, queue.pause_of_limits)
                              : std::max(pause, queue.pause_of_limits);
  if (++queue.empty_groups < groups) {
    queue.pace.claimed(1, 1, random(), now());
    return;
  }
  queue.empty_groups = 0;
  if (auto limited = std::exchange(queue.pause_of_limits, duration{0}); limited > duration{0})
    claim_later(queue, limited);
  else
    queue.pace.claimed(0, 1, random(), now());
}

} // namespace cenote

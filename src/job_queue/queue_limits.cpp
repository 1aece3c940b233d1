#include "job_queue/queue_state.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

// Claims of queues with limits over all nodes: what runs and what has begun is read first; the claim itself fails if
// another node has claimed meanwhile.

namespace cenote {

using namespace std::chrono_literals;

namespace {

jobs::limits_of_queue limits_in(const std::vector<job_tables::limit_row>& rows,
                                const std::vector<job_tables::running_of_kind>& running) {
  jobs::limits_of_queue out;
  for (auto& row : rows)
    out.limits.push_back({row.kind, row.max_running, row.per_second, row.next_at});
  for (auto& each : running)
    out.running.push_back({each.kind, each.running});
  return out;
}

} // namespace

void queue_state::claim_within_limits(queue_of_node& queue) {
  transaction look{{job_tables::limits(queue.settings.name), job_tables::count_running(queue.settings.name)},
                   {isolation::read_committed, true},
                   30s,
                   {}};
  ask(
      std::move(look),
      [this, &queue](const std::vector<result>& results) {
        claim_group(queue, job_tables::read_limits(results[0]), job_tables::read_running(results[1]));
      },
      [this, &queue](const failure&) { claim_later(queue, rules.poll); });
}

void queue_state::claim_later(queue_of_node& queue, duration pause) {
  queue.pace.failed(pause, now());
  queue.pace.wake();
}

void queue_state::claim_group(queue_of_node& queue, const std::vector<job_tables::limit_row>& rows,
                              const std::vector<job_tables::running_of_kind>& running) {
  auto whole = std::ranges::find(rows, "", &job_tables::limit_row::kind);
  queue.has_limits = whole != rows.end();
  if (!queue.has_limits || kinds.empty()) {
    claim_later(queue, 0ns); // There are none any more: an ordinary claim.
    return;
  }
  auto limits = limits_in(rows, running);
  auto wanted = static_cast<uint32_t>(std::min<size_t>(100, queue.pace.free_places(queue.occupied())));
  auto groups = limits.groups_of(kinds);
  auto& group = groups[queue.turns.next(groups.size())];
  auto allowed = limits.allowed(group, whole->now, wanted);
  if (allowed.count == 0) {
    group_is_empty(queue, groups.size(), allowed.wait.count() > 0 ? duration{allowed.wait} : rules.poll / 4);
    return;
  }
  // Whether a due job is of this group, or when its turn comes, nobody knows.
  auto order = make_order(queue, group, allowed.count, true);
  order.within_limits = true;
  transaction request{
      {job_tables::limits_fence(order.queue, whole->version)}, {isolation::read_committed, false}, 30s, 0};
  std::ranges::move(job_tables::claim(order), std::back_inserter(request.statements));
  auto position_of_claimed = request.statements.size() - 1;
  auto note_rate = [&](std::string_view kind) {
    if (auto limit = limits.find(kind); limit != nullptr && limit->per_second > 0)
      request.statements.push_back(job_tables::note_begun(order, kind, jobs::interval_of(limit->per_second)));
  };
  note_rate("");
  if (limits.limits_kind(group.front()))
    note_rate(group.front());
  request.statements.push_back(job_tables::note_claim(order.queue));
  ask(
      std::move(request),
      [this, &queue, asked = order.count, position_of_claimed,
       groups = groups.size()](const std::vector<result>& results) {
        auto jobs = job_tables::read_claimed(results[position_of_claimed]);
        if (jobs.empty()) {
          group_is_empty(queue, groups, duration{0});
        } else {
          queue.turns.found();
          queue.pace.claimed(asked, asked, random(), now()); // Other kinds may wait.
        }
        begin(queue, std::move(jobs));
      },
      [this, &queue, order](const failure& reason) {
        // Another claim came before.
        if (reason.number == job_tables::fence_error) {
          queue.turns.again();
          claim_later(queue, std::chrono::duration_cast<duration>(10ms * random()));
        } else {
          claim_has_failed(queue, order, reason);
        }
      });
}

/// @param pause if a limit is the reason: when it may allow more.
void queue_state::group_is_empty(queue_of_node& queue, size_t groups, duration pause) {
  auto again = queue.turns.is_empty(groups, pause);
  if (!again)
    queue.pace.claimed(1, 1, random(), now());
  else if (*again > duration{0})
    queue.pace.limited(*again, now());
  else
    queue.pace.claimed(0, 1, random(), now());
}

} // namespace cenote

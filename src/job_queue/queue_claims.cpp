#include "job_queue/node_name.hpp"
#include "job_queue/queue_state.hpp"
#include "log/log.hpp"
#include "runtime/liveness.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

// Leases, handlers, and the search for jobs.

namespace cenote {

using namespace std::chrono_literals;

namespace {

/// In one claim, at most.
constexpr size_t most_claimed = 500;

transaction in_one_round_trip(std::vector<statement> statements) {
  // Under REPEATABLE READ a claim would lock the gaps between the jobs, and submissions would wait for it.
  return {std::move(statements), {isolation::read_committed, false}, 30s, 0};
}

} // namespace

// -- lease ------------------------------------------------------------------------------

/// The next registration is that of another node, as far as the tables are concerned.
void queue_state::give_up_identity() {
  node = make_node_name(rules.node);
  is_registered = false;
}

void queue_state::renew_lease() {
  if (!is_registered) {
    register_node();
    return;
  }
  lease.asked(now());
  ask(
      // One that takes longer keeps the next one waiting, of which more is left.
      job_tables::renew_lease(node, rules.lease).within(rules.lease / 2),
      [this](const result& changed) {
        if (changed.affected_rows() > 0) {
          lease.renewed();
          return;
        }
        ++counters.leases_lost;
        log().warn("jobs: {} was silent for longer than its lease; others have its {} jobs now", node, attempts.size());
        lease.lost(now());
        while (!attempts.empty())
          is_lost(attempts.begin()->second.key);
        give_up_identity();
      },
      [this](const failure&) { lease.failed(now()); });
}

void queue_state::register_node() {
  lease.asked(now());
  transaction request{{job_tables::register_node(node, rules.lease)}, {}, 30s, {}};
  for (auto& queue : queues)
    std::ranges::move(job_tables::set_limits(queue.settings), std::back_inserter(request.statements));
  ask(
      std::move(request),
      [this](const std::vector<result>&) {
        is_registered = true;
        lease.renewed();
        wake_all();
      },
      [this](const failure&) { lease.failed(now()); });
}

// -- handlers ---------------------------------------------------------------------------

void queue_state::add_handler(const std::shared_ptr<const job_handler_entry>& entry) {
  if (!entry || !entry->handler || entry->kind.empty())
    return;
  auto& slot = handlers[entry->kind];
  self->monitor(entry->handler);
  slot = entry;
  list_kinds();
  wake_all();
}

/// Its jobs are left to others. Requests that it had are answered by CAF.
void queue_state::handler_has_ended(const caf::actor_addr& handler) {
  std::erase_if(handlers, [&](auto& entry) {
    if (entry.second->handler.address() != handler)
      return false;
    if (!drain_until)
      log().warn("jobs: the handler of {} has ended: {} leaves these jobs to other nodes", entry.first, node);
    return true;
  });
  list_kinds();
}

void queue_state::list_kinds() {
  kinds.clear();
  for (auto& [kind, entry] : handlers)
    kinds.push_back(kind);
}

// -- claims -----------------------------------------------------------------------------

void queue_state::work_on(queue_of_node& queue) {
  switch (queue.pace.next(queue.occupied(), now())) {
  case jobs::pace_step::nothing:
    break;
  case jobs::pace_step::look:
    look(queue);
    break;
  case jobs::pace_step::claim:
    claim(queue, false);
    break;
  case jobs::pace_step::claim_due:
    claim(queue, true);
    break;
  }
}

void queue_state::look(queue_of_node& queue) {
  ask(
      job_tables::look(queue.settings.name, kinds).within(30s),
      [this, &queue](const result& rows) {
        auto seen = job_tables::read_outlook(rows);
        queue.has_limits = seen.has_limits;
        if (seen.paused)
          queue.pace.looked(false, std::nullopt, random(), now());
        else
          queue.pace.looked(seen.waits, seen.due_in, random(), now());
      },
      [this, &queue](const failure&) { queue.pace.failed(rules.poll, now()); });
}

void queue_state::claim(queue_of_node& queue, bool some_are_due) {
  if (queue.has_limits || !queue.settings.limits.empty()) {
    claim_within_limits(queue);
    return;
  }
  auto order = make_order(queue, kinds, queue.pace.free_places(queue.occupied()), some_are_due);
  ask(
      in_one_round_trip(job_tables::claim(order)),
      [this, &queue, asked = order.count](const std::vector<result>& results) {
        auto jobs = job_tables::read_claimed(results.back());
        queue.pace.claimed(jobs.size(), asked, random(), now());
        begin(queue, std::move(jobs));
      },
      [this, &queue, order](const failure& reason) { claim_has_failed(queue, order, reason); });
}

void queue_state::claim_has_failed(queue_of_node& queue, const job_tables::claim_order& order, const failure& reason) {
  queue.pace.failed(rules.poll, now());
  queue.pace.wake();
  if (reason.outcome == outcome::unknown)
    find_again(order, queue.index, 0);
}

/// A claim may have been made though its answer was lost, even some time later: its jobs are looked for more than once.
void queue_state::find_again(const job_tables::claim_order& order, size_t queue, unsigned tries) {
  constexpr unsigned most_tries = 4;
  auto pause = tries == 0 ? duration{0} : rules.lease / 3;
  self->run_delayed(pause, [this, order, queue, tries] {
    turn([&] {
      if (order.node != node)
        return; // Others will find them.
      ask(
          job_tables::claimed(order).within(30s),
          [this, order, queue, tries](const result& rows) {
            begin(queues[queue], job_tables::read_claimed(rows));
            if (tries + 1 < most_tries)
              find_again(order, queue, tries + 1);
          },
          [this, order, queue, tries](const failure&) { find_again(order, queue, std::max(tries, 1u)); });
    });
  });
}

/// Hands jobs that this node has claimed to their handlers.
void queue_state::begin(queue_of_node& queue, std::vector<job_tables::claimed_job> jobs) {
  for (auto& found : jobs) {
    if (auto earlier = attempts.find(found.id); earlier != attempts.end()) {
      if (earlier->second.key.attempt == found.attempt)
        continue; // Found again.
      is_superseded(earlier->second);
    }
    auto& work = attempts[found.id];
    work.key = {found.id, found.attempt};
    work.queue = queue.index;
    work.kind = std::move(found.kind);
    work.max_attempts = found.max_attempts;
    work.backoff = found.backoff;
    work.batch = found.batch;
    work.begun = now();
    work.deadline = work.begun + found.time_limit;
    deadlines.emplace(work.deadline, found.id);
    ++queue.running;
    ++counters.claimed;
    if (attempts.size() == 1)
      next_check = now() + rules.poll;
    hand_over(work, found.payload);
  }
}

job_tables::claim_order queue_state::make_order(queue_of_node& queue, std::vector<std::string> of_kinds, size_t count,
                                                bool some_are_due) {
  job_tables::claim_order order;
  order.queue = queue.settings.name;
  order.kinds = std::move(of_kinds);
  order.count = std::min(most_claimed, count);
  order.number = std::uniform_int_distribution<int64_t>{1, std::numeric_limits<int64_t>::max()}(rng);
  order.node = node;
  order.some_are_due = some_are_due;
  return order;
}

} // namespace cenote

#include "simulation/jobs/node.hpp"

#include <algorithm>
#include <limits>

// Leases, handlers, and the search for jobs. See queue_claims.cpp and queue_limits.cpp.

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr size_t most_claimed = 500;

} // namespace

// -- lease ------------------------------------------------------------------------------

void node::give_up_identity() {
  known_as_ = node_name{++world_.last_name};
  is_registered_ = false;
}

void node::renew_lease() {
  if (!is_registered_) {
    register_node();
    return;
  }
  lease_.asked(now());
  ask(
      world_.rows.renew_lease(known_as_),
      [this](size_t changed) {
        if (changed > 0) {
          lease_.renewed();
          return;
        }
        step("has lost its lease");
        if (is_well())
          world_.log.object(name_ + " loses its lease though nothing was wrong with it");
        lease_.lost(now());
        while (!attempts_.empty())
          is_lost(attempts_.begin()->second.key);
        give_up_identity();
      },
      [this](request_failure) { lease_.failed(now()); });
}

void node::register_node() {
  lease_.asked(now());
  std::vector<job_queue_settings> settings;
  for (auto& queue : queues_)
    settings.push_back(queue.settings);
  ask(
      world_.rows.register_node(known_as_, settings),
      [this](size_t) {
        step("is registered as node name " + std::to_string(static_cast<uint32_t>(known_as_)));
        is_registered_ = true;
        lease_.renewed();
        for (auto& queue : queues_)
          queue.pace.wake();
      },
      [this](request_failure) { lease_.failed(now()); });
}

// -- handlers ---------------------------------------------------------------------------

/// Requests that it had fail, by CAF.
void node::lose_handler(size_t kind) {
  post([this, kind] {
    step("its handler of " + name_of_kind(kind) + " ends");
    handlers_.erase(kind);
    std::vector<attempt_key> had;
    for (auto& [id, work] : attempts_)
      if (work.terms.kind == kind && !work.is_ending)
        had.push_back(work.key);
    turn([&] {
      for (auto& key : had)
        failed(key, "its handler failed");
    });
  });
}

void node::gain_handler(size_t kind) {
  post([this, kind] {
    turn([&] {
      handlers_.insert(kind);
      for (auto& queue : queues_)
        queue.pace.wake();
    });
  });
}

// -- claims -----------------------------------------------------------------------------

void node::work_on(queue_of_node& queue) {
  auto said = queue.pace.next(queue.occupied(), now());
  if (said == jobs::pace_step::nothing)
    return;
  // A node counts its lease from before it asked for it, so never for longer than the server.
  if (auto until = world_.rows.lease_of(known_as_); !until || *until < world_.rows.now())
    world_.log.object(name_ + " relies on a lease that it does not have");
  switch (said) {
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

void node::look(queue_of_node& queue) {
  ask(
      world_.rows.look(queue.index, {handlers_.begin(), handlers_.end()}),
      [this, &queue](const outlook& seen) {
        queue.has_limits = seen.has_limits;
        if (seen.paused)
          queue.pace.looked(false, std::nullopt, random(), now());
        else
          queue.pace.looked(seen.waits, seen.due_in, random(), now());
      },
      [this, &queue](request_failure) { queue.pace.failed(rules_.poll, now()); });
}

void node::claim(queue_of_node& queue, bool some_are_due) {
  if (queue.has_limits || !queue.settings.limits.empty()) {
    claim_within_limits(queue);
    return;
  }
  auto order =
      make_order(queue, {handlers_.begin(), handlers_.end()}, queue.pace.free_places(queue.occupied()), some_are_due);
  ask(
      world_.rows.claim(order, std::nullopt),
      [this, &queue, asked = order.count](const std::vector<claimed_job>& jobs) {
        queue.pace.claimed(jobs.size(), asked, random(), now());
        begin(queue, jobs, false);
      },
      [this, &queue, order](request_failure reason) { claim_has_failed(queue, order, reason); });
}

void node::claim_has_failed(queue_of_node& queue, const claim_order& order, request_failure reason) {
  queue.pace.failed(rules_.poll, now());
  queue.pace.wake();
  if (reason == request_failure::unknown)
    find_again(order, queue.index, 0);
}

void node::find_again(const claim_order& order, size_t queue, unsigned tries) {
  constexpr unsigned most_tries = 4;
  auto pause = tries == 0 ? duration{0} : rules_.lease / 3;
  run_delayed(pause, [this, order, queue, tries] {
    turn([&] {
      if (order.node != known_as_)
        return;
      ask(
          world_.rows.claimed(order),
          [this, order, queue, tries](const std::vector<claimed_job>& jobs) {
            begin(queues_[queue], jobs, true);
            if (tries + 1 < most_tries)
              find_again(order, queue, tries + 1);
          },
          [this, order, queue, tries](request_failure) { find_again(order, queue, std::max(tries, 1u)); });
    });
  });
}

void node::begin(queue_of_node& queue, const std::vector<claimed_job>& jobs, bool found_again) {
  for (auto& found : jobs) {
    if (auto earlier = attempts_.find(found.key.id); earlier != attempts_.end()) {
      if (earlier->second.key.attempt == found.key.attempt)
        continue;
      is_superseded(earlier->second);
    }
    auto& work = attempts_[found.key.id];
    work.key = found.key;
    work.terms = found.terms;
    work.queue = queue.index;
    work.max_attempts = found.max_attempts;
    work.batch = found.batch;
    work.begun = now();
    work.deadline = work.begun + found.terms.time_limit;
    deadlines_.emplace(work.deadline, found.key.id);
    ++queue.running;
    queue.found_again = queue.running == 1 ? found_again : queue.found_again + found_again;
    if (queue.running > queue.settings.max_running + queue.found_again)
      world_.log.object(name_ + " runs more jobs of a queue than it may");
    if (attempts_.size() == 1)
      next_check_ = now() + rules_.poll;
    hand_over(work);
  }
}

claim_order node::make_order(queue_of_node& queue, std::vector<size_t> kinds, size_t count, bool some_are_due) {
  claim_order order;
  order.queue = queue.index;
  order.kinds = std::move(kinds);
  order.count = std::min(most_claimed, count);
  order.number = static_cast<int64_t>(random_.between(1, std::numeric_limits<int64_t>::max()));
  order.node = known_as_;
  order.some_are_due = some_are_due;
  return order;
}

// -- limits -----------------------------------------------------------------------------

void node::claim_within_limits(queue_of_node& queue) {
  ask(
      world_.rows.limits(queue.index), [this, &queue](const limits_seen& seen) { claim_group(queue, seen); },
      [this, &queue](request_failure) { claim_later(queue, rules_.poll); });
}

void node::claim_later(queue_of_node& queue, duration pause) {
  queue.pace.failed(pause, now());
  queue.pace.wake();
}

void node::claim_group(queue_of_node& queue, const limits_seen& seen) {
  auto whole = std::ranges::find(seen.rows, "", &limit_row::kind);
  queue.has_limits = whole != seen.rows.end();
  if (!queue.has_limits || handlers_.empty()) {
    claim_later(queue, 0ns);
    return;
  }
  jobs::limits_of_queue limits;
  for (auto& row : seen.rows)
    limits.limits.push_back({row.kind, row.max_running, row.per_second, row.next_at});
  for (auto& [kind, running] : seen.running)
    limits.running.push_back({name_of_kind(kind), running});
  std::vector<std::string> kinds;
  for (auto kind : handlers_)
    kinds.push_back(name_of_kind(kind));
  auto wanted = static_cast<uint32_t>(std::min<size_t>(100, queue.pace.free_places(queue.occupied())));
  auto groups = limits.groups_of(kinds);
  auto& group = groups[queue.turns.next(groups.size())];
  auto allowed = limits.allowed(group, seen.now, wanted);
  if (allowed.count == 0) {
    group_is_empty(queue, groups.size(), allowed.wait.count() > 0 ? duration{allowed.wait} : rules_.poll / 4);
    return;
  }
  std::vector<size_t> numbers;
  for (auto& kind : group)
    numbers.push_back(kind_named(kind));
  auto order = make_order(queue, numbers, allowed.count, true);
  tables::within_limits within{whole->version, {}};
  auto note_rate = [&](const std::string& kind) {
    if (auto limit = limits.find(kind); limit != nullptr && limit->per_second > 0)
      within.rates.push_back({kind, jobs::interval_of(limit->per_second)});
  };
  note_rate({});
  if (limits.limits_kind(group.front()))
    note_rate(group.front());
  ask(
      world_.rows.claim(order, within),
      [this, &queue, asked = order.count, groups = groups.size()](const std::vector<claimed_job>& jobs) {
        if (jobs.empty()) {
          group_is_empty(queue, groups, duration{0});
        } else {
          queue.turns.found();
          queue.pace.claimed(asked, asked, random(), now());
        }
        begin(queue, jobs, false);
      },
      [this, &queue, order](request_failure reason) {
        if (reason == request_failure::fenced) {
          queue.turns.again();
          claim_later(queue, std::chrono::duration_cast<duration>(10ms * random()));
        } else {
          claim_has_failed(queue, order, reason);
        }
      });
}

void node::group_is_empty(queue_of_node& queue, size_t groups, duration pause) {
  auto again = queue.turns.is_empty(groups, pause);
  if (!again)
    queue.pace.claimed(1, 1, random(), now());
  else if (*again > duration{0})
    queue.pace.limited(*again, now());
  else
    queue.pace.claimed(0, 1, random(), now());
}

} // namespace cenote::job_simulation

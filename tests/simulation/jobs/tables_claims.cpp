#include "jobs/rate_limit.hpp"
#include "simulation/jobs/tables.hpp"

#include <algorithm>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr size_t most_due = 1000;

} // namespace

query<outlook> tables::look(size_t queue, std::vector<size_t> kinds) {
  query<outlook> out;
  out.sent = {"look", 30s, {}, [this, queue, kinds, answer = out.answer] {
                for (auto kind : kinds) {
                  for_each(queue, kind, job_state::waiting, [&](auto&) {
                    answer->waits = true;
                    return false;
                  });
                  for_each(queue, kind, job_state::scheduled, [&](auto& row) {
                    auto in = std::chrono::microseconds{row.place - now()};
                    answer->due_in = answer->due_in ? std::min<duration>(*answer->due_in, in) : duration{in};
                    return false;
                  });
                }
                answer->paused = is_paused(queue);
                answer->has_limits = has_limits(queue);
              }};
  return out;
}

bool tables::has_limits(size_t queue) const {
  return std::ranges::any_of(
      limits_, [&](auto& row) { return row.queue == queue && (row.max_running > 0 || row.per_second > 0); });
}

query<std::vector<claimed_job>> tables::claim(claim_order order, std::optional<within_limits> limits) {
  /// What is decided when the claim begins.
  struct choice {
    std::vector<job_no> due;
    std::vector<job_no> first;
    server_micros at = 0;
  };
  auto chosen = std::make_shared<choice>();
  query<std::vector<claimed_job>> out;
  auto prepare = [this, order, limits, chosen](transaction_no owner) {
    if (limits) {
      if (!lock(owner, {{limit_table, static_cast<uint32_t>(order.queue)}}))
        return readiness::blocked;
      if (auto whole = find_limit(order.queue, {}); whole == nullptr || whole->version != limits->version)
        return readiness::stopped;
    }
    *chosen = {};
    chosen->at = now();
    struct candidate {
      int64_t place;
      job_no id;
      auto operator<=>(const candidate&) const = default;
    };
    std::vector<candidate> due;
    std::vector<candidate> waiting;
    for (auto kind : order.kinds) {
      if (order.some_are_due)
        for_each(order.queue, kind, job_state::scheduled, [&](const job_row& row) {
          if (row.place > now())
            return false;
          if (is_free(owner, key_of(row.terms.id)))
            due.push_back({row.place, row.terms.id});
          return due.size() < most_due;
        });
      for_each(order.queue, kind, job_state::waiting, [&, found = size_t{0}](const job_row& row) mutable {
        if (is_free(owner, key_of(row.terms.id))) {
          waiting.push_back({row.place, row.terms.id});
          ++found;
        }
        return found < order.count;
      });
    }
    for (auto& each : due) {
      auto& row = *find(each.id);
      lock(owner, {key_of(each.id)});
      chosen->due.push_back(each.id);
      waiting.push_back({row.run_at - advantage(row), each.id});
    }
    // A queue with limits gives nothing to a claim that does not know of them.
    if (is_paused(order.queue) || (!limits && has_limits(order.queue)))
      return readiness::ready;
    std::ranges::sort(waiting);
    for (auto& each : waiting) {
      if (chosen->first.size() == order.count)
        break;
      lock(owner, {key_of(each.id)});
      chosen->first.push_back(each.id);
    }
    return readiness::ready;
  };
  auto apply = [this, order, limits, chosen, answer = out.answer] {
    for (auto id : chosen->due)
      change(*find(id), [](job_row& row) {
        row.state = job_state::waiting;
        row.place = row.run_at - advantage(row);
      });
    for (auto id : chosen->first) {
      auto& row = *find(id);
      if (row.key != 0 && row.terms.scope == unique_scope::waiting) {
        keys_.erase({row.key, row.terms.kind});
        row.key = 0;
      }
      change(row, [&](job_row& taken) {
        taken.state = job_state::running;
        taken.place = order.number;
        ++taken.attempt;
        taken.node = order.node;
        taken.started_at = chosen->at;
      });
      books_.taken(row);
    }
    *answer = taken(order);
    check_order(order, chosen->first, chosen->at);
    if (!limits) // Limits that were set meanwhile came later.
      return;
    check_limits(order, chosen->first, chosen->at);
    for (auto& rate : limits->rates) {
      auto& row = limit(order.queue, rate.kind);
      auto most = chosen->at + rate.interval * (jobs::rate_burst - 1);
      row.next_at = std::min(std::max(row.next_at, chosen->at), most)
                    + rate.interval * static_cast<int64_t>(chosen->first.size());
    }
    ++limit(order.queue, {}).version;
  };
  out.sent = {limits ? "claim within limits" : "claim", 30s, prepare, apply};
  return out;
}

void tables::check_limits(const claim_order& order, const std::vector<job_no>& first, server_micros at) {
  for (auto& row : limits_) {
    if (row.queue != order.queue)
      continue;
    auto kind = row.kind.empty() ? std::nullopt : std::optional{kind_named(row.kind)};
    auto taken = std::ranges::count_if(first, [&](auto id) { return !kind || find(id)->terms.kind == *kind; });
    if (taken > 0)
      books_.taken_within(row, running(row.queue, kind), static_cast<uint64_t>(taken), at);
  }
}

/// Scheduled jobs whose time came long ago must not be overtaken for ever.
void tables::check_order(const claim_order& order, const std::vector<job_no>& first, server_micros at) {
  auto longest = run_plan_.rules.poll_longest * 5 / 4 + 2s;
  if (first.empty() || !books_.is_calm_for(longest))
    return;
  auto last = std::numeric_limits<int64_t>::min();
  for (auto id : first)
    last = std::max(last, find(id)->run_at - advantage(*find(id)));
  for (auto kind : order.kinds)
    for_each(order.queue, kind, job_state::scheduled, [&](const job_row& row) {
      if (row.place + longest / 1us > at)
        return false;
      if (!is_locked(row.terms.id) && row.run_at - advantage(row) < last)
        books_.overtaken(row.terms.id);
      return true;
    });
}

std::vector<claimed_job> tables::taken(const claim_order& order) {
  std::vector<job_row*> found;
  for (auto kind : order.kinds)
    for_each(order.queue, kind, job_state::running, [&](job_row& row) {
      if (row.place == order.number && row.node == order.node)
        found.push_back(&row);
      return row.place <= order.number;
    });
  std::ranges::sort(found, {}, [](auto row) { return std::pair{row->run_at - advantage(*row), row->terms.id}; });
  std::vector<claimed_job> out;
  for (auto row : found)
    out.push_back({{row->terms.id, row->attempt}, row->terms, row->max_attempts, row->batch});
  return out;
}

query<std::vector<claimed_job>> tables::claimed(claim_order order) {
  query<std::vector<claimed_job>> out;
  out.sent = {"find claimed ones", 30s, {}, [this, order, answer = out.answer] { *answer = taken(order); }};
  return out;
}

query<limits_seen> tables::limits(size_t queue) {
  query<limits_seen> out;
  // Two statements in one transaction, but READ COMMITTED: the second one sees what was committed meanwhile.
  out.sent = {"limits", 30s,
              [this, queue, answer = out.answer](transaction_no) {
                answer->now = now();
                for (auto& row : limits_)
                  if (row.queue == queue)
                    answer->rows.push_back(row);
                return readiness::ready;
              },
              [this, queue, answer = out.answer] {
                for (size_t kind = 0; kind < run_plan_.kinds; ++kind)
                  answer->running.emplace_back(kind, running(queue, kind));
              }};
  return out;
}

} // namespace cenote::job_simulation

#include "simulation/jobs/tables.hpp"

#include "job_tables/server_time.hpp"

#include <algorithm>

// The rows, their locks, and the nodes.

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

/// Another time of day in each run.
constexpr server_micros first_day = 1'772'323'200'000'000; // 2026-03-01
constexpr uint64_t seconds_per_day = 86'400;

} // namespace

server_micros tables::now() const {
  auto passed = time_.now().time_since_epoch() - std::chrono::hours{1};
  return first_day + static_cast<server_micros>(run_plan_.seed * 7919 % seconds_per_day) * 1'000'000 + passed / 1us;
}

// -- locks ----------------------------------------------------------------------------

bool tables::is_free(transaction_no owner, row_key key) const {
  auto found = locks_.find(key);
  return found == locks_.end() || found->second == owner;
}

bool tables::lock(transaction_no owner, const std::vector<row_key>& keys) {
  if (!std::ranges::all_of(keys, [&](auto& key) { return is_free(owner, key); }))
    return false;
  for (auto& key : keys)
    locks_[key] = owner;
  return true;
}

void tables::release(transaction_no owner) {
  std::erase_if(locks_, [owner](auto& entry) { return entry.second == owner; });
}

// -- rows -----------------------------------------------------------------------------

job_row* tables::find(job_no id) {
  auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

int64_t tables::advantage(const job_row& row) {
  return row.terms.priority * job_tables::priority_step;
}

bool tables::counts(const attempt_key& key) {
  auto row = find(key.id);
  return row != nullptr && row->attempt == key.attempt && row->state == job_state::running;
}

bool tables::is_paused(size_t queue) const {
  auto whole = find_limit(queue, {});
  return whole != nullptr && whole->paused;
}

const limit_row* tables::find_limit(size_t queue, const std::string& kind) const {
  auto found = std::ranges::find_if(limits_, [&](auto& limit) { return limit.queue == queue && limit.kind == kind; });
  return found == limits_.end() ? nullptr : &*found;
}

limit_row& tables::limit(size_t queue, const std::string& kind) {
  if (auto found = find_limit(queue, kind))
    return const_cast<limit_row&>(*found);
  return limits_.emplace_back(limit_row{queue, kind, false, 0, 0, 0, 0});
}

size_t tables::running(size_t queue, std::optional<size_t> kind) const {
  size_t count = 0;
  for (size_t of = 0; of < run_plan_.kinds; ++of)
    if (!kind || *kind == of)
      const_cast<tables*>(this)->for_each(queue, of, job_state::running, [&](auto&) { return ++count > 0; });
  return count;
}

// -- nodes ----------------------------------------------------------------------------

std::optional<server_micros> tables::lease_of(node_name node) const {
  auto found = leases_.find(node);
  return found == leases_.end() ? std::nullopt : std::optional{found->second};
}

query<size_t> tables::register_node(node_name node, const std::vector<job_queue_settings>& with_limits) {
  query<size_t> out;
  std::vector<row_key> keys;
  for (size_t i = 0; i < with_limits.size(); ++i)
    if (!with_limits[i].limits.empty())
      keys.push_back({limit_table, static_cast<uint32_t>(i)});
  out.sent = {"register", 30s,
              [this, keys](transaction_no owner) { return lock(owner, keys) ? readiness::ready : readiness::blocked; },
              [this, node, with_limits] {
                leases_[node] = now() + run_plan_.rules.lease / 1us;
                for (size_t queue = 0; queue < with_limits.size(); ++queue) {
                  auto& limits = with_limits[queue].limits;
                  if (limits.empty())
                    continue;
                  limit(queue, {});
                  for (auto& row : limits_)
                    if (row.queue == queue)
                      row.max_running = 0, row.per_second = 0;
                  for (auto& each : limits) {
                    auto& row = limit(queue, each.kind);
                    row.max_running = each.max_running;
                    row.per_second = each.per_second;
                  }
                }
              }};
  return out;
}

query<size_t> tables::renew_lease(node_name node) {
  query<size_t> out;
  out.sent = {"renew the lease", run_plan_.rules.lease / 3, {}, [this, node, answer = out.answer] {
                auto found = leases_.find(node);
                if (found == leases_.end())
                  return;
                found->second = now() + run_plan_.rules.lease / 1us;
                *answer = 1;
              }};
  return out;
}

query<size_t> tables::forget_silent_nodes() {
  query<size_t> out;
  out.sent = {"forget nodes", 30s, {}, [this] {
                // An hour with the real ones, which no run lasts.
                std::erase_if(leases_,
                              [this](auto& entry) { return entry.second < now() - run_plan_.forget_after / 1us; });
              }};
  return out;
}

query<int> tables::leave(node_name node, std::vector<attempt_key> keys) {
  query<int> out;
  std::vector<row_key> rows;
  for (auto& key : keys)
    rows.push_back(key_of(key.id));
  out.sent = {"leave", 5s,
              [this, rows](transaction_no owner) { return lock(owner, rows) ? readiness::ready : readiness::blocked; },
              [this, node, keys] {
                for (auto& key : keys) {
                  if (!counts(key))
                    continue;
                  change(*find(key.id), [](job_row& row) {
                    row.state = job_state::waiting;
                    row.place = row.run_at - advantage(row);
                    ++row.max_attempts;
                  });
                  books_.gave_back(*find(key.id));
                }
                leases_.erase(node);
              }};
  return out;
}

} // namespace cenote::job_simulation

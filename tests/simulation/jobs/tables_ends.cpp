#include "simulation/jobs/tables.hpp"

#include <algorithm>

// Ends of attempts, and housekeeping.

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr auto end_limit = 60s;
constexpr auto house_limit = 30s;
constexpr size_t most_removed = 1000;

} // namespace

void tables::end_row(job_row& row, job_state state, duration keep) {
  change(row, [&](job_row& ended) {
    auto keeps_key = ended.key != 0 && ended.terms.scope == unique_scope::within && ended.unique_until > now();
    ended.state = state;
    ended.ended_at = now();
    ended.place = keeps_key ? ended.unique_until : now() + keep / 1us;
    if (ended.key != 0 && !keeps_key) {
      keys_.erase({ended.key, ended.terms.kind});
      ended.key = 0;
    }
  });
}

void tables::end_in_batch(job_no batch) {
  if (auto found = batches_.find(batch); found != batches_.end())
    --found->second.remaining;
  release_follower(batch);
}

query<int> tables::store_end(attempt_key key, jobs::attempt_end how, effects of_handler, job_no batch) {
  query<int> out;
  auto has_ended = how.verdict == job_verdict::done || how.verdict == job_verdict::discard;
  auto prepare = [this, key, batch, has_ended, follow_up = of_handler.follow_up](transaction_no owner) {
    auto keys = keys_of(follow_up);
    keys.push_back(key_of(key.id));
    if (has_ended && batch != job_no{}) {
      keys.push_back({batch_table, static_cast<uint32_t>(batch)});
      keys.push_back(key_of(batch));
    }
    if (!lock(owner, keys))
      return readiness::blocked;
    return counts(key) ? readiness::ready : readiness::stopped;
  };
  auto apply = [this, key, how, of_handler, batch, has_ended] {
    auto& row = *find(key.id);
    if (!has_ended) {
      books_.put_off(row, how);
      change(row, [&](job_row& later) {
        later.state = job_state::scheduled;
        later.run_at = later.place = now() + how.pause / 1us;
        later.max_attempts += how.verdict == job_verdict::snooze;
      });
      return;
    }
    if (of_handler.counts)
      books_.effect(key);
    for (auto& work : of_handler.follow_up)
      insert_one(work, {}, false);
    auto is_done = how.verdict == job_verdict::done;
    end_row(row, is_done ? job_state::done : job_state::discarded,
            is_done ? run_plan_.rules.keep_done : run_plan_.rules.keep_failed);
    books_.ended(row, how.reason);
    if (batch != job_no{})
      end_in_batch(batch);
  };
  out.sent = {"store an end", end_limit, prepare, apply, of_handler.is_refused};
  return out;
}

query<size_t> tables::finish(std::vector<attempt_key> keys) {
  query<size_t> out;
  std::vector<row_key> rows;
  for (auto& key : keys)
    rows.push_back(key_of(key.id));
  out.sent = {"finish", end_limit,
              [this, rows](transaction_no owner) { return lock(owner, rows) ? readiness::ready : readiness::blocked; },
              [this, keys, answer = out.answer] {
                for (auto& key : keys) {
                  if (!counts(key))
                    continue;
                  ++*answer;
                  end_row(*find(key.id), job_state::done, run_plan_.rules.keep_done);
                  books_.ended(*find(key.id), "");
                }
              }};
  return out;
}

query<std::vector<state_of_job>> tables::states(std::vector<job_no> ids) {
  query<std::vector<state_of_job>> out;
  out.sent = {"states", 30s, {}, [this, ids, answer = out.answer] {
                for (auto id : ids)
                  if (auto row = find(id))
                    answer->push_back({id, row->state, row->attempt});
              }};
  return out;
}

// -- housekeeping ---------------------------------------------------------------------

query<std::vector<abandoned_job>> tables::abandoned() {
  query<std::vector<abandoned_job>> out;
  out.sent = {"abandoned", house_limit, {}, [this, answer = out.answer] {
                for (auto& [id, row] : rows_) {
                  if (row.state != job_state::running || answer->size() == 500)
                    continue;
                  if (auto lease = lease_of(row.node); !lease || *lease <= now())
                    answer->push_back({{id, row.attempt}, row.max_attempts, row.terms.backoff, row.batch, row.node});
                }
              }};
  return out;
}

query<int> tables::give_to_others(abandoned_job found, jobs::attempt_end how) {
  query<int> out = store_end(found.key, how, {}, found.batch);
  out.sent.what = "give to others";
  out.sent.limit = house_limit;
  out.sent.prepare = [this, found, others = out.sent.prepare](transaction_no owner) {
    // Its worker is just ending the attempt.
    return is_free(owner, key_of(found.key.id)) ? others(owner) : readiness::stopped;
  };
  out.sent.apply = [this, found, others = out.sent.apply] {
    books_.given_to_others(found);
    others();
  };
  return out;
}

query<std::vector<std::pair<size_t, size_t>>> tables::queues_and_kinds() {
  query<std::vector<std::pair<size_t, size_t>>> out;
  out.sent = {"queues and kinds", house_limit, {}, [this, answer = out.answer] {
                std::set<std::pair<size_t, size_t>> found;
                for (auto& [id, row] : rows_)
                  found.insert({row.terms.queue, row.terms.kind});
                answer->assign(found.begin(), found.end());
              }};
  return out;
}

query<size_t> tables::remove_old(size_t queue, size_t kind, job_state state, duration keep) {
  query<size_t> out;
  out.sent = {"remove old ones", house_limit, {}, [this, queue, kind, state, keep, answer = out.answer] {
                std::vector<job_no> with_key;
                for_each(queue, kind, state, [&](const job_row& row) {
                  if (row.place > now())
                    return false;
                  if (row.key != 0)
                    with_key.push_back(row.terms.id);
                  return true;
                });
                for (auto id : with_key)
                  change(*find(id), [&](job_row& row) {
                    keys_.erase({row.key, row.terms.kind});
                    row.key = 0;
                    row.place = row.ended_at + keep / 1us;
                  });
                std::vector<job_no> old;
                for_each(queue, kind, state, [&](const job_row& row) {
                  if (row.place > now() || old.size() == most_removed)
                    return false;
                  if (!is_locked(row.terms.id) && row.key == 0)
                    old.push_back(row.terms.id);
                  return true;
                });
                for (auto id : old) {
                  books_.removed(*find(id), keep, now());
                  index_.erase(index_key(*find(id)));
                  rows_.erase(id);
                }
                *answer = old.size();
              }};
  return out;
}

} // namespace cenote::job_simulation

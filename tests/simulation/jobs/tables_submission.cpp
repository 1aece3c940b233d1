#include "simulation/jobs/tables.hpp"

#include <algorithm>

namespace cenote::job_simulation {

using namespace std::chrono_literals;

namespace {

constexpr auto request_limit = 60s;

} // namespace

std::vector<tables::row_key> tables::keys_of(const std::vector<job_terms>& works) const {
  std::vector<row_key> out;
  for (auto& work : works) {
    out.push_back(key_of(work.id));
    if (work.key != 0)
      out.push_back({key_table, work.key * 8 + static_cast<uint32_t>(work.kind)});
  }
  return out;
}

/// @returns the job that holds its unique key, or itself.
job_no tables::insert_one(const job_terms& work, job_no batch, bool blocked) {
  if (find(work.id) != nullptr)
    return work.id;
  if (work.key != 0)
    if (auto holder = keys_.find({work.key, work.kind}); holder != keys_.end())
      return holder->second;
  job_row row;
  row.terms = work;
  row.max_attempts = work.max_attempts;
  row.batch = batch;
  row.key = work.key;
  if (work.key != 0) {
    keys_[{work.key, work.kind}] = work.id;
    if (work.scope == unique_scope::within)
      row.unique_until = now() + work.unique_for / 1us;
  }
  row.run_at = now();
  if (work.run_at && work.delay <= 0ns)
    row.run_at = *work.run_at;
  else if (work.run_at)
    row.run_at = std::max<server_micros>(now() + work.delay / 1us, *work.run_at);
  else
    row.run_at = now() + work.delay / 1us;
  row.state = blocked ? job_state::blocked : row.run_at > now() ? job_state::scheduled : job_state::waiting;
  row.place = row.state == job_state::scheduled ? row.run_at : now() - advantage(row);
  auto& stored = rows_[work.id] = row;
  index_.insert(index_key(stored));
  books_.inserted(stored);
  return work.id;
}

query<std::vector<job_no>> tables::insert(std::vector<job_terms> works) {
  query<std::vector<job_no>> out;
  out.sent = {"insert", request_limit,
              [this, keys = keys_of(works)](transaction_no owner) {
                return lock(owner, keys) ? readiness::ready : readiness::blocked;
              },
              [this, works, answer = out.answer] {
                for (auto& work : works)
                  answer->push_back(insert_one(work, {}, false));
              }};
  return out;
}

query<int> tables::insert_batch(std::vector<job_terms> works, job_terms follower) {
  query<int> out;
  auto keys = keys_of(works);
  keys.push_back(key_of(follower.id));
  keys.push_back({batch_table, static_cast<uint32_t>(follower.id)});
  out.sent = {"insert a batch", request_limit,
              [this, keys](transaction_no owner) { return lock(owner, keys) ? readiness::ready : readiness::blocked; },
              [this, works, follower] {
                for (auto& work : works)
                  insert_one(work, follower.id, false);
                insert_one(follower, {}, true);
                int64_t count = 0;
                for (auto& work : works)
                  if (auto row = find(work.id))
                    count += row->batch == follower.id;
                batches_.try_emplace(follower.id, batch_row{count});
                release_follower(follower.id);
              }};
  return out;
}

void tables::release_follower(job_no batch) {
  auto found = batches_.find(batch);
  auto row = find(batch);
  if (found == batches_.end() || found->second.remaining > 0 || row == nullptr || row->state != job_state::blocked)
    return;
  change(*row, [this](job_row& follower) {
    follower.state = job_state::waiting;
    follower.run_at = now();
    follower.place = now() - advantage(follower);
  });
  books_.released(batch, books_.open_in_batch(batch));
}

query<int> tables::cancel(job_no id) {
  query<int> out;
  out.sent = {"cancel", request_limit,
              [this, id](transaction_no owner) {
                std::vector<row_key> keys{key_of(id)};
                if (auto row = find(id); row != nullptr && row->batch != job_no{}) {
                  keys.push_back({batch_table, static_cast<uint32_t>(row->batch)});
                  keys.push_back(key_of(row->batch));
                }
                if (!lock(owner, keys))
                  return readiness::blocked;
                auto row = find(id);
                return row == nullptr || has_ended(row->state) ? readiness::stopped : readiness::ready;
              },
              [this, id] {
                auto& row = *find(id);
                end_row(row, job_state::cancelled, run_plan_.rules.keep_failed);
                books_.ended(row, "");
                if (row.batch != job_no{})
                  end_in_batch(row.batch);
              }};
  return out;
}

query<size_t> tables::rerun(job_no id) {
  query<size_t> out;
  out.sent = {
      "rerun", request_limit,
      [this, id](transaction_no owner) { return lock(owner, {key_of(id)}) ? readiness::ready : readiness::blocked; },
      [this, id, answer = out.answer] {
        auto row = find(id);
        if (row == nullptr
            || (row->state != job_state::scheduled && row->state != job_state::discarded
                && row->state != job_state::cancelled))
          return;
        *answer = 1;
        change(*row, [this](job_row& again) {
          if (again.state != job_state::scheduled) {
            again.batch = {};
            again.max_attempts += again.attempt;
          }
          again.state = job_state::waiting;
          again.run_at = now();
          again.place = now() - advantage(again);
        });
        books_.reran(*row);
      }};
  return out;
}

query<int> tables::set_paused(size_t queue, bool paused) {
  query<int> out;
  out.sent = {
      "pause", request_limit,
      [this, queue](transaction_no owner) {
        return lock(owner, {{limit_table, static_cast<uint32_t>(queue)}}) ? readiness::ready : readiness::blocked;
      },
      [this, queue, paused] { limit(queue, {}).paused = paused; }};
  return out;
}

} // namespace cenote::job_simulation

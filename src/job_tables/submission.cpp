#include "job_tables/server_time.hpp"
#include "job_tables/sql_builder.hpp"
#include "job_tables/statements.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cenote {

namespace job_tables {

namespace {

/// A statement is ended when it has so many rows or bytes of payload: `max_allowed_packet` may be as low as 1 MiB, and
/// only a single large payload needs more.
constexpr size_t most_rows = 500;
constexpr size_t most_bytes = 256u << 10;

constexpr std::string_view insert_into_jobs = "INSERT INTO cenote_job (";

std::string joined(const std::vector<std::string>& tags) {
  std::string out;
  for (auto& tag : tags)
    (out += out.empty() ? "" : ",") += tag;
  return out;
}

std::optional<bytes> unique_key_of(const job& work) {
  return work.unique_key.empty() ? std::nullopt : std::optional{bytes{work.unique_key}};
}

const std::string now{server_now};

/// When a job is due that may have to wait: at its time, which may be in the past, but not before its delay is over.
void add_run_at(sql_builder& out, const job& work) {
  if (work.run_at && work.delay <= work.delay.zero())
    out.add("?", microseconds(work.run_at->time_since_epoch()));
  else if (work.run_at)
    out.add("GREATEST(" + now + " + ?, ?)", microseconds(work.delay), microseconds(work.run_at->time_since_epoch()));
  else
    out.add(now + " + ?", microseconds(work.delay));
}

void add_row(sql_builder& out, const job& work, const std::optional<job_id>& batch, bool blocked) {
  out.add("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ", id_value(work.id), work.queue, work.kind, work.priority, work.max_attempts,
          microseconds(work.time_limit), microseconds(work.backoff.first), microseconds(work.backoff.longest),
          static_cast<int64_t>(work.scope), unique_key_of(work));
  if (!work.unique_key.empty() && work.scope == unique_scope::within)
    out.add(now + " + ?, ", microseconds(work.unique_for));
  else
    out.add("NULL, ");
  out.add("?, ?, ?, " + now + ", ", batch ? id_value(*batch) : value{}, joined(work.tags), work.payload);
  auto advantage = work.priority * priority_step;
  if (blocked || (!work.run_at && work.delay <= work.delay.zero())) {
    out.add(now + ", ?, " + now + " - ?)", code_of(blocked ? job_state::blocked : job_state::waiting), advantage);
    return;
  }
  add_run_at(out, work);
  out.add(", IF(");
  add_run_at(out, work);
  out.add(" > " + now + ", ?, ?), IF(", code_of(job_state::scheduled), code_of(job_state::waiting));
  add_run_at(out, work);
  out.add(" > " + now + ", ");
  add_run_at(out, work);
  out.add(", " + now + " - ?))", advantage);
}

std::vector<statement> insert(std::span<const job> jobs, const std::optional<job_id>& batch, bool blocked) {
  std::vector<statement> all;
  for (size_t i = 0; i < jobs.size();) {
    sql_builder out{statement_kind::idempotent_write};
    out.add(insert_into_jobs)
        .add(
            "id, queue, kind, priority, max_attempts, time_limit, backoff_first, "
            "backoff_longest, unique_scope, unique_key, unique_until, batch, tags, payload, created_at, run_at, state, "
            "place) VALUES ");
    size_t rows = 0;
    size_t size = 0;
    for (; i < jobs.size() && (rows == 0 || (rows < most_rows && size + jobs[i].payload.size() <= most_bytes)); ++i) {
      out.add(rows++ == 0 ? "" : ", ");
      add_row(out, jobs[i], batch, blocked);
      size += jobs[i].payload.size() + 256;
    }
    // A job that is stored already stays as it is. INSERT IGNORE would also hide that a value does not fit.
    out.add(" ON DUPLICATE KEY UPDATE id = id");
    all.push_back(std::move(out).finish());
  }
  return all;
}

void require_valid(const job& work) {
  if (auto problem = find_problem(work))
    throw std::invalid_argument{*problem};
  if (!work.id)
    throw std::invalid_argument{"job.id is empty: make jobs with make_job, or set it to make_job_id()"};
}

void require_valid(const job_batch& batch) {
  if (batch.jobs.size() > most_jobs_at_once)
    throw std::invalid_argument{"job_batch.jobs has " + std::to_string(batch.jobs.size()) + " jobs; the most is "
                                + std::to_string(most_jobs_at_once)};
  std::ranges::for_each(batch.jobs, [](auto& work) { require_valid(work); });
  require_valid(batch.then);
  if (!batch.then.unique_key.empty())
    throw std::invalid_argument{"job_batch.then cannot have a unique key: it is stored in any case"};
}

/// Counts the jobs that were stored: others have the unique key of some.
statement insert_batch(const job_batch& batch) {
  auto id = id_value(batch.then.id);
  sql_builder out{statement_kind::idempotent_write};
  out.add("INSERT INTO cenote_job_batch (id, remaining, follower) SELECT ?, COUNT(*), ? FROM cenote_job WHERE batch = "
          "? AND id IN (NULL",
          id, id, id);
  for (auto& work : batch.jobs)
    out.add(", ?", id_value(work.id));
  out.add(") ON DUPLICATE KEY UPDATE cenote_job_batch.follower = cenote_job_batch.follower");
  return std::move(out).finish();
}

} // namespace

std::vector<statement> insert_jobs(std::span<const job> jobs) {
  return insert(jobs, std::nullopt, false);
}

std::vector<statement> insert_jobs(const job_batch& batch) {
  auto all = insert(batch.jobs, batch.then.id, false);
  all.push_back(insert({&batch.then, 1}, std::nullopt, true).front());
  all.push_back(insert_batch(batch));
  all.push_back(release_follower(batch.then.id)); // If there is nothing to wait for.
  return all;
}

std::optional<queue_and_kind> stored_by(const statement& query) {
  if (!query.sql.starts_with(insert_into_jobs) || query.params.size() < 3)
    return std::nullopt;
  auto queue = std::get_if<std::string>(&query.params[1]); // As `add_row` writes them.
  auto kind = std::get_if<std::string>(&query.params[2]);
  return queue && kind ? std::optional{queue_and_kind{*queue, *kind}} : std::nullopt;
}

statement find_holders(std::span<const job> jobs) {
  sql_builder out{statement_kind::read};
  out.add("SELECT id, unique_key, kind FROM cenote_job WHERE (unique_key, kind) IN ((NULL, NULL)");
  for (auto& work : jobs)
    if (auto key = unique_key_of(work))
      out.add(", (?, ?)", *key, work.kind);
  out.add(")");
  return std::move(out).finish();
}

} // namespace job_tables

statement enqueue(const job& work) {
  job_tables::require_valid(work);
  return job_tables::insert_jobs({&work, 1}).front();
}

std::vector<statement> enqueue(const job_batch& batch) {
  job_tables::require_valid(batch);
  return job_tables::insert_jobs(batch);
}

} // namespace cenote

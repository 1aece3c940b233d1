#include "cenote/jobs/worker.hpp"
#include "job_tables/rows.hpp"
#include "job_tables/server_time.hpp"
#include "job_tables/sql_builder.hpp"
#include "job_tables/statements.hpp"

#include <algorithm>
#include <iterator>

namespace cenote::job_tables {

namespace {

const std::string now{server_now};

/// What a statement that ends a job sets beside its state. A unique key that is held for a time stays, and something is
/// to be done about the job when that is over; otherwise when the job is to be removed.
void add_ending(sql_builder& out, job_state state, std::chrono::nanoseconds keep) {
  // Assignments take effect one after the other: the place needs the old key.
  out.add("state = ?, ended_at = " + now
              + ", place = IF(unique_key IS NOT NULL AND unique_scope = ? AND unique_until > " + now
              + ", unique_until, " + now + " + ?), unique_key = IF(unique_scope = ? AND unique_until > " + now
              + ", unique_key, NULL)",
          code_of(state), static_cast<int64_t>(unique_scope::within), microseconds(keep),
          static_cast<int64_t>(unique_scope::within));
}

void add_current(sql_builder& out, const attempt_key& key) {
  out.add(" WHERE id = ? AND attempt = ? AND state = ?", id_value(key.id), key.attempt, code_of(job_state::running));
}

statement count_down(const job_id& batch) {
  return write("UPDATE cenote_job_batch SET remaining = remaining - 1 WHERE id = ?", id_value(batch));
}

} // namespace

statement fence(const attempt_key& key) {
  return stop_unless_exists("cenote_job WHERE id = ? AND attempt = ? AND state = ? FOR UPDATE", id_value(key.id),
                            key.attempt, code_of(job_state::running));
}

statement fence_of_others(const attempt_key& key) {
  return stop_unless_exists("cenote_job WHERE id = ? AND attempt = ? AND state = ? FOR UPDATE SKIP LOCKED",
                            id_value(key.id), key.attempt, code_of(job_state::running));
}

statement finish(std::span<const attempt_key> keys, std::chrono::nanoseconds keep) {
  sql_builder out{statement_kind::idempotent_write};
  out.add("UPDATE cenote_job FORCE INDEX (PRIMARY) SET progress = 1000, error = NULL, ");
  add_ending(out, job_state::done, keep);
  out.add(" WHERE id IN (");
  out.add_each(keys, ", ", [&](auto& key) { out.add("?", id_value(key.id)); });
  out.add(") AND (id, attempt) IN (");
  out.add_each(keys, ", ", [&](auto& key) { out.add("(?, ?)", id_value(key.id), key.attempt); });
  out.add(") AND state = ?", code_of(job_state::running));
  return std::move(out).finish();
}

statement finish(const attempt_key& key, std::string_view json, std::chrono::nanoseconds keep) {
  sql_builder out{statement_kind::idempotent_write};
  out.add("UPDATE cenote_job SET progress = 1000, error = NULL, result = ?, ",
          json.empty() ? value{} : value{std::string{json}});
  add_ending(out, job_state::done, keep);
  add_current(out, key);
  return std::move(out).finish();
}

statement retry(const attempt_key& key, std::chrono::nanoseconds pause, std::string_view error) {
  sql_builder out{statement_kind::idempotent_write};
  out.add("UPDATE cenote_job SET state = ?, run_at = " + now + " + ?, place = " + now + " + ?, error = ?",
          code_of(job_state::scheduled), microseconds(pause), microseconds(pause), stored_text(error));
  add_current(out, key);
  return std::move(out).finish();
}

statement snooze(const attempt_key& key, std::chrono::nanoseconds pause, std::string_view reason) {
  sql_builder out{statement_kind::idempotent_write};
  // The number of the attempt is its fence and stays: one more is allowed instead.
  out.add("UPDATE cenote_job SET state = ?, run_at = " + now + " + ?, place = " + now
              + " + ?, max_attempts = max_attempts + 1, error = ?",
          code_of(job_state::scheduled), microseconds(pause), microseconds(pause),
          reason.empty() ? value{} : value{stored_text(reason)});
  add_current(out, key);
  return std::move(out).finish();
}

statement give_back(const attempt_key& key) {
  sql_builder out{statement_kind::idempotent_write};
  out.add("UPDATE cenote_job SET state = ?, place = run_at - priority * ?, max_attempts = max_attempts + 1",
          code_of(job_state::waiting), priority_step);
  add_current(out, key);
  return std::move(out).finish();
}

statement discard(const attempt_key& key, std::string_view error, std::chrono::nanoseconds keep) {
  sql_builder out{statement_kind::idempotent_write};
  out.add("UPDATE cenote_job SET error = ?, ", stored_text(error));
  add_ending(out, job_state::discarded, keep);
  add_current(out, key);
  return std::move(out).finish();
}

statement release_follower(const job_id& batch) {
  return idempotent_write(
      "UPDATE cenote_job j JOIN cenote_job_batch b ON j.id = b.follower SET j.state = ?, j.run_at = " + now
          + ", j.place = " + now + " - j.priority * ? WHERE b.id = ? AND b.remaining <= 0 AND j.state = ?",
      code_of(job_state::waiting), priority_step, id_value(batch), code_of(job_state::blocked));
}

std::vector<statement> end_in_batch(const std::optional<job_id>& batch) {
  return batch ? std::vector{count_down(*batch), release_follower(*batch)} : std::vector<statement>{};
}

statement states(std::span<const job_id> ids) {
  sql_builder out{statement_kind::read};
  out.add("SELECT id, state, attempt FROM cenote_job WHERE id IN (").add_ids(ids).add(")");
  return std::move(out).finish();
}

statement set_progress(const attempt_key& key, uint32_t per_mille) {
  sql_builder out{statement_kind::idempotent_write};
  out.add("UPDATE cenote_job SET progress = ?", per_mille);
  add_current(out, key);
  return std::move(out).finish();
}

// -- single jobs --------------------------------------------------------------------

statement statuses(std::span<const job_id> ids) {
  sql_builder out{statement_kind::read};
  out.add("SELECT ").add(status_columns).add(" FROM cenote_job WHERE id IN (").add_ids(ids).add(")");
  return std::move(out).finish();
}

std::vector<statement> cancel(const job_id& id, std::chrono::nanoseconds keep) {
  auto open = code_of(job_state::blocked); // The last state of those that have not ended.
  sql_builder end{statement_kind::idempotent_write};
  end.add("UPDATE cenote_job SET error = 'cancelled', ");
  add_ending(end, job_state::cancelled, keep);
  end.add(" WHERE id = ?", id_value(id));
  return {
      stop_unless_exists("cenote_job WHERE id = ? AND state <= ? FOR UPDATE", id_value(id), open),
      write(
          "UPDATE cenote_job_batch b JOIN cenote_job j ON b.id = j.batch SET b.remaining = b.remaining - 1 WHERE j.id "
          "= ?",
          id_value(id)),
      idempotent_write("UPDATE cenote_job f JOIN cenote_job_batch b ON f.id = b.follower JOIN cenote_job j ON b.id = "
                       "j.batch SET f.state = ?, f.run_at = "
                           + now + ", f.place = " + now
                           + " - f.priority * ? WHERE j.id = ? AND b.remaining <= 0 AND f.state = ?",
                       code_of(job_state::waiting), priority_step, id_value(id), code_of(job_state::blocked)),
      std::move(end).finish(),
  };
}

statement rerun(const job_id& id) {
  // A job of a batch has been counted when it ended.
  return write("UPDATE cenote_job SET batch = IF(state = ?, batch, NULL), max_attempts = IF(state = ?, max_attempts, "
               "attempt + LEAST(max_attempts, 10000)), state = ?, run_at = "
                   + now + ", place = " + now
                   + " - priority * ?, ended_at = NULL, progress = 0 WHERE id = ? AND state IN (?, ?, ?)",
               code_of(job_state::scheduled), code_of(job_state::scheduled), code_of(job_state::waiting), priority_step,
               id_value(id), code_of(job_state::scheduled), code_of(job_state::discarded),
               code_of(job_state::cancelled));
}

// -- nodes --------------------------------------------------------------------------

statement register_node(std::string_view node, std::chrono::nanoseconds lease) {
  return idempotent_write("INSERT INTO cenote_job_node (node, started_at, lease_until) VALUES (?, " + now + ", " + now
                              + " + ?) ON DUPLICATE KEY UPDATE lease_until = VALUES(lease_until)",
                          node, microseconds(lease));
}

statement renew_lease(std::string_view node, std::chrono::nanoseconds lease) {
  return idempotent_write("UPDATE cenote_job_node SET lease_until = " + now + " + ? WHERE node = ?",
                          microseconds(lease), node);
}

statement forget_node(std::string_view node) {
  return idempotent_write("DELETE FROM cenote_job_node WHERE node = ?", node);
}

statement forget_silent_nodes() {
  return idempotent_write("DELETE FROM cenote_job_node WHERE lease_until < " + now + " - 3600000000");
}

// -- housekeeping -------------------------------------------------------------------

statement queues_and_kinds() {
  return read("SELECT DISTINCT queue, kind FROM cenote_job FORCE INDEX (claim)");
}

statement abandoned() {
  // Running jobs are few; the kinds of all queues are found by one look at the index for each.
  return read(
      "SELECT STRAIGHT_JOIN j.id, j.attempt, j.max_attempts, j.backoff_first, j.backoff_longest, j.batch, j.node "
      "FROM (SELECT DISTINCT queue, kind FROM cenote_job FORCE INDEX (claim)) kinds JOIN cenote_job j FORCE INDEX "
      "(claim) ON j.queue = kinds.queue AND j.kind = kinds.kind AND j.state = ? LEFT JOIN cenote_job_node n ON "
      "n.node = j.node WHERE n.node IS NULL OR n.lease_until <= "
          + now + " LIMIT 500",
      code_of(job_state::running));
}

std::vector<statement> remove_old(std::string_view queue, std::string_view kind, job_state state,
                                  std::chrono::nanoseconds keep) {
  return {
      idempotent_write(
          "UPDATE cenote_job FORCE INDEX (claim) SET place = ended_at + ?, unique_key = NULL WHERE queue = "
          "? AND kind = ? AND state = ? AND place <= "
              + now + " AND unique_key IS NOT NULL ORDER BY place LIMIT 1000",
          microseconds(keep), queue, kind, code_of(state)),
      idempotent_write(
          "DELETE j FROM (SELECT id FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind = ? AND "
          "state = ? AND place <= "
              + now
              + " AND unique_key IS NULL ORDER BY place LIMIT 1000 FOR UPDATE SKIP LOCKED) old STRAIGHT_JOIN "
                "cenote_job j FORCE INDEX (PRIMARY) ON old.id = j.id",
          queue, kind, code_of(state)),
  };
}

statement remove_old_batches() {
  return idempotent_write("DELETE FROM cenote_job_batch WHERE remaining <= 0 AND NOT EXISTS (SELECT 1 FROM cenote_job "
                          "WHERE id = cenote_job_batch.follower)");
}

} // namespace cenote::job_tables

namespace cenote {

statement begin_job(const job_context& context) {
  return job_tables::fence({context.id, context.attempt});
}

std::vector<statement> finish_job(const job_context& context, const std::string& result) {
  std::vector<statement> all{job_tables::finish({context.id, context.attempt}, result, context.keep_done)};
  std::ranges::move(job_tables::end_in_batch(context.batch), std::back_inserter(all));
  return all;
}

} // namespace cenote

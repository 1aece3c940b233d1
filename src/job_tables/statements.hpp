#pragma once

#include "cenote/jobs/job.hpp"
#include "cenote/jobs/settings.hpp"
#include "cenote/statement.hpp"
#include "job_tables/rows.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::job_tables {

/// The error number by which a fence stops its transaction: "Subquery returns more than 1 row".
inline constexpr uint32_t fence_error = 1242;

/// An attempt at a job. Its number is the fence: whoever has an older one can change nothing any more.
struct attempt_key {
  job_id id;
  uint32_t attempt = 0;
};

// -- submission --------------------------------------------------------------------

/// The most that is stored in one transaction.
inline constexpr size_t most_jobs_at_once = 10'000;

/// The statements that store valid jobs, many each.
std::vector<statement> insert_jobs(std::span<const job> jobs);
/// The same for a valid batch.
std::vector<statement> insert_jobs(const job_batch& batch);

/// The queue and the kind of the first job that such a statement stores; nothing of any other statement.
std::optional<queue_and_kind> stored_by(const statement& query);

/// Of those that have unique keys: which job holds each. Rows: id, unique_key, kind.
statement find_holders(std::span<const job> jobs);

/// Lets the follower of a batch be done if none of the batch's jobs remains.
statement release_follower(const job_id& batch);

// -- nodes --------------------------------------------------------------------------

/// Makes a node known, for the time of its lease.
statement register_node(std::string_view node, std::chrono::nanoseconds lease);
/// Changes one row, none if the node is not known (any more).
statement renew_lease(std::string_view node, std::chrono::nanoseconds lease);
/// Has the node's jobs, if any are left, given to others at once.
statement forget_node(std::string_view node);
/// Forgets nodes that have been silent for an hour.
statement forget_silent_nodes();

// -- claims -------------------------------------------------------------------------

/// One row; see `read_outlook`.
statement look(std::string_view queue, std::span<const std::string> kinds);

/// What a claim takes.
struct claim_order {
  std::string queue;
  std::vector<std::string> kinds; ///< At least one.
  size_t count = 1;               ///< At most so many.
  int64_t number = 0;             ///< Unique for each claim, greater than zero.
  std::string node;               ///< For whom.
  bool some_are_due = false;      ///< Scheduled ones are to be made waiting ones before.
  bool within_limits = false;     ///< Otherwise a queue with limits gives nothing.
};

/// Takes jobs of a queue, the first ones by their place; others skip them at once. For one transaction, READ COMMITTED.
/// The result of the last statement is that of `claimed`.
std::vector<statement> claim(const claim_order& order);

/// The jobs that a claim has taken. Columns: see `read_claimed`.
statement claimed(const claim_order& order);

// -- ends of attempts ---------------------------------------------------------------

/// Stops its transaction with `fence_error`, unless the attempt is still the job's current one; locks the job.
statement fence(const attempt_key& key);
/// The same for others than the worker: stops it also if the worker is just ending the attempt in a transaction.
statement fence_of_others(const attempt_key& key);

/// Marks attempts as done that have no effects, no result, and belong to no batch. Changes as many rows as were
/// current.
statement finish(std::span<const attempt_key> keys, std::chrono::nanoseconds keep);
/// Marks an attempt as done.
statement finish(const attempt_key& key, std::string_view result, std::chrono::nanoseconds keep);
/// Has the job tried again after a pause.
statement retry(const attempt_key& key, std::chrono::nanoseconds pause, std::string_view error);
/// Has the job come back after a pause, without counting this attempt.
statement snooze(const attempt_key& key, std::chrono::nanoseconds pause, std::string_view reason);
/// Gives the job to the next worker without counting this attempt.
statement give_back(const attempt_key& key);
/// Ends the job as failed.
statement discard(const attempt_key& key, std::string_view error, std::chrono::nanoseconds keep);

/// For the transaction in which a job ends: counts it in its batch, if it has one, and releases the follower after the
/// last one.
std::vector<statement> end_in_batch(const std::optional<job_id>& batch);

/// State and attempt of jobs. Rows: id, state, attempt.
statement states(std::span<const job_id> ids);

/// Notes how far an attempt is.
statement set_progress(const attempt_key& key, uint32_t per_mille);

// -- single jobs --------------------------------------------------------------------

/// What is stored about jobs. Columns: see `read_statuses`.
statement statuses(std::span<const job_id> ids);

/// Ends a job that has not ended; otherwise fails with `fence_error`. For one transaction.
std::vector<statement> cancel(const job_id& id, std::chrono::nanoseconds keep);

/// Has a job done again. Changes one row, none if it is in a state that does not allow that.
statement rerun(const job_id& id);

// -- limits -------------------------------------------------------------------------

/// Pauses a queue or resumes it.
statement set_paused(std::string_view queue, bool paused);
/// Stores the limits of a queue; others that are stored for it no longer count. Nothing if there are none.
std::vector<statement> set_limits(const job_queue_settings& queue);

/// Rows: kind, paused, max_running, per_second, next_at, version, now.
statement limits(std::string_view queue);
/// Rows: kind, how many of its jobs run in this queue.
statement count_running(std::string_view queue);

/// In the transaction of a claim of a queue with limits: stops it with `fence_error` if another claim came before, as
/// the version tells; locks the queue's limits.
statement limits_fence(std::string_view queue, uint64_t version);
/// In the same: notes the claim.
statement note_claim(std::string_view queue);
/// In the same, behind the claim: notes for the rate of a limit's row how many jobs it has taken.
/// @param interval between two jobs, in microseconds.
statement note_begun(const claim_order& order, std::string_view kind, int64_t interval);

// -- periodic jobs ------------------------------------------------------------------

/// One row: the server's time in microseconds.
statement current_time();
/// Stores a periodic job, or replaces it; its next time stays if nothing about it has changed.
/// @param work a `periodic_job` as JSON.
statement set_periodic(std::string_view name, std::string_view work, int64_t next_at);
/// Changes one row, none if there is no such periodic job.
statement remove_periodic(std::string_view name);
/// Periodic jobs whose time has come. Columns: see `read_due_periodic`.
statement due_periodic();
/// One row: in how many microseconds the next one is due, NULL if there are none.
statement next_periodic();
/// In the transaction that submits its jobs: stops it with `fence_error` if another node has fired it; locks it.
statement periodic_fence(std::string_view name, int64_t next_at);
/// In the same: the next time.
statement set_next_time(std::string_view name, int64_t next_at);

// -- housekeeping -------------------------------------------------------------------

/// All pairs of queue and kind that there are jobs of. Looks at one entry of the index for each.
statement queues_and_kinds();

/// Running jobs whose worker is silent, up to 500. Columns: see `read_abandoned`.
statement abandoned();

/// Frees unique keys that were held for a time, then removes jobs whose time has passed: up to 1000 of each. `keep` is
/// that of the state.
std::vector<statement> remove_old(std::string_view queue, std::string_view kind, job_state state,
                                  std::chrono::nanoseconds keep);
/// Removes batches whose follower has been released.
statement remove_old_batches();

} // namespace cenote::job_tables

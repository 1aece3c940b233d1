#pragma once

#include "cenote/jobs/job.hpp"
#include "cenote/result.hpp"
#include "cenote/statement.hpp"
#include "job_tables/rows.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::job_tables {

// What operators look for and change, beside what queues do. Each statement is served by the primary key or by the
// index `claim`, so that it costs what it finds, not what is stored.

// -- finding jobs -------------------------------------------------------------------

/// Which jobs are meant. What is empty does not filter.
struct job_filter {
  std::string queue;
  std::string kind;
  std::string tag;
  std::vector<job_state> states;

  /// Whether the index `claim` can serve it. A tag alone is looked for in all jobs.
  bool is_indexed() const noexcept { return !queue.empty() || !kind.empty() || !states.empty(); }
};

/// Of all pairs, those that a filter means.
std::vector<queue_and_kind> matching(const job_filter& filter, std::span<const queue_and_kind> all);

/// The newest jobs that match. Columns: see `read_statuses`; payload and result are empty, errors are cut.
/// @param pairs those that match.
statement list(const job_filter& filter, std::span<const queue_and_kind> pairs, size_t limit);

/// Jobs that match, of each state the first ones by their place. Rows: see `read_states`.
/// @param pairs those that match.
statement pick(const job_filter& filter, std::span<const queue_and_kind> pairs, size_t limit);

/// Jobs with ids in this range, both ends included. Rows: see `read_states`.
statement find_between(const job_id& first, const job_id& last, size_t limit);

/// What `job_status` does not tell.
struct job_terms {
  std::string unique_key;
  unique_scope scope = unique_scope::waiting;
  std::optional<std::chrono::system_clock::time_point> unique_until;
  std::chrono::nanoseconds time_limit{0};
  job_backoff backoff;
  std::optional<job_id> batch;
};
statement terms(const job_id& id);
/// Nothing if there is no such job.
std::optional<job_terms> read_terms(const result& rows);

// -- changing jobs ------------------------------------------------------------------

/// Ends a job that has not ended as failed; otherwise fails with `fence_error`. For one transaction.
std::vector<statement> discard(const job_id& id, std::string_view reason, std::chrono::nanoseconds keep);

/// Jobs that ended so long ago, up to 1000, without those that still hold a unique key. Rows: see `read_states`.
statement old_jobs(const queue_and_kind& of, job_state state, std::chrono::nanoseconds age);
/// Removes those of them that are still in this state.
statement remove(std::span<const job_id> ids, job_state state);

// -- counting -----------------------------------------------------------------------

/// How many jobs of a kind there are in a queue.
struct jobs_of_kind {
  std::string queue;
  std::string kind;
  std::array<uint64_t, 7> counts{}; ///< By `job_state`.
  /// How long the next one waits for a worker, whether it is `waiting`, or `scheduled` and due; nothing if none does.
  std::optional<std::chrono::nanoseconds> oldest;

  uint64_t count(job_state state) const noexcept { return counts[static_cast<size_t>(state)]; }
};

/// @param pairs at least one.
/// @param most_unfinished, most_ended of these states more than so many are not counted. Zero: none.
statement count(std::span<const queue_and_kind> pairs, uint64_t most_unfinished, uint64_t most_ended);
/// @param pairs those of the statement.
std::vector<jobs_of_kind> read_counts(const result& rows, std::span<const queue_and_kind> pairs);

/// The limits of a queue, or of a kind in it, and whether the queue is paused.
struct stored_limit {
  std::string queue;
  std::string kind; ///< Empty: the queue as a whole.
  bool paused = false;
  uint32_t max_running = 0;
  double per_second = 0;
};
statement all_limits();
std::vector<stored_limit> read_all_limits(const result& rows);

/// A process that works on jobs.
struct job_node {
  std::string name;
  std::chrono::nanoseconds age{0};   ///< Since it was registered.
  std::chrono::nanoseconds lease{0}; ///< How long it may still be silent. Not above zero: it counts as lost.
};
/// Those that were heard of in the last hour.
statement nodes();
std::vector<job_node> read_nodes(const result& rows);

} // namespace cenote::job_tables

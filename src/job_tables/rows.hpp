#pragma once

#include "cenote/jobs/job.hpp"
#include "cenote/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::job_tables {

// Reading what the statements give. All throw `result_error` if a row is not as the tables of this version have it.

/// An attempt that a claim has begun.
struct claimed_job {
  job_id id;
  std::string kind;
  uint32_t attempt = 0;
  uint32_t max_attempts = 0;
  std::chrono::nanoseconds time_limit{0};
  job_backoff backoff;
  std::optional<job_id> batch;
  std::string payload;
};

/// Rows of `claimed`.
std::vector<claimed_job> read_claimed(const result& rows);

/// The columns that `read_statuses` reads.
extern const std::string_view status_columns;
std::vector<job_status> read_statuses(const result& rows);

/// What `look` sees.
struct outlook {
  bool waits = false;                             ///< A job waits.
  std::optional<std::chrono::nanoseconds> due_in; ///< When the next scheduled one is due; may be in the past.
  bool paused = false;
  bool has_limits = false; ///< Over all nodes.
};
outlook read_outlook(const result& rows);

/// A row of `states`.
struct state_of_job {
  job_id id;
  job_state state = job_state::waiting;
  uint32_t attempt = 0;
};
std::vector<state_of_job> read_states(const result& rows);

/// A row of `find_holders`.
struct key_holder {
  job_id id;
  std::string unique_key;
  std::string kind;
};
std::vector<key_holder> read_holders(const result& rows);

/// A row of `abandoned`.
struct abandoned_job {
  job_id id;
  uint32_t attempt = 0;
  uint32_t max_attempts = 0;
  job_backoff backoff;
  std::optional<job_id> batch;
  std::string node;
};
std::vector<abandoned_job> read_abandoned(const result& rows);

/// A row of `queues_and_kinds`.
struct queue_and_kind {
  std::string queue;
  std::string kind;
};
std::vector<queue_and_kind> read_queues_and_kinds(const result& rows);

/// A row of `count_running`.
struct running_of_kind {
  std::string kind;
  uint64_t running = 0;
};
std::vector<running_of_kind> read_running(const result& rows);

/// A row of `limits`.
struct limit_row {
  std::string kind;
  bool paused = false;
  uint32_t max_running = 0;
  double per_second = 0;
  int64_t next_at = 0;
  uint64_t version = 0;
  int64_t now = 0;
};
std::vector<limit_row> read_limits(const result& rows);

/// A row of `due_periodic`.
struct due_periodic_job {
  std::string name;
  int64_t next_at = 0;
  std::string work; ///< A `periodic_job` as JSON.
  int64_t now = 0;
};
std::vector<due_periodic_job> read_due_periodic(const result& rows);

} // namespace cenote::job_tables

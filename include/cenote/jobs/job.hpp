#pragma once

#include "cenote/detail/inspect_enum.hpp"
#include "cenote/statement.hpp"

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cenote {

/// The name of a job, unique everywhere. Made where the job is made, so that it is known before the job is stored, and
/// a submission can be repeated without storing the job twice. Ids made later are greater (a UUID of version 7).
struct job_id {
  std::array<uint8_t, 16> bytes{}; ///< All zero: no id.

  /// Whether it names a job.
  explicit operator bool() const noexcept { return bytes != decltype(bytes){}; }
  auto operator<=>(const job_id&) const = default;
};

/// A new id, from the clock and the system's random numbers. From any thread.
job_id make_job_id();

/// @name Text
/// `01939c9e-7a2f-7c3d-9b1e-6f2a4c8d0e5f`
/// @{
std::string to_string(const job_id& id);
/// Upper case and missing dashes are read, too; nothing if the text is no id.
std::optional<job_id> parse_job_id(std::string_view text);
/// @}

/// While what a second job with the same unique key is not stored.
enum class unique_scope : uint8_t {
  waiting,            ///< The first one waits, for its time or for a worker.
  waiting_or_running, ///< The first one has not ended.
  within,             ///< The first one has not ended, or `unique_for` has not passed since its submission.
};

/// The pauses between the attempts of a job: `first`, twice that, four times ..., each up to a quarter shorter or
/// longer at random, so that jobs that failed together do not come back together.
struct job_backoff {
  std::chrono::nanoseconds first{std::chrono::seconds{1}}; ///< Before the second attempt; from 1 ms to `longest`.
  std::chrono::nanoseconds longest{std::chrono::hours{1}}; ///< At most 365 days.
  bool operator==(const job_backoff&) const = default;
};

/// Work that is stored in the database until it is done. Made by `make_job` from a message of the application.
///
/// Its times are decided by the server's clock, never by that of a node.
struct job {
  job_id id; ///< Given by `make_job`.

  std::string kind;    ///< What is to be done: the name of the payload's type. Up to 128 printable ASCII characters.
  std::string payload; ///< JSON, at most 4 MiB.

  std::string queue = "default"; ///< Up to 64 printable ASCII characters.

  /// From -10000 to 10000. A job of priority `p` goes before those of priority 0 that were due up to `p` minutes
  /// earlier, so that none waits for ever.
  int32_t priority = 0;

  std::optional<std::chrono::system_clock::time_point> run_at; ///< Not before this time of the server's clock.
  std::chrono::nanoseconds delay{0};                           ///< Not before this has passed since its submission.

  uint32_t max_attempts = 20; ///< Then it is discarded. From 1 to 10000.
  job_backoff backoff;        ///< The pauses between its attempts.

  /// Longest time of one attempt. It then fails, and what its handler answers later has no effect. From 1 ms to 30
  /// days.
  std::chrono::nanoseconds time_limit{std::chrono::minutes{10}};

  std::string unique_key; ///< Empty: it is not unique. Up to 255 bytes. The key counts for the jobs of its kind.
  unique_scope scope = unique_scope::waiting_or_running; ///< How long the key is taken.
  std::chrono::nanoseconds unique_for{0};                ///< For `unique_scope::within`. Up to 365 days.

  std::vector<std::string> tags; ///< For people: up to 16, each up to 64 bytes, without commas.

  /// @name Builders
  /// @{
  /// Sets its `queue`.
  job in_queue(std::string name) && {
    queue = std::move(name);
    return std::move(*this);
  }
  /// Sets its `priority`.
  job with_priority(int32_t level) && {
    priority = level;
    return std::move(*this);
  }
  /// Sets `run_at`.
  job at(std::chrono::system_clock::time_point time) && {
    run_at = time;
    return std::move(*this);
  }
  /// Sets its `delay`.
  job after(std::chrono::nanoseconds pause) && {
    delay = pause;
    return std::move(*this);
  }
  /// Sets `max_attempts`.
  job attempted_at_most(uint32_t times) && {
    max_attempts = times;
    return std::move(*this);
  }
  /// Sets its `backoff`.
  job with_backoff(job_backoff pauses) && {
    backoff = pauses;
    return std::move(*this);
  }
  /// Sets its `time_limit`.
  job within(std::chrono::nanoseconds limit) && {
    time_limit = limit;
    return std::move(*this);
  }
  /// Makes it unique while another one waits, or waits or runs.
  job unique(std::string key, unique_scope while_it = unique_scope::waiting_or_running) && {
    unique_key = std::move(key);
    scope = while_it;
    return std::move(*this);
  }
  /// Makes it unique for this time from its submission on, and until it has ended.
  job unique_within(std::string key, std::chrono::nanoseconds time) && {
    unique_key = std::move(key);
    scope = unique_scope::within;
    unique_for = time;
    return std::move(*this);
  }
  /// Adds a tag.
  job tagged(std::string tag) && {
    tags.push_back(std::move(tag));
    return std::move(*this);
  }
  /// @}

  bool operator==(const job&) const = default;
};

/// What is wrong with a job, with the name of the field; nothing if it can be stored.
std::optional<std::string> find_problem(const job& work);

/// The statement that stores a job. In a transaction or a session of the caller's, so that there is no job without its
/// cause and no cause without its job:
///
///     all_or_nothing(write("INSERT INTO manga ..."), enqueue(make_job(scrape_manga{42})))
///
/// Does nothing if a job with this id, or one that still holds its unique key, is stored already; so it is an
/// `idempotent_write`. Workers on other nodes find the job at their next poll.
/// @throws std::invalid_argument as `find_problem` says, or if the job has no id.
statement enqueue(const job& work);

/// Jobs, and one that follows when all of them have ended.
struct job_batch {
  std::vector<job> jobs; ///< Up to 10000.
  job then;              ///< Waits until the last of `jobs` has ended, well or not.
  bool operator==(const job_batch&) const = default;
};

/// The statements that store a batch; they belong into one transaction. A job of it whose unique key is taken counts as
/// ended.
/// @throws std::invalid_argument as `find_problem` says, or if a job has no id.
std::vector<statement> enqueue(const job_batch& batch);

/// Where a job is in its life.
enum class job_state : uint8_t {
  scheduled, ///< Waits for its time: the first one, or that of its next attempt.
  waiting,   ///< Waits for a worker.
  running,   ///< A worker has it.
  blocked,   ///< Waits for the end of the other jobs of its batch.
  done,      ///< Has ended well.
  discarded, ///< Has failed for good, and is kept for inspection.
  cancelled, ///< Was cancelled before it ended.
};

/// `scheduled` ...
std::string to_string(job_state x);
/// Nothing if the text is no state.
std::optional<job_state> parse_job_state(std::string_view text);
/// Whether a job in this state stays as it is.
constexpr bool has_ended(job_state x) noexcept {
  return x >= job_state::done;
}

/// What is stored about a job. Times are those of the server's clock.
struct job_status {
  job_id id;                            ///< Its id.
  std::string kind;                     ///< See `job::kind`.
  std::string queue;                    ///< See `job::queue`.
  job_state state = job_state::waiting; ///< Where it is.
  int32_t priority = 0;                 ///< See `job::priority`.
  uint32_t attempt = 0;                 ///< How often it has been begun.
  uint32_t max_attempts = 0;            ///< See `job::max_attempts`.
  std::string payload;                  ///< JSON.
  std::string result;                   ///< JSON; empty if its handler gave none.
  std::string error;                    ///< Why the last attempt failed, or why it was discarded; empty if none did.
  std::string node;                     ///< The worker that has it or had it last.
  uint32_t progress = 0;                ///< Per mille, as its handler says.
  std::vector<std::string> tags;        ///< See `job::tags`.
  std::chrono::system_clock::time_point created_at; ///< When it was submitted.
  std::chrono::system_clock::time_point run_at;     ///< When its next attempt is due, or the last one was.
  std::optional<std::chrono::system_clock::time_point> started_at; ///< When its last attempt began.
  std::optional<std::chrono::system_clock::time_point> ended_at;   ///< When it ended.

  bool operator==(const job_status&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, job_id& x) {
  return f.object(x).fields(f.field("bytes", x.bytes));
}

template <class Inspector>
bool inspect(Inspector& f, unique_scope& x) {
  return detail::inspect_enum(f, x, unique_scope::within);
}

template <class Inspector>
bool inspect(Inspector& f, job_state& x) {
  return detail::inspect_enum(f, x, job_state::cancelled);
}

template <class Inspector>
bool inspect(Inspector& f, job_backoff& x) {
  return f.object(x).fields(f.field("first", x.first), f.field("longest", x.longest));
}

template <class Inspector>
bool inspect(Inspector& f, job& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("kind", x.kind), f.field("payload", x.payload),
                            f.field("queue", x.queue), f.field("priority", x.priority), f.field("run-at", x.run_at),
                            f.field("delay", x.delay), f.field("max-attempts", x.max_attempts),
                            f.field("backoff", x.backoff), f.field("time-limit", x.time_limit),
                            f.field("unique-key", x.unique_key), f.field("scope", x.scope),
                            f.field("unique-for", x.unique_for), f.field("tags", x.tags));
}

template <class Inspector>
bool inspect(Inspector& f, job_batch& x) {
  return f.object(x).fields(f.field("jobs", x.jobs), f.field("then", x.then));
}

template <class Inspector>
bool inspect(Inspector& f, job_status& x) {
  return f.object(x).fields(
      f.field("id", x.id), f.field("kind", x.kind), f.field("queue", x.queue), f.field("state", x.state),
      f.field("priority", x.priority), f.field("attempt", x.attempt), f.field("max-attempts", x.max_attempts),
      f.field("payload", x.payload), f.field("result", x.result), f.field("error", x.error), f.field("node", x.node),
      f.field("progress", x.progress), f.field("tags", x.tags), f.field("created-at", x.created_at),
      f.field("run-at", x.run_at), f.field("started-at", x.started_at), f.field("ended-at", x.ended_at));
}

} // namespace cenote

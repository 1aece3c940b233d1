#pragma once

#include "cenote/jobs/job.hpp"
#include "cenote/statement.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace cenote {

/// What a handler learns about the attempt it is asked for.
struct job_context {
  job_id id;                 ///< The same for all attempts: the idempotency key for effects outside of the database.
  std::string kind;          ///< See `job::kind`.
  std::string queue;         ///< See `job::queue`.
  uint32_t attempt = 0;      ///< 1 for the first one.
  uint32_t max_attempts = 0; ///< After this one the job is discarded.
  /// When the attempt is given up, on this node's clock.
  std::chrono::system_clock::time_point deadline;
  /// Requests a stop when the attempt does not count any more: its time is over, the job was cancelled, or this node
  /// lost its lease. Work that goes on is in vain. Only within a process.
  std::stop_token stop;

  std::optional<job_id> batch;           ///< Its batch, for `finish_job`.
  std::chrono::nanoseconds keep_done{0}; ///< See `job_settings`; for `finish_job`.
};

/// How an attempt has ended.
enum class job_verdict : uint8_t {
  done,    ///< The job is done.
  stored,  ///< The handler has stored itself that it is done, by `finish_job`.
  retry,   ///< The attempt failed: another one follows, unless it was the last.
  snooze,  ///< The job comes back later; the attempt does not count.
  discard, ///< The job has failed for good.
};

/// What a handler answers. Made by `job_done`, `job_stored`, `job_retry`, `job_snooze`, `job_discard`.
struct job_answer {
  job_verdict verdict = job_verdict::done; ///< How the attempt has ended.

  /// Committed in the same transaction in which the job is marked as done, or not at all. Jobs that follow from this
  /// one are among them: `enqueue(...)`. Only for `done`.
  std::vector<statement> effects;
  std::string result; ///< JSON for those who await the job. Only for `done`.

  /// The pause before the next attempt. Less than zero: as the job's backoff says.
  std::chrono::nanoseconds pause{-1};
  std::string reason; ///< Why not `done`, for people.

  /// Sets what those who await the job get. @param json must be JSON, at most 1 MiB.
  job_answer with_result(std::string json) && {
    result = std::move(json);
    return std::move(*this);
  }
};

/// @name Answers of a handler
/// @{

/// The job is done, and these statements take effect with it.
template <class... Statements>
job_answer job_done(Statements... effects) {
  job_answer built;
  built.effects.reserve(sizeof...(Statements));
  (built.effects.push_back(std::move(effects)), ...);
  return built;
}

/// The same for as many as there are, such as all of `enqueue(job_batch)`.
inline job_answer job_done(std::vector<statement> effects) {
  job_answer built;
  built.effects = std::move(effects);
  return built;
}

/// The job is done, and the handler has stored that, with its effects, in a session of its own; see `begin_job`.
inline job_answer job_stored() {
  return {job_verdict::stored, {}, {}, {}, {}};
}

/// The attempt failed: again after a time, or after the job's own backoff.
inline job_answer job_retry(std::string reason, std::chrono::nanoseconds pause = std::chrono::nanoseconds{-1}) {
  return {job_verdict::retry, {}, {}, pause, std::move(reason)};
}

/// Later: not a failure, the attempt does not count.
inline job_answer job_snooze(std::chrono::nanoseconds pause, std::string reason = {}) {
  return {job_verdict::snooze, {}, {}, pause, std::move(reason)};
}

/// The job can never succeed.
inline job_answer job_discard(std::string reason) {
  return {job_verdict::discard, {}, {}, {}, std::move(reason)};
}

/// @}

/// @name Effects in a session
/// For handlers whose effects depend on what they read in the same transaction. They check out a session, begin a
/// transaction, and run in it: `begin_job`, which fails if the attempt does not count any more and keeps others from
/// ending the job; their own statements; all of `finish_job`; then they commit, and answer `job_stored()`. Whatever
/// goes wrong before the commit, nothing has happened, and the attempt may be answered as failed.
/// @{

/// Fails with error 1242 if the attempt does not count any more; otherwise keeps others from ending the job.
statement begin_job(const job_context& context);

/// Marks the job as done, behind `begin_job`.
/// @param result see `job_answer::with_result`.
std::vector<statement> finish_job(const job_context& context, const std::string& result = {});
/// @}

template <class Inspector>
bool inspect(Inspector& f, job_verdict& x) {
  return detail::inspect_enum(f, x, job_verdict::discard);
}

template <class Inspector>
bool inspect(Inspector& f, job_context& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("kind", x.kind), f.field("queue", x.queue),
                            f.field("attempt", x.attempt), f.field("max-attempts", x.max_attempts),
                            f.field("deadline", x.deadline), f.field("batch", x.batch),
                            f.field("keep-done", x.keep_done));
}

template <class Inspector>
bool inspect(Inspector& f, job_answer& x) {
  return f.object(x).fields(f.field("verdict", x.verdict), f.field("effects", x.effects), f.field("result", x.result),
                            f.field("pause", x.pause), f.field("reason", x.reason));
}

} // namespace cenote

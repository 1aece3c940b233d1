#pragma once

#include "cenote/jobs/worker.hpp"
#include "jobs/backoff.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace cenote::jobs {

/// What is stored about an attempt that has ended.
struct attempt_end {
  job_verdict verdict = job_verdict::done; ///< `retry` only if attempts are left.
  std::chrono::nanoseconds pause{0};       ///< For `retry` and `snooze`.
  std::string reason;                      ///< Empty if done.
};

/// Longest pause that a handler may ask for.
constexpr std::chrono::nanoseconds longest_pause{std::chrono::hours{24 * 365}};

/// Decides what becomes of a job.
/// @param attempt the number of the attempt, from 1 on.
/// @param pause what the handler asked for; less than zero: what the job's backoff gives.
/// @param random from 0 to 1.
inline attempt_end decide_end(job_verdict verdict, std::string reason, std::chrono::nanoseconds pause, uint32_t attempt,
                              uint32_t max_attempts, const job_backoff& backoff, double random) {
  attempt_end end{verdict, {}, std::move(reason)};
  if (verdict == job_verdict::snooze)
    end.pause = std::clamp(pause, std::chrono::nanoseconds{0}, longest_pause);
  if (verdict != job_verdict::retry)
    return end;
  if (end.reason.empty())
    end.reason = "its handler asked for another attempt";
  if (attempt >= max_attempts) {
    end.verdict = job_verdict::discard;
    end.reason = "attempt " + std::to_string(attempt) + ", the last one, failed: " + end.reason;
    return end;
  }
  end.pause = pause < pause.zero() ? pause_after(attempt, backoff, random) : std::min(pause, longest_pause);
  return end;
}

/// Whether a job is in the state that this end of an attempt gives it, and not in that of a cancelled one.
inline bool is_what_was_stored(job_state state, job_verdict verdict) noexcept {
  switch (verdict) {
  case job_verdict::done:
  case job_verdict::stored:
    return state == job_state::done;
  case job_verdict::discard:
    return state == job_state::discarded;
  case job_verdict::retry:
  case job_verdict::snooze:
    return state == job_state::scheduled || state == job_state::waiting;
  }
  return false;
}

/// What the table tells about an end of which it is not known whether it was stored.
enum class end_in_doubt : uint8_t {
  stored,
  not_stored,   ///< The attempt still counts: the end is to be stored again.
  never_stored, ///< The attempt still counts, but its handler says that it has stored the end itself.
  lost,         ///< The attempt does not count any more.
};

/// @param state that of the job; nothing if it is gone, or has another attempt.
inline end_in_doubt resolve_doubt(job_verdict verdict, std::optional<job_state> state) noexcept {
  if (!state)
    return end_in_doubt::lost;
  if (*state == job_state::running)
    return verdict == job_verdict::stored ? end_in_doubt::never_stored : end_in_doubt::not_stored;
  return is_what_was_stored(*state, verdict) ? end_in_doubt::stored : end_in_doubt::lost;
}

/// How long to wait before an end is stored again that could not be stored.
/// @param failures that there were before, in turn.
/// @param random from 0 to 1.
inline std::chrono::nanoseconds pause_before_storing(unsigned failures, double random) {
  using namespace std::chrono_literals;
  auto pause = std::min<std::chrono::nanoseconds>(100ms * (1u << std::min(failures, 6u)), 5s);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(pause * (0.75 + random / 2));
}

} // namespace cenote::jobs

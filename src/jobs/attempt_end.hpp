#pragma once

#include "cenote/jobs/worker.hpp"
#include "jobs/backoff.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
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

} // namespace cenote::jobs

#pragma once

#include "cenote/jobs/job.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::app {

/// What follows after `cenote jobs`.
enum class jobs_command : uint8_t {
  migrate,
  list,
  show,
  submit,
  retry,
  cancel,
  discard,
  pause,
  resume,
  stats,
  prune,
};

/// What the command line of `cenote jobs` says. Texts are as they were typed until `complete` has read them.
struct jobs_options {
  jobs_command command = jobs_command::stats;

  // Which jobs are meant.
  std::vector<std::string> ids; ///< Ids, or their beginnings; of `pause` and `resume` one queue.
  std::string queue;
  std::string kind;
  std::string tag;
  std::vector<std::string> state_names;
  std::vector<job_state> states; ///< Made by `complete`.
  bool all = false;              ///< All that match, instead of single ones.
  uint64_t limit = 50;

  std::string reason = "discarded by an operator";

  std::string age_text;
  std::chrono::nanoseconds age{0}; ///< Made by `complete`.

  // A new job.
  std::string payload; ///< `-`: read it from standard input.
  std::optional<int64_t> priority;
  std::string delay;
  std::string at;
  std::optional<int64_t> attempts;
  std::string unique;
  std::string time_limit;
  std::vector<std::string> tags;
  cenote::job work; ///< Made by `make_submission`.
};

/// Reads the texts. @returns what is wrong, as one line for people; empty if nothing is.
std::string complete(jobs_options& x);

/// Makes the job of `submit`; reads its payload from standard input if that is asked for.
/// @throws input_error if standard input cannot be read, or the job could not be stored.
void make_submission(jobs_options& x);

/// `7d`, or as `config::parse_duration` reads it. Nothing if it is neither, or less than zero.
std::optional<std::chrono::nanoseconds> parse_span(std::string_view text);

/// RFC 3339: `2026-12-24T18:00:00Z`, `2026-12-24 18:00:00.5+01:00`. Nothing if it is no such time, or one without
/// a zone.
std::optional<std::chrono::system_clock::time_point> parse_instant(std::string_view text);

/// Why a text is no JSON; empty if it is.
std::string find_json_problem(std::string_view text);

/// The ids that begin with a text, which may be a whole one: first and last.
struct id_range {
  job_id first;
  job_id last;
};
/// Nothing if it is not the beginning of an id, with at least 4 digits.
std::optional<id_range> parse_id_prefix(std::string_view text);

} // namespace cenote::app

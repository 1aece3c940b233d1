#pragma once

#include "cenote/jobs/job.hpp"
#include "job_tables/operators.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace cenote::app {

using server_clock = std::chrono::system_clock;

/// Of ended jobs, more than so many of a kind and state are not counted.
inline constexpr uint64_t most_counted = 10'000;

/// `in 5 s`, `3 min ago`, `now`.
std::string relative_time(server_clock::time_point time, server_clock::time_point now);

/// RFC 3339, in UTC, with microseconds if there are any.
std::string time_text(server_clock::time_point time);

/// When something about a job happened or will: what its state makes of interest.
server_clock::time_point time_of_interest(const job_status& x);

/// @name For people
/// Safe for a terminal.
/// @{
std::string job_table(const std::vector<job_status>& jobs, server_clock::time_point now);
std::string job_page(const job_status& x, const job_tables::job_terms& terms, server_clock::time_point now);
/// @}

/// @name For programs
/// @{
/// Without payload and result.
nlohmann::ordered_json job_object(const job_status& x);
/// With all.
nlohmann::ordered_json job_object(const job_status& x, const job_tables::job_terms& terms);
/// @}

/// What `stats` has found.
struct jobs_overview {
  std::vector<job_tables::jobs_of_kind> kinds;
  std::vector<job_tables::stored_limit> limits;
  std::vector<job_tables::job_node> nodes;
};
std::string overview_tables(const jobs_overview& x);
nlohmann::ordered_json overview_object(const jobs_overview& x);

/// The text as a JSON value; as a string if it cannot be one, or is nested so deeply that writing it would be a danger.
nlohmann::ordered_json embedded_json(std::string_view text);

} // namespace cenote::app

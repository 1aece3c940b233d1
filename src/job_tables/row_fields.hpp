#pragma once

// Private to src/job_tables: cells as the tables have them.

#include "cenote/jobs/job.hpp"
#include "cenote/result.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace cenote::job_tables {

inline job_id read_id(const row& from, size_t column) {
  auto raw = from.text(column);
  job_id out;
  if (raw.size() != out.bytes.size())
    throw result_error{"a job's id has " + std::to_string(raw.size()) + " bytes, not 16"};
  std::memcpy(out.bytes.data(), raw.data(), raw.size());
  return out;
}

inline std::optional<job_id> read_optional_id(const row& from, size_t column) {
  return from.is_null(column) ? std::nullopt : std::optional{read_id(from, column)};
}

inline std::chrono::nanoseconds read_span(const row& from, size_t column) {
  return std::chrono::microseconds{from.get<int64_t>(column)};
}

} // namespace cenote::job_tables

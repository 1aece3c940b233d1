#include "job_tables/rows.hpp"

#include "job_tables/row_fields.hpp"
#include "job_tables/server_time.hpp"

#include <algorithm>

namespace cenote::job_tables {

namespace {

job_state read_state(const row& from, size_t column) {
  auto code = from.get<uint8_t>(column);
  if (code > static_cast<uint8_t>(job_state::cancelled))
    throw result_error{"a job has the unknown state " + std::to_string(code)};
  return static_cast<job_state>(code);
}

std::string read_text(const row& from, size_t column) {
  return std::string{from.text(column)};
}

std::vector<std::string> split(std::string_view tags) {
  std::vector<std::string> out;
  while (!tags.empty()) {
    auto end = std::min(tags.find(','), tags.size());
    out.emplace_back(tags.substr(0, end));
    tags.remove_prefix(std::min(end + 1, tags.size()));
  }
  return out;
}

std::optional<std::chrono::system_clock::time_point> read_optional_time(const row& from, size_t column) {
  return from.is_null(column) ? std::nullopt : std::optional{time_point_at(from.get<int64_t>(column))};
}

template <class F>
auto read_all(const result& rows, F read_one) {
  std::vector<decltype(read_one(rows[0]))> out;
  out.reserve(rows.size());
  for (auto row : rows)
    out.push_back(read_one(row));
  return out;
}

const row only_row(const result& rows) {
  if (rows.size() != 1)
    throw result_error{"expected one row, not " + std::to_string(rows.size())};
  return rows[0];
}

} // namespace

std::vector<claimed_job> read_claimed(const result& rows) {
  return read_all(rows, [](const row& x) {
    return claimed_job{read_id(x, 0),          read_text(x, 1), x.get<uint32_t>(2),
                       x.get<uint32_t>(3),     read_span(x, 4), {read_span(x, 5), read_span(x, 6)},
                       read_optional_id(x, 7), read_text(x, 8)};
  });
}

const std::string_view status_columns =
    "id, kind, queue, state, priority, attempt, max_attempts, payload, result, error, "
    "node, progress, tags, created_at, run_at, started_at, ended_at";

std::vector<job_status> read_statuses(const result& rows) {
  return read_all(rows, [](const row& x) {
    job_status out;
    out.id = read_id(x, 0);
    out.kind = read_text(x, 1);
    out.queue = read_text(x, 2);
    out.state = read_state(x, 3);
    out.priority = x.get<int32_t>(4);
    out.attempt = x.get<uint32_t>(5);
    out.max_attempts = x.get<uint32_t>(6);
    out.payload = read_text(x, 7);
    out.result = read_text(x, 8);
    out.error = read_text(x, 9);
    out.node = read_text(x, 10);
    out.progress = x.get<uint32_t>(11);
    out.tags = split(x.text(12));
    out.created_at = time_point_at(x.get<int64_t>(13));
    out.run_at = time_point_at(x.get<int64_t>(14));
    out.started_at = read_optional_time(x, 15);
    out.ended_at = read_optional_time(x, 16);
    return out;
  });
}

outlook read_outlook(const result& rows) {
  auto x = only_row(rows);
  outlook out;
  out.waits = x.get<int64_t>(0) != 0;
  if (!x.is_null(1))
    out.due_in = read_span(x, 1);
  out.paused = x.get<int64_t>(2) != 0;
  out.has_limits = x.get<int64_t>(3) != 0;
  return out;
}

std::vector<state_of_job> read_states(const result& rows) {
  return read_all(rows, [](const row& x) { return state_of_job{read_id(x, 0), read_state(x, 1), x.get<uint32_t>(2)}; });
}

std::vector<key_holder> read_holders(const result& rows) {
  return read_all(rows, [](const row& x) { return key_holder{read_id(x, 0), read_text(x, 1), read_text(x, 2)}; });
}

std::vector<abandoned_job> read_abandoned(const result& rows) {
  return read_all(rows, [](const row& x) {
    return abandoned_job{read_id(x, 0),          x.get<uint32_t>(1),
                         x.get<uint32_t>(2),     {read_span(x, 3), read_span(x, 4)},
                         read_optional_id(x, 5), read_text(x, 6)};
  });
}

std::vector<queue_and_kind> read_queues_and_kinds(const result& rows) {
  return read_all(rows, [](const row& x) { return queue_and_kind{read_text(x, 0), read_text(x, 1)}; });
}

std::vector<running_of_kind> read_running(const result& rows) {
  return read_all(rows, [](const row& x) { return running_of_kind{read_text(x, 0), x.get<uint64_t>(1)}; });
}

std::vector<limit_row> read_limits(const result& rows) {
  return read_all(rows, [](const row& x) {
    return limit_row{read_text(x, 0),   x.get<int64_t>(1) != 0, x.get<uint32_t>(2), x.get<double>(3),
                     x.get<int64_t>(4), x.get<uint64_t>(5),     x.get<int64_t>(6)};
  });
}

std::vector<due_periodic_job> read_due_periodic(const result& rows) {
  return read_all(rows, [](const row& x) {
    return due_periodic_job{read_text(x, 0), x.get<int64_t>(1), read_text(x, 2), x.get<int64_t>(3)};
  });
}

} // namespace cenote::job_tables

#include "job_tables/server_time.hpp"
#include "job_tables/sql_builder.hpp"
#include "job_tables/statements.hpp"

namespace cenote::job_tables {

namespace {

const std::string now{server_now};

} // namespace

statement current_time() {
  return read("SELECT " + now);
}

statement set_periodic(std::string_view name, std::string_view work, int64_t next_at) {
  // An application stores its periodic jobs at each start: times that were missed meanwhile must not be lost.
  return idempotent_write(
      "INSERT INTO cenote_job_periodic (name, next_at, work) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE "
      "next_at = IF(work = VALUES(work), next_at, VALUES(next_at)), work = VALUES(work)",
      name, next_at, work);
}

statement remove_periodic(std::string_view name) {
  return idempotent_write("DELETE FROM cenote_job_periodic WHERE name = ?", name);
}

statement due_periodic() {
  return read("SELECT name, next_at, work, " + now + " FROM cenote_job_periodic WHERE next_at <= " + now
              + " ORDER BY next_at LIMIT 100");
}

statement next_periodic() {
  return read("SELECT MIN(next_at) - " + now + " FROM cenote_job_periodic");
}

statement periodic_fence(std::string_view name, int64_t next_at) {
  return stop_unless_exists("cenote_job_periodic WHERE name = ? AND next_at = ? FOR UPDATE", name, next_at);
}

statement set_next_time(std::string_view name, int64_t next_at) {
  return idempotent_write("UPDATE cenote_job_periodic SET next_at = ? WHERE name = ?", next_at, name);
}

} // namespace cenote::job_tables

#include "job_tables/schema.hpp"

#include "job_tables/server_time.hpp"

#include <utility>

namespace cenote::job_tables {

namespace {

/// Each says IF NOT EXISTS: running it twice does no harm.
statement ddl(std::string text) {
  return idempotent_write(std::move(text));
}

constexpr auto job_table = R"(CREATE TABLE IF NOT EXISTS cenote_job (
  id BINARY(16) NOT NULL,
  queue VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state TINYINT UNSIGNED NOT NULL,
  place BIGINT NOT NULL,
  priority INT NOT NULL,
  attempt INT UNSIGNED NOT NULL DEFAULT 0,
  max_attempts INT UNSIGNED NOT NULL,
  progress SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  unique_scope TINYINT UNSIGNED NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  run_at BIGINT NOT NULL,
  started_at BIGINT NULL,
  ended_at BIGINT NULL,
  unique_until BIGINT NULL,
  time_limit BIGINT NOT NULL,
  backoff_first BIGINT NOT NULL,
  backoff_longest BIGINT NOT NULL,
  node VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NULL,
  unique_key VARBINARY(255) NULL,
  batch BINARY(16) NULL,
  tags VARCHAR(1100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  payload LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  result LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (id),
  KEY claim (queue, kind, state, place, id),
  UNIQUE KEY unique_key (unique_key, kind)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC)";

constexpr auto node_table = R"(CREATE TABLE IF NOT EXISTS cenote_job_node (
  node VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  started_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  PRIMARY KEY (node)
) ENGINE=InnoDB)";

constexpr auto limit_table = R"(CREATE TABLE IF NOT EXISTS cenote_job_limit (
  queue VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  paused TINYINT UNSIGNED NOT NULL DEFAULT 0,
  max_running INT UNSIGNED NOT NULL DEFAULT 0,
  per_second DOUBLE NOT NULL DEFAULT 0,
  next_at BIGINT NOT NULL DEFAULT 0,
  version BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (queue, kind)
) ENGINE=InnoDB)";

constexpr auto batch_table = R"(CREATE TABLE IF NOT EXISTS cenote_job_batch (
  id BINARY(16) NOT NULL,
  remaining INT NOT NULL,
  follower BINARY(16) NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB)";

constexpr auto periodic_table = R"(CREATE TABLE IF NOT EXISTS cenote_job_periodic (
  name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  next_at BIGINT NOT NULL,
  work LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (name),
  KEY next_at (next_at)
) ENGINE=InnoDB)";

} // namespace

const std::vector<migration>& migrations() {
  static const std::vector<migration> all{
      {1, "jobs, workers and limits", {ddl(job_table), ddl(node_table), ddl(limit_table)}},
      {2, "batches and periodic jobs", {ddl(batch_table), ddl(periodic_table)}},
  };
  return all;
}

uint32_t current_version() {
  return migrations().back().version;
}

bool says_no_tables(const failure& reason) {
  constexpr uint32_t no_such_table = 1146;
  return reason.number == no_such_table && reason.server_text.find("cenote_job") != std::string::npos;
}

statement create_migration_table() {
  return ddl("CREATE TABLE IF NOT EXISTS cenote_job_migration (version INT UNSIGNED NOT NULL, applied_at BIGINT NOT "
             "NULL, PRIMARY KEY (version)) ENGINE=InnoDB");
}

statement applied_version() {
  return read("SELECT MAX(version) FROM cenote_job_migration");
}

statement note_migration(const migration& step) {
  return idempotent_write("INSERT IGNORE INTO cenote_job_migration (version, applied_at) VALUES (?, "
                              + std::string{server_now} + ")",
                          step.version);
}

} // namespace cenote::job_tables

#include "job_tables/server_time.hpp"
#include "job_tables/sql_builder.hpp"
#include "job_tables/statements.hpp"
#include "jobs/rate_limit.hpp"

namespace cenote::job_tables {

namespace {

const std::string now{server_now};

/// Scheduled jobs that become waiting ones at once, at most.
constexpr size_t most_due = 1000;

/// Selects the ids of the first jobs of these kinds in one state, by their place, and locks them; those that others
/// have locked are skipped. One index serves the filter and the order of each part, so that nothing else is locked.
void add_first_ones(sql_builder& out, const claim_order& order, job_state state, size_t count,
                    std::string_view filter) {
  auto add_kind = [&](const std::string& kind, std::string_view columns) {
    out.add("SELECT " + std::string{columns}
                + " FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind = ? AND state = ?",
            order.queue, kind, code_of(state));
    out.add(filter).add(" ORDER BY place, id LIMIT ? FOR UPDATE SKIP LOCKED", count);
  };
  if (order.kinds.size() == 1) {
    add_kind(order.kinds.front(), "id");
    return;
  }
  out.add("SELECT id FROM (");
  out.add_each(order.kinds, " UNION ALL ", [&](auto& kind) {
    out.add("(");
    add_kind(kind, "id, place");
    out.add(")");
  });
  out.add(") first_of_kinds ORDER BY place, id LIMIT ?", count);
}

// The order of the joins is fixed: of a small table the server would rather read all rows, and wait for those that
// others have locked.

/// Makes scheduled jobs waiting ones whose time has come.
statement make_due(const claim_order& order) {
  sql_builder out{statement_kind::idempotent_write};
  out.add("UPDATE (");
  add_first_ones(out, order, job_state::scheduled, most_due, " AND place <= " + now);
  out.add(") due STRAIGHT_JOIN cenote_job j FORCE INDEX (PRIMARY) ON due.id = j.id SET j.state = ?, j.place = j.run_at "
          "- j.priority * ?",
          code_of(job_state::waiting), priority_step);
  return std::move(out).finish();
}

statement take(const claim_order& order) {
  sql_builder out{statement_kind::write};
  out.add("UPDATE (");
  add_first_ones(out, order, job_state::waiting, order.count, "");
  // A queue that has been paused gives nothing; the row of the queue as a whole has no kind. Nor does one with limits,
  // if the claim does not keep them: whether a queue has some is not left to what a node has seen last.
  out.add(") first_ones STRAIGHT_JOIN cenote_job j FORCE INDEX (PRIMARY) ON first_ones.id = j.id SET j.state = ?, "
          "j.place = ?, j.attempt = j.attempt + 1, j.node = ?, "
          "j.progress = 0, j.started_at = "
              + now
              + ", j.unique_key = IF(j.unique_scope = ?, NULL, j.unique_key) WHERE NOT EXISTS (SELECT 1 FROM "
                "cenote_job_limit WHERE queue = ? AND ((kind = '' AND paused = 1)"
              + (order.within_limits ? "))" : " OR max_running > 0 OR per_second > 0))"),
          code_of(job_state::running), order.number, order.node, static_cast<int64_t>(unique_scope::waiting),
          order.queue);
  return std::move(out).finish();
}

} // namespace

statement look(std::string_view queue, std::span<const std::string> kinds) {
  sql_builder out{statement_kind::read};
  out.add(
      "SELECT MAX(waits), MIN(due) - " + now
          + ", EXISTS (SELECT 1 FROM cenote_job_limit WHERE queue = ? AND kind = '' AND paused = 1), EXISTS (SELECT "
            "1 FROM cenote_job_limit WHERE queue = ? AND (max_running > 0 OR per_second > 0)) FROM (",
      queue, queue);
  out.add_each(kinds, " UNION ALL ", [&](auto& kind) {
    out.add("SELECT EXISTS (SELECT 1 FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind = ? AND state = ?) "
            "AS waits, (SELECT MIN(place) FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind = ? AND state = "
            "?) AS due",
            queue, kind, code_of(job_state::waiting), queue, kind, code_of(job_state::scheduled));
  });
  out.add(") kinds");
  return std::move(out).finish();
}

statement claimed(const claim_order& order) {
  sql_builder out{statement_kind::read};
  out.add("SELECT id, kind, attempt, max_attempts, time_limit, backoff_first, backoff_longest, batch, payload FROM "
          "cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind IN (",
          order.queue);
  out.add_each(order.kinds, ", ", [&](auto& kind) { out.add("?", kind); });
  out.add(") AND state = ? AND place = ? AND node = ? ORDER BY run_at - priority * ?, id", code_of(job_state::running),
          order.number, order.node, priority_step);
  return std::move(out).finish();
}

std::vector<statement> claim(const claim_order& order) {
  std::vector<statement> all;
  if (order.some_are_due)
    all.push_back(make_due(order));
  all.push_back(take(order));
  all.push_back(claimed(order));
  return all;
}

// -- limits -------------------------------------------------------------------------

statement set_paused(std::string_view queue, bool paused) {
  return idempotent_write(
      "INSERT INTO cenote_job_limit (queue, kind, paused) VALUES (?, '', ?) ON DUPLICATE KEY UPDATE "
      "paused = VALUES(paused)",
      queue, paused);
}

std::vector<statement> set_limits(const job_queue_settings& queue) {
  std::vector<statement> all;
  if (queue.limits.empty())
    return all;
  all.push_back(
      idempotent_write("UPDATE cenote_job_limit SET max_running = 0, per_second = 0 WHERE queue = ?", queue.name));
  // The row that claims lock.
  all.push_back(idempotent_write(
      "INSERT INTO cenote_job_limit (queue, kind) VALUES (?, '') ON DUPLICATE KEY UPDATE kind = ''", queue.name));
  for (auto& limit : queue.limits)
    all.push_back(idempotent_write(
        "INSERT INTO cenote_job_limit (queue, kind, max_running, per_second) VALUES (?, ?, ?, ?) ON DUPLICATE KEY "
        "UPDATE max_running = VALUES(max_running), per_second = VALUES(per_second)",
        queue.name, limit.kind, limit.max_running, limit.per_second));
  return all;
}

statement limits(std::string_view queue) {
  return read("SELECT kind, paused, max_running, per_second, next_at, version, " + now
                  + " FROM cenote_job_limit WHERE queue = ? ORDER BY kind",
              queue);
}

statement count_running(std::string_view queue) {
  // The kinds of a queue are found by one look at the index for each, but only if both columns are asked for.
  return read(
      "SELECT kind, (SELECT COUNT(*) FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind = kinds.kind "
      "AND state = ?) FROM (SELECT DISTINCT queue, kind FROM cenote_job FORCE INDEX (claim)) kinds WHERE queue = ?",
      queue, code_of(job_state::running), queue);
}

statement limits_fence(std::string_view queue, uint64_t version) {
  return stop_unless_exists("cenote_job_limit WHERE queue = ? AND kind = '' AND version = ? FOR UPDATE", queue,
                            version);
}

statement note_claim(std::string_view queue) {
  return write("UPDATE cenote_job_limit SET version = version + 1 WHERE queue = ? AND kind = ''", queue);
}

statement note_begun(const claim_order& order, std::string_view kind, int64_t interval) {
  sql_builder out{statement_kind::write};
  // See `jobs::limit_rate`: no more than a burst ahead.
  out.add("UPDATE cenote_job_limit SET next_at = LEAST(GREATEST(next_at, " + now + "), " + now
              + " + ?) + ? * (SELECT COUNT(*) FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind IN (",
          interval * (jobs::rate_burst - 1), interval, order.queue);
  out.add_each(order.kinds, ", ", [&](auto& one) { out.add("?", one); });
  out.add(") AND state = ? AND place = ?) WHERE queue = ? AND kind = ?", code_of(job_state::running), order.number,
          order.queue, kind);
  return std::move(out).finish();
}

} // namespace cenote::job_tables

#include "job_tables/operators.hpp"

#include "job_tables/row_fields.hpp"
#include "job_tables/server_time.hpp"
#include "job_tables/sql_builder.hpp"
#include "job_tables/statements.hpp"

#include <algorithm>
#include <limits>

namespace cenote::job_tables {

namespace {

const std::string now{server_now};

constexpr std::array all_states{job_state::scheduled, job_state::waiting,   job_state::running,  job_state::blocked,
                                job_state::done,      job_state::discarded, job_state::cancelled};

void add_tag(sql_builder& out, const job_filter& filter) {
  if (!filter.tag.empty())
    out.add(" AND FIND_IN_SET(?, tags)", filter.tag);
}

/// Selects ids from the index: one part for each queue, kind and state, each in the order of its places.
void add_ids_from_index(sql_builder& out, const job_filter& filter, std::span<const queue_and_kind> pairs, size_t limit,
                        std::string_view direction) {
  std::string order{" ORDER BY place "};
  order.append(direction).append(", id ").append(direction).append(" LIMIT ?)");
  auto states = filter.states.empty() ? std::vector<job_state>{all_states.begin(), all_states.end()} : filter.states;
  out.add_each(pairs, " UNION ALL ", [&](auto& pair) {
    out.add_each(states, " UNION ALL ", [&](job_state state) {
      out.add("(SELECT id FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind = ? AND state = ?", pair.queue,
              pair.kind, code_of(state));
      add_tag(out, filter);
      out.add(order, limit);
    });
  });
}

/// A statement with the columns that are asked for, and no rows.
statement nothing(std::string_view columns) {
  return read("SELECT " + std::string{columns} + " FROM cenote_job WHERE FALSE");
}

constexpr std::string_view listed = "j.id, j.kind, j.queue, j.state, j.priority, j.attempt, j.max_attempts, '', NULL, "
                                    "LEFT(j.error, 300), j.node, j.progress, j.tags, j.created_at, j.run_at, "
                                    "j.started_at, j.ended_at";

std::chrono::nanoseconds span_of(int64_t microseconds) {
  return std::chrono::microseconds{microseconds};
}

} // namespace

std::vector<queue_and_kind> matching(const job_filter& filter, std::span<const queue_and_kind> all) {
  std::vector<queue_and_kind> out;
  for (auto& pair : all)
    if ((filter.queue.empty() || filter.queue == pair.queue) && (filter.kind.empty() || filter.kind == pair.kind))
      out.push_back(pair);
  return out;
}

statement list(const job_filter& filter, std::span<const queue_and_kind> pairs, size_t limit) {
  sql_builder out{statement_kind::read};
  out.add("SELECT ").add(listed);
  if (!filter.is_indexed()) {
    out.add(" FROM cenote_job j FORCE INDEX (PRIMARY) WHERE TRUE");
    add_tag(out, filter);
    out.add(" ORDER BY j.id DESC LIMIT ?", limit);
    return std::move(out).finish();
  }
  if (pairs.empty())
    return nothing(status_columns);
  out.add(" FROM (");
  add_ids_from_index(out, filter, pairs, limit, "DESC");
  out.add(" ORDER BY id DESC LIMIT ?) newest JOIN cenote_job j ON j.id = newest.id ORDER BY j.id DESC", limit);
  return std::move(out).finish();
}

statement pick(const job_filter& filter, std::span<const queue_and_kind> pairs, size_t limit) {
  if (pairs.empty())
    return nothing("id, state, attempt");
  sql_builder out{statement_kind::read};
  out.add("SELECT j.id, j.state, j.attempt FROM (");
  add_ids_from_index(out, filter, pairs, limit, "ASC");
  out.add(" LIMIT ?) first_ones JOIN cenote_job j ON j.id = first_ones.id", limit);
  return std::move(out).finish();
}

statement find_between(const job_id& first, const job_id& last, size_t limit) {
  return read("SELECT id, state, attempt FROM cenote_job WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", id_value(first),
              id_value(last), limit);
}

statement terms(const job_id& id) {
  return read("SELECT unique_key, unique_scope, unique_until, time_limit, backoff_first, backoff_longest, batch FROM "
              "cenote_job WHERE id = ?",
              id_value(id));
}

std::optional<job_terms> read_terms(const result& rows) {
  if (rows.empty())
    return std::nullopt;
  auto x = rows[0];
  job_terms out;
  out.unique_key = x.text(0);
  out.scope = static_cast<unique_scope>(std::min<uint8_t>(x.get<uint8_t>(1), 2));
  if (!x.is_null(2))
    out.unique_until = time_point_at(x.get<int64_t>(2));
  out.time_limit = read_span(x, 3);
  out.backoff = {read_span(x, 4), read_span(x, 5)};
  out.batch = read_optional_id(x, 6);
  return out;
}

std::vector<statement> discard(const job_id& id, std::string_view reason, std::chrono::nanoseconds keep) {
  // What is to be done for its batch and its unique key is the same.
  auto all = cancel(id, keep);
  all.push_back(idempotent_write("UPDATE cenote_job SET state = ?, error = ? WHERE id = ? AND state = ?",
                                 code_of(job_state::discarded), stored_text(reason), id_value(id),
                                 code_of(job_state::cancelled)));
  return all;
}

statement old_jobs(const queue_and_kind& of, job_state state, std::chrono::nanoseconds age) {
  // Found without locks: a DELETE with this filter would lock all that it looks at.
  return read(
      "SELECT id, state, attempt FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind = ? AND state = ? "
      "AND ended_at <= "
          + now + " - ? AND (unique_key IS NULL OR unique_until <= " + now + ") ORDER BY place LIMIT 1000",
      of.queue, of.kind, code_of(state), microseconds(age));
}

statement remove(std::span<const job_id> ids, job_state state) {
  sql_builder out{statement_kind::idempotent_write};
  out.add("DELETE FROM cenote_job WHERE id IN (").add_ids(ids).add(") AND state = ?", code_of(state));
  return std::move(out).finish();
}

statement count(std::span<const queue_and_kind> pairs, uint64_t most_unfinished, uint64_t most_ended) {
  constexpr auto no_limit = std::numeric_limits<uint64_t>::max();
  auto limit_of = [&](job_state state) {
    auto most = has_ended(state) ? most_ended : most_unfinished;
    return most == 0 || most == no_limit ? most : most + 1;
  };
  sql_builder out{statement_kind::read};
  int64_t index = 0; // A union has no order.
  out.add_each(pairs, " UNION ALL ", [&](auto& pair) {
    constexpr std::string_view of = " FROM cenote_job FORCE INDEX (claim) WHERE queue = ? AND kind = ? AND state = ?";
    out.add("SELECT ?, " + now, index++);
    for (auto state : all_states) {
      out.add(", (SELECT COUNT(*) FROM (SELECT 1").add(of, pair.queue, pair.kind, code_of(state));
      out.add(" LIMIT ?) found)", limit_of(state));
    }
    out.add(", (SELECT run_at").add(of, pair.queue, pair.kind, code_of(job_state::waiting));
    out.add(" ORDER BY place LIMIT 1), (SELECT MIN(place)")
        .add(of, pair.queue, pair.kind, code_of(job_state::scheduled));
    out.add(")");
  });
  return std::move(out).finish();
}

std::vector<jobs_of_kind> read_counts(const result& rows, std::span<const queue_and_kind> pairs) {
  if (rows.size() != pairs.size())
    throw result_error{"expected a row for each of " + std::to_string(pairs.size()) + " kinds of jobs"};
  std::vector<jobs_of_kind> out;
  for (auto x : rows) {
    auto index = x.get<uint64_t>(0);
    if (index >= pairs.size())
      throw result_error{"there is no kind of jobs with the number " + std::to_string(index)};
    jobs_of_kind one{pairs[index].queue, pairs[index].kind, {}, {}};
    for (size_t state = 0; state < all_states.size(); ++state)
      one.counts[state] = x.get<uint64_t>(2 + state);
    auto time = x.get<int64_t>(1);
    for (auto column : {9u, 10u})
      if (auto since = x.get<std::optional<int64_t>>(column); since && *since <= time)
        one.oldest = std::max(one.oldest.value_or(span_of(0)), span_of(time - *since));
    out.push_back(std::move(one));
  }
  return out;
}

statement all_limits() {
  return read("SELECT queue, kind, paused, max_running, per_second FROM cenote_job_limit ORDER BY queue, kind");
}

std::vector<stored_limit> read_all_limits(const result& rows) {
  std::vector<stored_limit> out;
  for (auto x : rows)
    out.push_back(
        {std::string{x.text(0)}, std::string{x.text(1)}, x.get<int64_t>(2) != 0, x.get<uint32_t>(3), x.get<double>(4)});
  return out;
}

statement nodes() {
  return read("SELECT node, " + now + " - started_at, lease_until - " + now
              + " FROM cenote_job_node WHERE lease_until > " + now + " - 3600000000 ORDER BY node");
}

std::vector<job_node> read_nodes(const result& rows) {
  std::vector<job_node> out;
  for (auto x : rows)
    out.push_back({std::string{x.text(0)}, read_span(x, 1), read_span(x, 2)});
  return out;
}

} // namespace cenote::job_tables

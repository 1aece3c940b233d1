#pragma once

#include "simulation/jobs/books.hpp"
#include "simulation/jobs/rows.hpp"
#include "simulation/row_locks.hpp"
#include "simulation/schedule.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace cenote::job_simulation {

/// A model of the tables of jobs, with the meaning of the statements of `src/job_tables`.
///
/// A transaction locks all rows that it will change when it begins, and changes them when it commits: as with the real
/// statements, it holds its locks for as long as it takes, and others wait or skip these rows. Unlike there, it waits
/// until it can have all locks at once, so that there are no deadlocks; the rows are locked in one order there as well.
class tables {
public:
  tables(const plan& run_plan, const simulation::schedule& time, books& claims)
      : run_plan_{run_plan}, time_{time}, books_{claims} {
    // nop
  }

  /// The server's clock.
  server_micros now() const;

  // -- submission (tables_submission.cpp) -----------------------------------------------

  /// Answers which jobs they have become.
  query<std::vector<job_no>> insert(std::vector<job_terms> works);
  query<int> insert_batch(std::vector<job_terms> works, job_terms follower);
  query<int> cancel(job_no id);
  query<size_t> rerun(job_no id);
  query<int> set_paused(size_t queue, bool paused);

  // -- nodes ------------------------------------------------------------------------------

  query<size_t> register_node(node_name node, const std::vector<job_queue_settings>& with_limits);
  query<size_t> renew_lease(node_name node);
  query<size_t> forget_silent_nodes();
  /// Gives back what is left, and forgets the node.
  query<int> leave(node_name node, std::vector<attempt_key> keys);

  // -- claims (tables_claims.cpp) ---------------------------------------------------------

  query<outlook> look(size_t queue, std::vector<size_t> kinds);
  /// What a claim within limits adds.
  struct within_limits {
    uint64_t version = 0;
    struct rate {
      std::string kind;
      int64_t interval = 0;
    };
    std::vector<rate> rates;
  };
  query<std::vector<claimed_job>> claim(claim_order order, std::optional<within_limits> limits);
  query<std::vector<claimed_job>> claimed(claim_order order);
  query<limits_seen> limits(size_t queue);

  // -- ends of attempts (tables_ends.cpp) -------------------------------------------------

  /// With its fence.
  query<int> store_end(attempt_key key, jobs::attempt_end how, effects of_handler, job_no batch);
  query<size_t> finish(std::vector<attempt_key> keys);
  query<std::vector<state_of_job>> states(std::vector<job_no> ids);
  query<std::vector<abandoned_job>> abandoned();
  query<int> give_to_others(abandoned_job found, jobs::attempt_end how);
  query<std::vector<std::pair<size_t, size_t>>> queues_and_kinds();
  query<size_t> remove_old(size_t queue, size_t kind, job_state state, duration keep);

  // -- periodic jobs (tables_periodic.cpp) ------------------------------------------------

  query<server_micros> current_time();
  query<int> set_periodic(periodic_row row);
  query<size_t> remove_periodic(uint32_t number);
  query<std::vector<due_periodic_job>> due_periodic();
  query<std::optional<duration>> next_periodic();
  query<int> fire(due_periodic_job found, std::vector<job_terms> works, server_micros next);

  // -- for the server ---------------------------------------------------------------------

  /// The end of a transaction.
  void release(transaction_no owner);

  // -- for the books ------------------------------------------------------------------------

  const std::map<job_no, job_row>& rows() const noexcept { return rows_; }
  bool is_locked(job_no id) const { return locks_.contains(key_of(id)); }
  bool is_paused(size_t queue) const;
  const limit_row* find_limit(size_t queue, const std::string& kind) const;
  size_t running(size_t queue, std::optional<size_t> kind) const;
  /// When the server's lease of a node ends; nothing if it does not know it.
  std::optional<server_micros> lease_of(node_name node) const;
  const std::map<uint32_t, periodic_row>& periodic_jobs() const noexcept { return periodic_; }

private:
  using row_key = simulation::row_key;
  enum table : uint8_t { job_table, limit_table, batch_table, key_table, periodic_table };

  static row_key key_of(job_no id) { return {job_table, static_cast<uint32_t>(id)}; }

  /// All of them, or none.
  bool lock(transaction_no owner, const std::vector<row_key>& keys);
  bool is_free(transaction_no owner, row_key key) const;

  job_row* find(job_no id);
  /// Changes a row, and its place in the index.
  template <class F>
  void change(job_row& row, F f) {
    index_.erase(index_key(row));
    f(row);
    index_.insert(index_key(row));
  }
  using index_entry = std::tuple<size_t, size_t, job_state, int64_t, job_no>;
  static index_entry index_key(const job_row& row) {
    return {row.terms.queue, row.terms.kind, row.state, row.place, row.terms.id};
  }
  /// Calls `f(row)` for the rows of a kind in a state, by their place, until it says false.
  template <class F>
  void for_each(size_t queue, size_t kind, job_state state, F f) {
    auto i = index_.lower_bound({queue, kind, state, std::numeric_limits<int64_t>::min(), job_no{}});
    for (; i != index_.end() && std::get<0>(*i) == queue && std::get<1>(*i) == kind && std::get<2>(*i) == state; ++i)
      if (!f(rows_.at(std::get<4>(*i))))
        return;
  }
  static int64_t advantage(const job_row& row);

  job_no insert_one(const job_terms& work, job_no batch, bool blocked);
  std::vector<row_key> keys_of(const std::vector<job_terms>& works) const;
  bool counts(const attempt_key& key);
  void end_row(job_row& row, job_state state, duration keep);
  void end_in_batch(job_no batch);
  void release_follower(job_no batch);
  std::vector<claimed_job> taken(const claim_order& order);
  limit_row& limit(size_t queue, const std::string& kind);
  bool has_limits(size_t queue) const;
  void check_limits(const claim_order& order, const std::vector<job_no>& first, server_micros at);
  void check_order(const claim_order& order, const std::vector<job_no>& first, server_micros at);

  const plan& run_plan_;
  const simulation::schedule& time_;
  books& books_;
  std::map<job_no, job_row> rows_;
  std::set<index_entry> index_;
  std::map<std::pair<uint32_t, size_t>, job_no> keys_; ///< Unique keys of kinds, and who holds them.
  std::map<node_name, server_micros> leases_;
  std::vector<limit_row> limits_;
  struct batch_row {
    int64_t remaining = 0;
  };
  std::map<job_no, batch_row> batches_;
  std::map<uint32_t, periodic_row> periodic_;
  std::unordered_map<row_key, transaction_no, simulation::row_key_hash> locks_;
};

} // namespace cenote::job_simulation

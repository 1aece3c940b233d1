#pragma once

#include "simulation/jobs/rows.hpp"
#include "simulation/transcript.hpp"

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cenote::job_simulation {

/// The books of a run: what happened to each job, as committed. Objects to all that must not be.
class books {
public:
  books(const plan& run_plan, const simulation::schedule& time, simulation::transcript& log)
      : run_plan_{run_plan}, time_{time}, log_{log} {
    // nop
  }

  // -- what callers were told -------------------------------------------------------------

  /// A submission was acknowledged: the job, or the one that holds its unique key, is stored.
  void acknowledged(job_no asked, job_no holder);
  /// The cancellation was acknowledged.
  void cancel_acknowledged(job_no id);

  // -- what was committed -----------------------------------------------------------------

  void inserted(const job_row& row);
  void taken(const job_row& row);
  /// Limits as they are when the claim begins.
  /// @param running with the jobs that are taken now.
  void taken_within(const limit_row& limit, uint64_t running, uint64_t taken, server_micros at);
  void limits_changed(size_t queue);
  void effect(const attempt_key& key);
  void ended(const job_row& row, const std::string& reason);
  /// The job comes back.
  void put_off(const job_row& before, const jobs::attempt_end& how);
  void given_to_others(const abandoned_job& found);
  /// A job whose time came long ago, while later ones are begun.
  void overtaken(job_no id);
  void gave_back(const job_row& row);
  void reran(const job_row& row);
  void removed(const job_row& row, duration keep, server_micros now);
  void released(job_no follower, size_t open_jobs);
  void fired(const due_periodic_job& found, const std::vector<job_terms>& works, server_micros next);

  // -- the weather --------------------------------------------------------------------------

  /// Nothing goes wrong any more.
  void calm_down() { calm_since_ = time_.now(); }
  /// Whether that has been so for this time.
  bool is_calm_for(duration span) const { return calm_since_ && time_.now() >= *calm_since_ + span; }
  /// Called when an attempt of a node is given to others.
  std::function<void(const abandoned_job&)> on_given_to_others;

  // -- the end ------------------------------------------------------------------------------

  /// Jobs that were stored and have not ended; with batches, also those that wait for them.
  size_t open() const noexcept { return open_; }
  /// Whether the end of this attempt has taken effect.
  bool has_ended_by(const attempt_key& key) const;
  /// Jobs of a batch that have not ended.
  size_t open_in_batch(job_no follower) const;
  void close();

  struct tally {
    size_t count = 0; ///< Attempts.
    size_t jobs = 0;
    std::map<std::string, size_t> ends;
  };
  const tally& counted() const noexcept { return tally_; }

private:
  struct fact {
    bool is_stored = false;
    bool is_acknowledged = false;
    bool is_cancel_acknowledged = false; ///< Perhaps only after it was to be done again.
    bool was_cancelled = false;
    bool was_rerun = false;
    std::optional<job_state> end;
    uint32_t last_attempt = 0;
    uint32_t attempts_that_count = 0;
    std::set<uint32_t> ended_attempts; ///< Those whose end was stored; a node may hear of it after the next one.
    uint32_t effects = 0;
    job_no batch{};
  };

  void object(const std::string& problem) { log_.object(problem); }
  void step(job_no id, const std::string& event) {
    if (log_.enabled())
      log_.step("job " + std::to_string(static_cast<uint32_t>(id)), event);
  }

  const plan& run_plan_;
  const simulation::schedule& time_;
  simulation::transcript& log_;
  std::map<job_no, fact> facts_;
  size_t open_ = 0;
  struct begun {
    server_micros at;
    uint64_t count;
  };
  std::map<std::pair<size_t, std::string>, std::deque<begun>> begun_; ///< Of limited rates.
  std::set<std::pair<uint32_t, server_micros>> fired_;
  std::optional<time_point> calm_since_;
  tally tally_;
};

std::string name_of(job_no id);

} // namespace cenote::job_simulation

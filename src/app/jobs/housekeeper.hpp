#pragma once

#include "app/jobs/texts.hpp"
#include "cenote/pool.hpp"
#include "cenote/settings.hpp"

#include <functional>
#include <memory>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <nlohmann/json.hpp>

namespace cenote::app {

/// Keeps house for the jobs in the database of `cenote serve`, if it has their tables: gives the jobs of silent workers
/// to others, fires periodic ones, removes old ones. And counts them for the metrics and the page, so that no request
/// over HTTP waits for the database.
class job_housekeeper {
public:
  /// @param current tells the settings in force, from any thread.
  job_housekeeper(caf::actor_system& system, const pool_actor& pool,
                  std::function<std::shared_ptr<const settings>()> current);
  job_housekeeper(const job_housekeeper&) = delete;
  ~job_housekeeper();

  /// Takes `caf::tick_atom`, the first one when the database is there, after which it looks for the tables again and
  /// again; and `drain_atom` with a time limit, after which it answers and ends.
  const caf::actor& actor() const noexcept { return actor_; }

  /// What was counted last; null: there are no tables, or nothing is known so far. From any thread.
  std::shared_ptr<const jobs_overview> look() const;

private:
  struct shared_state;
  struct keeper;

  std::shared_ptr<shared_state> state_;
  caf::actor actor_;
};

/// What the page shows of them: by queue.
nlohmann::ordered_json summary_object(const jobs_overview& x);

} // namespace cenote::app

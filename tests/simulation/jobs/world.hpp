#pragma once

#include "simulation/jobs/books.hpp"
#include "simulation/jobs/database.hpp"
#include "simulation/jobs/plan.hpp"
#include "simulation/jobs/tables.hpp"
#include "simulation/schedule.hpp"
#include "simulation/transcript.hpp"

#include <cstdio>
#include <functional>
#include <memory>
#include <vector>

namespace cenote::job_simulation {

class node;

/// Shared by all parts of a run: time, the tables, the server, the nodes, the books.
struct world {
  world(const plan& of_run, std::FILE* out);
  ~world();

  const plan& run_plan;
  simulation::schedule time;
  simulation::transcript log;
  books claims{run_plan, time, log};
  tables rows{run_plan, time, claims};
  database server{run_plan, time, rows, log};
  std::vector<std::unique_ptr<node>> nodes; ///< All that have ever been.
  uint32_t last_job = 0;
  uint32_t last_name = 0;
  bool calm = false;               ///< Nothing goes wrong any more.
  std::function<void(node&)> kill; ///< And starts another one later.

  time_point now() const noexcept { return time.now(); }
  job_no next_job() { return job_no{++last_job}; }
};

} // namespace cenote::job_simulation

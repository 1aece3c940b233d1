#pragma once

#include "ledger_jobs.hpp"

#include <caf/actor_system.hpp>

#include <cstdint>
#include <string>

namespace cenote::test {

struct submitter_options {
  uint64_t jobs = 0;
  double per_second = 1000;
  size_t callers = 4;
  int accounts = 20;
  uint64_t seed = 1;
  std::string log; ///< A file: a line per number, as `+ 7`: stored, `? 8`: nobody knows, `- 9`: not stored.
};

/// Submits so many transfers: as vectors, singly, in transactions and in sessions together with a row of `cause`, some
/// of which are rolled back. Blocks the thread until all are told.
void submit_all(caf::actor_system& sys, const pool_actor& pool, const job_queue& queue, const submitter_options& how);

} // namespace cenote::test

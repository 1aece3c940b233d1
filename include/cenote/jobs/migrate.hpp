#pragma once

#include "cenote/actors.hpp"

#include <caf/fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace cenote {

/// What `migrate_jobs` has found and done.
struct job_migration_report {
  uint32_t before = 0;            ///< The version of the tables; 0: there were none.
  uint32_t after = 0;             ///< The version that this program works with.
  std::vector<std::string> steps; ///< What was done, for people; empty if nothing was to be done.
};

/// Creates the tables of the job queue in the database of this pool, or brings them to the version of this program.
/// Jobs that are stored stay. Several processes may call it at the same time: one does the work. Blocks the thread,
/// which must not be one of CAF's own. The account needs the privileges CREATE, ALTER and INDEX for it, and for work
/// afterwards SELECT, INSERT, UPDATE and DELETE.
/// @throws database_error with `invalid_setting` if the tables are of a later version than this program knows, and
///         nothing is changed then; or with the failure of a statement; std::logic_error on a thread of CAF's.
job_migration_report migrate_jobs(caf::actor_system& sys, const pool_actor& pool);

} // namespace cenote

#pragma once

#include "cenote/failure.hpp"
#include "cenote/statement.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace cenote::job_tables {

// All tables begin with cenote_job. Times are microseconds since 1970 by the server's clock: no time zone and no SQL
// mode changes what they mean.
//
// One index, `claim`, serves every statement that looks for jobs: for each queue, kind and state it orders them by
// `place`, which is for a job that is
//   scheduled  when it is due
//   waiting    when it was due, a minute earlier for each step of its priority: the least is the next one
//   running    the number of its claim, by which its worker finds it
//   ended      when something is to be done about it: its unique key becomes free, or it is removed

/// A step from one version of the tables to the next. Its statements may be repeated after a failure in their middle.
struct migration {
  uint32_t version = 0;
  std::string purpose; ///< For people.
  std::vector<statement> statements;
};

/// All steps in their order; the first one leads to version 1.
const std::vector<migration>& migrations();

/// The version that this program works with.
uint32_t current_version();

/// Whether a failure means that the tables are missing, and what to tell people then.
bool says_no_tables(const failure& reason);
inline const std::string no_tables_text =
    "the tables of the jobs do not exist in this database: run 'cenote jobs migrate'";

/// Creates the table that `applied_version` reads.
statement create_migration_table();
/// One row, one column: the version of the tables, NULL if there are none.
statement applied_version();
/// Notes that a step has been carried out.
statement note_migration(const migration& step);

} // namespace cenote::job_tables

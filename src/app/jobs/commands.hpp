#pragma once

#include "app/commands.hpp"
#include "app/jobs/database.hpp"
#include "cenote/jobs/job.hpp"
#include "job_tables/operators.hpp"

#include <string>
#include <vector>

namespace cenote::app {

/// @name Commands of `cenote jobs`
/// Each does its work to the end. @throws command_error
/// @{
answer list_jobs(job_database& db, const options& opts);
answer show_jobs(job_database& db, const options& opts);
answer count_jobs(job_database& db, const options& opts);
answer migrate_tables(job_database& db, const options& opts);
answer submit_job(job_database& db, const options& opts);
answer change_jobs(job_database& db, const options& opts);
answer pause_queue(job_database& db, const options& opts);
answer prune_jobs(job_database& db, const options& opts);
/// @}

/// @name Finding jobs
/// @throws command_error
/// @{

/// The one job whose id begins with this text.
job_tables::state_of_job find_job(job_database& db, const std::string& text);

/// The filter that the command line describes.
job_tables::job_filter filter_of(const jobs_options& x);

/// The queues and kinds that the filter means; none if the index does not serve it.
std::vector<job_tables::queue_and_kind> find_pairs(job_database& db, const job_tables::job_filter& filter);
/// @}

} // namespace cenote::app

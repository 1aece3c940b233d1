#pragma once

#include "cenote/jobs/job.hpp"
#include "cenote/jobs/periodic.hpp"
#include "cenote/jobs/queue_status.hpp"
#include "cenote/jobs/worker.hpp"
#include "cenote/type_ids.hpp"

#include <caf/type_id.hpp>

#include <memory>
#include <vector>

namespace cenote {
struct job_handler_entry;
}

// The message types of the job queue. Append only. Behind cenote's other public types, before its internal ones.
CAF_BEGIN_TYPE_ID_BLOCK(cenote_jobs, caf::first_custom_type_id + 300)

CAF_ADD_TYPE_ID(cenote_jobs, (cenote::job_id))
CAF_ADD_TYPE_ID(cenote_jobs, (cenote::job))
CAF_ADD_TYPE_ID(cenote_jobs, (cenote::job_batch))
CAF_ADD_TYPE_ID(cenote_jobs, (cenote::job_state))
CAF_ADD_TYPE_ID(cenote_jobs, (cenote::job_status))
CAF_ADD_TYPE_ID(cenote_jobs, (cenote::job_context))
CAF_ADD_TYPE_ID(cenote_jobs, (cenote::job_answer))
CAF_ADD_TYPE_ID(cenote_jobs, (cenote::periodic_job))
CAF_ADD_TYPE_ID(cenote_jobs, (cenote::job_queue_status))
CAF_ADD_TYPE_ID(cenote_jobs, (std::vector<cenote::job_id>))
CAF_ADD_TYPE_ID(cenote_jobs, (std::vector<cenote::job>))
CAF_ADD_TYPE_ID(cenote_jobs, (std::shared_ptr<const cenote::job_handler_entry>))

/// Stores jobs.
CAF_ADD_ATOM(cenote_jobs, cenote, submit_atom)
/// Asks for the end of a job.
CAF_ADD_ATOM(cenote_jobs, cenote, await_atom)
/// Ends a job before its time.
CAF_ADD_ATOM(cenote_jobs, cenote, cancel_atom)
/// Asks for what is stored about a job.
CAF_ADD_ATOM(cenote_jobs, cenote, job_status_atom)
/// Has a job that has ended done again.
CAF_ADD_ATOM(cenote_jobs, cenote, rerun_atom)
/// Says how far a job is.
CAF_ADD_ATOM(cenote_jobs, cenote, progress_atom)
/// Gives a queue the actor that does the jobs of one kind.
CAF_ADD_ATOM(cenote_jobs, cenote, handle_atom)
/// Says that there may be new jobs.
CAF_ADD_ATOM(cenote_jobs, cenote, wake_atom)

CAF_END_TYPE_ID_BLOCK(cenote_jobs)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const cenote::job_handler_entry>)

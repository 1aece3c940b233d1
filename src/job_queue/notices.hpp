#pragma once

#include "cenote/actors.hpp"

namespace cenote {

/// Tells the queues that use the same pool, in any process, that there may be jobs.
void notify_job_queues(const pool_actor& pool);

} // namespace cenote

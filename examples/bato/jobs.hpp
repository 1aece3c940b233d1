#pragma once

#include "bato/messages.hpp"
#include "cenote/jobs/queue.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace bato {

/// Does the jobs of the service. Whatever is killed meanwhile, each manga of a round is scraped and stored once.
using worker_actor = caf::typed_actor<caf::result<cenote::job_answer>(start_round, cenote::job_context),
                                      caf::result<cenote::job_answer>(scrape_manga, cenote::job_context),
                                      caf::result<cenote::job_answer>(end_round, cenote::job_context)>;

/// The behaviour of the worker.
worker_actor::behavior_type work(worker_actor::pointer self, const repository_actor& repository);

} // namespace bato

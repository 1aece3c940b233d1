#pragma once

#include "bato/messages.hpp"
#include "cenote/actors.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <chrono>

namespace bato {

/// Options of the service.
struct service_options {
  bool once = false;                           ///< One round, then it ends.
  std::chrono::seconds interval{3600};         ///< Between the beginnings of two rounds.
  std::chrono::seconds stale_after{24 * 3600}; ///< Older data is scraped again.
  uint32_t batch = 100;                        ///< Manga per round, at most.
  std::chrono::nanoseconds drain_timeout{0};   ///< Longest time that a signal waits for running jobs, and for the pool.
};

/// Starts the service: it has the list of manga scraped, again and again, by jobs. A round that a killed service has
/// left is continued. An `int32_t` sent to it is a signal's number: it ends what has begun, drains the pool and ends.
/// Sends `owner` the report of a round with `once` (a `std::string` for each line, with titles as the database has
/// them), and at its end the exit code (an `int32_t`). The tables must exist, those of jobs as well.
caf::actor spawn_service(caf::actor_system& sys, repository_actor repository, cenote::pool_actor pool,
                         service_options options, caf::actor owner);

} // namespace bato

#pragma once

#include "cenote/actors.hpp"
#include "demo/messages.hpp"
#include "demo/tally.hpp"

#include <caf/typed_actor.hpp>

#include <memory>
#include <vector>

namespace demo {

/// Reads and writes through the pool, one statement after the other, until it is told to finish.
using scraper_actor = caf::typed_actor<
    // Internal: does the next statement.
    caf::result<void>(go_atom),

    // Starts no new statement, finds out the unknown outcomes, answers, and ends. The sessions in which those
    // statements ran must have ended.
    caf::result<ledger>(finish_atom)>;

/// The rows that a scraper works on.
struct assignment {
  uint32_t scraper = 0;
  std::shared_ptr<const std::vector<uint32_t>> all; ///< Ids of all manga; it reads any of them.
  std::map<uint32_t, uint32_t> own;                 ///< Chapters by id of those that it alone writes.
};

/// Starts a scraper.
/// @param retrier the pool, behind a retrier.
scraper_actor spawn_scraper(caf::actor_system& sys, cenote::pool_actor retrier, assignment work, tally_ptr counters);

} // namespace demo

#pragma once

#include "cenote/pool.hpp"
#include "demo/messages.hpp"

#include <cstdint>
#include <vector>

namespace demo {

/// The promises compared with the tables.
struct classification {
  uint64_t lost = 0;    ///< Acknowledged writes that are not in the database.
  uint64_t doubled = 0; ///< Writes that are there more than once, or were never acknowledged.
};

/// Compares the scrapers' ledgers with the tables.
classification audit(caf::actor_system& sys, const cenote::pool_actor& pool, const std::vector<ledger>& promises);

} // namespace demo

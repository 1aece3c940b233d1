#pragma once

#include "cenote/settings.hpp"
#include "pool/request.hpp"

#include <cstddef>

namespace cenote::pool {

/// How many connections and callers there are at the moment.
struct head_count {
  size_t total = 0;      ///< Connections of any kind, those being opened or closed included.
  size_t opening = 0;    ///< Being opened.
  size_t about_free = 0; ///< Being pinged: free in a moment.
  size_t waiting = 0;    ///< Callers in the queue.
};

/// How many further connects to start now: up to `size` always, beyond that only as many as callers wait that nothing
/// else will serve; never more than `max_connecting` at a time.
/// @param limit the most connections there may be.
size_t connects_wanted(const pool_settings& rules, const head_count& now, size_t limit);

/// How long a connection is used before it is replaced: `recycle`, less up to 10 %. `duration::max()` if it is never.
/// @param random from 0 to below 1.
duration lifetime(const pool_settings& rules, double random);

} // namespace cenote::pool

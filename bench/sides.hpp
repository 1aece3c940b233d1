#pragma once

#include "measure.hpp"

#include "cenote/settings.hpp"

#include <cstddef>

namespace cenote::bench {

/// What a round is about.
struct scenario {
  server_settings server; ///< TCP or unix socket.
  size_t callers = 1;
  size_t connections = 10;
  size_t depth = pool_settings{}.pipeline_depth;
  double slow_share = 0; ///< Of statements that take 100 ms, on cenote's side; they do not count.
  size_t workers = 1;    ///< Scheduler threads of the actor system.
  round_length length;
};

/// The hand-written side: threads with blocking Connector/C, one connection each, as many threads as callers but no
/// more than connections. So beyond that number of callers it shows what the threads can do at most: nobody queues for
/// them.
figures run_threads(const scenario& what, const catalogue& all);

/// cenote's side: every caller is an actor that sends its statements to a pool.
figures run_actors(const scenario& what, const catalogue& all);

} // namespace cenote::bench

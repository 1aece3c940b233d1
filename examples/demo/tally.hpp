#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include <caf/actor_system.hpp>

#include "cenote/actors.hpp"

namespace demo {

/// Counters that scrapers raise and the display reads.
struct tally {
  std::atomic<uint64_t> reads = 0;
  std::atomic<uint64_t> writes = 0;   ///< Acknowledged.
  std::atomic<uint64_t> failed = 0;   ///< Given up: must stay zero.
  std::atomic<uint64_t> attempts = 0; ///< Statements given to the pool, repetitions included.
  std::atomic<uint64_t> requests = 0; ///< Statements given to the retrier.
  std::atomic<int64_t> slowest = 0;   ///< Nanoseconds until the slowest answer.

  uint64_t answered() const { return reads + writes; }

  void add_latency(std::chrono::nanoseconds latency) {
    auto before = slowest.load();
    while (latency.count() > before && !slowest.compare_exchange_weak(before, latency.count())) {
      // Another thread was faster: `before` is up to date now.
    }
  }
};

using tally_ptr = std::shared_ptr<tally>;

/// Decorates a pool: counts the requests that pass. Put between retrier and pool it sees the repetitions.
cenote::pool_actor spawn_counter(caf::actor_system& sys, cenote::pool_actor pool, tally_ptr counters);

} // namespace demo

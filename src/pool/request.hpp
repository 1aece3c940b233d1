#pragma once

#include "types/time.hpp"

#include <chrono>
#include <cstdint>

namespace cenote::pool {

/// All times are passed in; nothing in this folder reads a clock.
using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using duration = std::chrono::nanoseconds;

using cenote::deadline_after;
using cenote::later;
using cenote::time_left;
using cenote::times;

/// Identifies a request for a connection. Never reused: a request that comes back gets a new one.
enum class request_id : uint64_t {};

/// A request for a connection.
struct request {
  request_id id{};
  time_point accepted;                     ///< When the pool got it.
  time_point deadline = time_point::max(); ///< Its own; the pool's timeout applies as well.
  bool fail_fast = false; ///< Of `verify`: does not wait for a server that is down, and is not counted.
  uint32_t attempts = 0;  ///< How often it has been given a connection already.
  bool shareable = false; ///< It may use a connection beside others that may.
  bool priority = false;  ///< Of the pool's own upkeep: it is put before all that wait, however many they are.
};

} // namespace cenote::pool

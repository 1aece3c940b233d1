#pragma once

#include <cstddef>
#include <cstdint>

namespace cenote::pool {

/// The numbers of a pool that change with its work: a part of its status that costs nothing to make.
struct levels {
  size_t idle = 0; ///< Open and free, being pinged included.
  size_t used = 0;
  size_t connecting = 0;
  size_t in_flight = 0;
  size_t waiting = 0;
  size_t limit = 0;
  size_t share = 0; ///< Of a budget; 0: there is none.
  uint64_t generation = 0;
  uint64_t lost = 0; ///< Connections that broke since the start.
};

} // namespace cenote::pool

#pragma once

#include "pool/slot_table.hpp"

#include <cassert>
#include <cstdint>
#include <vector>

namespace cenote::pool {

/// The connections that take further statements beside those that they have, by the number of these. All operations
/// take constant time for a given depth.
class sharers {
public:
  /// @param depth the most statements on one connection at a time, 1 to 64.
  explicit sharers(size_t depth) : by_load_(depth) { assert(depth >= 1 && depth <= 64); }

  /// Lists a connection by the number of its statements, or no longer lists it if it has no room left.
  void list(slot& connection);

  /// No longer lists it.
  void remove(slot& connection);

  /// The listed connection with the fewest statements; null if none is listed.
  slot* least_loaded() const;

private:
  std::vector<std::vector<slot*>> by_load_; ///< Index 0 is not used: those are idle.
  uint64_t present_ = 0;                    ///< A bit for each load at which there is one.
};

} // namespace cenote::pool

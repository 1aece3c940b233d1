#pragma once

#include "pool/commands.hpp"
#include "pool/slot_table.hpp"

namespace cenote::pool {

/// Has the callers of connections in use checked from time to time: they may disappear without notice.
class caller_watch {
public:
  /// A connection is in use.
  void begin(time_point now);

  /// Checks the callers of connections that have been in use for a while, if it is time.
  void check(const slot_table& slots, commands& out, time_point now);

  /// When to check next; `time_point::max()` if no connection is in use.
  time_point next_event() const noexcept { return at_; }

private:
  time_point at_ = time_point::max();
};

} // namespace cenote::pool

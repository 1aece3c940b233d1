#pragma once

#include "cenote/actors.hpp"

#include <string>

namespace cenote {

/// Where a pool gets its connections from. Tests script it.
class connection_factory {
public:
  virtual ~connection_factory() = default;

  /// Starts opening a connection and returns at once. `pool` is told `opened` or `open_failed` later.
  virtual void open(connection_id id, const supervisor_actor& pool) = 0;

  /// Where the connections lead, without credentials.
  virtual std::string endpoint() const = 0;
};

} // namespace cenote

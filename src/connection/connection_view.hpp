#pragma once

#include "cenote/details.hpp"
#include "types/time.hpp"

#include <chrono>
#include <string>

namespace cenote {

/// What a connection does at one moment.
struct connection_view {
  connection_activity activity = connection_activity::idle;
  std::string statement;               ///< See `connection_details`.
  std::chrono::nanoseconds running{0}; ///< For how long the server has been at it.
  std::string last_statement;          ///< The last of the session; empty without one.
  bool in_transaction = false;
};

} // namespace cenote

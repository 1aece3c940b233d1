#pragma once

#include "cenote/details.hpp"
#include "types/time.hpp"

#include <chrono>
#include <string>

namespace cenote {

/// The activity of a connection at one moment.
struct connection_view {
  connection_activity activity = connection_activity::idle;
  std::string statement;               ///< See `connection_details`.
  std::chrono::nanoseconds running{0}; ///< How long the server has been running it.
  session_id session{};                ///< Zero: it has none, or none any more.
  std::string last_statement;          ///< The session's last statement; empty without a session.
  bool in_transaction = false;
};

} // namespace cenote

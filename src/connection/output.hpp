#pragma once

#include "connection/commands.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace cenote {

/// What a connection has to tell, and the counts for its next report.
class connection_output {
public:
  connection_commands take() { return std::exchange(commands_, {}); }

  template <class Command>
  void add(Command x) {
    commands_.emplace_back(std::move(x));
  }

  /// Tells the pool. What has ended counts as such before what is handed back comes again.
  void report(disposition what, std::string reason = {}) {
    add(connection_command::report{{what, std::move(reason), std::exchange(ended, 0), std::exchange(requeued, 0),
                                    std::exchange(stopped, 0), std::exchange(unreported_end, std::nullopt)}});
  }

  /// Requests that have ended since the last report.
  uint32_t ended = 0;

  /// Requests that have left since then to run elsewhere.
  uint32_t requeued = 0;

  /// Statements that were to be stopped since then.
  uint32_t stopped = 0;

  /// How the last session has ended, until the pool knows.
  std::optional<session_end> unreported_end;

private:
  connection_commands commands_;
};

} // namespace cenote

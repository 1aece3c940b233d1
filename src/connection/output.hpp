#pragma once

#include "connection/commands.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace cenote {

/// The commands of a connection, and the counts for its next report.
class connection_output {
public:
  connection_commands take() { return std::exchange(commands_, {}); }

  /// The same, in exchange for memory of commands that have been carried out.
  void take(connection_commands& out) {
    out.clear();
    commands_.swap(out);
  }

  template <class Command>
  void add(Command&& command) {
    commands_.emplace_back(std::forward<Command>(command));
  }

  /// Reports to the pool. Ended requests must be counted before returned ones arrive again.
  void report(disposition kind, std::string reason = {}) {
    add(connection_command::report{{kind, std::move(reason), std::exchange(ended, 0), std::exchange(requeued, 0),
                                    std::exchange(stopped, 0), std::exchange(unreported_end, std::nullopt)}});
  }

  /// Requests that have ended since the last report.
  uint32_t ended = 0;

  /// Requests that have been requeued since then.
  uint32_t requeued = 0;

  /// Statements that were to be stopped since then.
  uint32_t stopped = 0;

  /// How the last session has ended, until the pool knows.
  std::optional<session_end> unreported_end;

private:
  connection_commands commands_;
};

} // namespace cenote

#pragma once

#include "actors/messages.hpp"
#include "cenote/settings.hpp"

#include <string>
#include <vector>

namespace cenote {

/// Where a pool gets its connections from. Tests script it.
class connection_factory {
public:
  virtual ~connection_factory() = default;

  /// How many servers there are to connect to: at least 1.
  virtual size_t servers() const = 0;

  /// Starts opening a connection to one of them and returns at once. `pool` is told `opened` or `open_failed` later.
  virtual void open(connection_id id, size_t server, const internal_pool_actor& pool) = 0;

  /// Whether connections made with these settings lead to the same servers.
  virtual bool leads_to(const server_settings&) const { return true; }

  /// Connections are made with these settings from now on. They lead to the same servers.
  /// @returns whether that is another way to make them.
  virtual bool reconfigure(const server_settings&) { return false; }

  /// Where the connections lead, without credentials.
  virtual std::string endpoint() const = 0;

  /// The same for one of the servers.
  virtual std::string endpoint(size_t) const { return endpoint(); }

  /// Whether the connections measure their statements from now on.
  virtual void measure_statements(bool) {
    // nop
  }

  /// The costliest statements.
  virtual std::vector<statement_summary> statements() const { return {}; }
};

} // namespace cenote

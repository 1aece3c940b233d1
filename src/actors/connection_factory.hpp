#pragma once

#include "actors/messages.hpp"
#include "cenote/settings.hpp"
#include "metrics/operation_metrics.hpp"

#include <string>

namespace cenote {

/// Where a pool gets its connections from. Tests script it.
class connection_factory {
public:
  virtual ~connection_factory() = default;

  /// How many servers there are to connect to: at least 1.
  virtual size_t servers() const = 0;

  /// Starts opening a connection to one of them and returns at once. `pool` is told `opened` or `open_failed` later.
  /// @param measured where the connection counts its operations.
  virtual void open(connection_id id, size_t server, const internal_pool_actor& pool,
                    const metrics::operation_metrics_ptr& measured) = 0;

  /// Whether connections made with these settings lead to the same servers.
  virtual bool leads_to(const server_settings&) const { return true; }

  /// Connections are made with these settings from now on. They lead to the same servers.
  /// @returns whether that is another way to make them.
  virtual bool reconfigure(const server_settings&) { return false; }

  /// Where the connections lead, without credentials.
  virtual std::string endpoint() const = 0;

  /// The same for one of the servers.
  virtual std::string endpoint(size_t) const { return endpoint(); }
};

} // namespace cenote

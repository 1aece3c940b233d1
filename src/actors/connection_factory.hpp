#pragma once

#include "actors/messages.hpp"
#include "cenote/settings.hpp"
#include "metrics/operation_metrics.hpp"

#include <string>

namespace cenote {

/// The source of the connections of a pool. Tests script it.
class connection_factory {
public:
  virtual ~connection_factory() = default;

  /// How many servers there are to connect to: at least 1.
  virtual size_t servers() const = 0;

  /// Starts opening a connection to one of them and returns at once. `opened` or `open_failed` is sent to `pool` later.
  /// @param measured where the connection counts its operations.
  virtual void open(connection_id id, size_t server, const internal_pool_actor& pool,
                    const metrics::operation_metrics_ptr& measured) = 0;

  /// Whether connections made with these settings lead to the same servers.
  virtual bool leads_to(const server_settings&) const { return true; }

  /// From now on, connections are made with these settings, which must lead to the same servers.
  /// @returns whether that makes a difference.
  virtual bool reconfigure(const server_settings&) { return false; }

  /// From now on, connections keep that many texts prepared.
  /// @returns whether that makes a difference.
  virtual bool keep_prepared(size_t) { return false; }

  /// The target of the connections, without credentials.
  virtual std::string endpoint() const = 0;

  /// The same for one of the servers.
  virtual std::string endpoint(size_t) const { return endpoint(); }
};

} // namespace cenote

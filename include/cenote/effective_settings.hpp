#pragma once

#include "cenote/settings.hpp"

#include <optional>
#include <string>

namespace cenote {

/// The settings that a pool works with: the answer to `settings_atom`. Contains no secrets.
struct effective_settings {
  pool_settings pool;                  ///< Those of the pool itself.
  std::optional<retry_settings> retry; ///< Filled in by a retrier.
  std::string endpoint;                ///< Where the server is, without credentials.
};

template <class Inspector>
bool inspect(Inspector& f, budget_settings& x) {
  return f.object(x).fields(f.field("connections", x.connections), f.field("table", x.table),
                            f.field("lease", x.lease));
}

template <class Inspector>
bool inspect(Inspector& f, pool_settings& x) {
  return f.object(x).fields(
      f.field("name", x.name), f.field("size", x.size), f.field("max-overflow", x.max_overflow),
      f.field("min-size", x.min_size), f.field("idle-timeout", x.idle_timeout),
      f.field("pipeline-depth", x.pipeline_depth), f.field("prepared-statements", x.prepared_statements),
      f.field("timeout", x.timeout), f.field("recycle", x.recycle), f.field("pre-ping", x.pre_ping),
      f.field("pre-ping-idle", x.pre_ping_idle), f.field("keepalive", x.keepalive),
      f.field("max-waiting", x.max_waiting), f.field("max-connecting", x.max_connecting),
      f.field("reconnect-delay", x.reconnect_delay), f.field("max-reconnect-delay", x.max_reconnect_delay),
      f.field("breaker-after", x.breaker_after), f.field("shed-target", x.shed_target),
      f.field("shed-interval", x.shed_interval), f.field("leak-warning", x.leak_warning),
      f.field("unclaimed-session-timeout", x.unclaimed_session_timeout), f.field("drain-timeout", x.drain_timeout),
      f.field("io-threads", x.io_threads), f.field("statement-statistics", x.statement_statistics),
      f.field("budget", x.budget));
}

template <class Inspector>
bool inspect(Inspector& f, retry_settings& x) {
  return f.object(x).fields(f.field("max-retries", x.max_retries), f.field("initial-delay", x.initial_delay),
                            f.field("max-delay", x.max_delay));
}

template <class Inspector>
bool inspect(Inspector& f, effective_settings& x) {
  return f.object(x).fields(f.field("pool", x.pool), f.field("retry", x.retry), f.field("endpoint", x.endpoint));
}

} // namespace cenote

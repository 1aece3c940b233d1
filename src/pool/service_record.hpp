#pragma once

#include "cenote/failure.hpp"
#include "cenote/settings.hpp"
#include "cenote/status.hpp"
#include "pool/request.hpp"

#include <string>

namespace cenote::pool {

/// The work of a pool since its start: the counters of its status, and its last errors. Requests of operators say
/// nothing about the service that callers get: fail-fast requests are not counted.
class service_record {
public:
  explicit service_record(const pool_settings& rules);

  /// Applies new rules.
  void apply(const pool_settings& rules) { numbers_.pool_size = rules.size; }

  /// A request was given a connection.
  void granted(const request& request);

  /// A request that was given a connection comes back, unserved.
  void taken_back(const request& request);

  /// A request is answered with an error of the pool.
  void refused(const request& request, errc code);

  /// A connect has succeeded.
  /// @param is_stopped whether the pool has ended meanwhile.
  void connected(bool is_stopped);

  void connect_failed(const std::string& reason);

  /// An open connection broke.
  void lost(const std::string& reason);

  /// The pool has ended.
  void stopped() { numbers_.initialized = false; }

  /// Of the last connect that failed since one succeeded; empty if none did.
  const std::string& connect_error() const noexcept { return connect_error_; }

  /// The counters and texts. The rest is left for the caller to fill in.
  const pool_status& numbers() const noexcept { return numbers_; }

private:
  pool_status numbers_;
  std::string connect_error_;
};

} // namespace cenote::pool

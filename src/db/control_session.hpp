#pragma once

#include "db/connection.hpp"
#include "types/server_session.hpp"

namespace cenote::db {

/// What has become of a session that was to be stopped or ended.
enum class kill_outcome : uint8_t {
  done,      ///< The server has been told.
  gone,      ///< It had ended already; maybe its server has restarted since.
  elsewhere, ///< It is on another server, or it cannot be known on which: nothing was done.
};

/// A session that stops what others run on the same server. All functions block, for `connect_timeout` at most; within
/// a `guarded_call`, for its limit.
class control_session {
public:
  static tl::expected<control_session, driver_error> open(const server_settings& where);

  control_session(control_session&&) noexcept;
  control_session& operator=(control_session&&) noexcept;
  ~control_session();

  /// Stops the statement that a session runs at the moment. When this returns the server has marked the session; the
  /// statement may still need a moment to end, and one that was just about to end may be spared.
  tl::expected<kill_outcome, driver_error> stop_statement(const server_session& whose);

  /// Ends a session.
  tl::expected<kill_outcome, driver_error> end_session(const server_session& whose);

private:
  struct impl;
  explicit control_session(std::shared_ptr<impl> x) noexcept;

  tl::expected<kill_outcome, driver_error> kill(const std::string& what, const server_session& whose);

  std::shared_ptr<impl> impl_;
};

} // namespace cenote::db

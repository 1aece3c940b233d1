#pragma once

#include "db/connection.hpp"
#include "types/server_session.hpp"

namespace cenote::db {

/// What happened to a session that was to be stopped or ended.
enum class kill_outcome : uint8_t {
  done,      ///< The server has carried it out.
  gone,      ///< It had ended already; maybe its server has restarted since.
  elsewhere, ///< It is on another server, or its server is unknown: nothing was done.
  unanswered ///< The request may have reached the server, or may later: the answer was lost.
};

/// A session that stops the statements of others on the same server. All functions block, for `connect_timeout` at
/// most; within a `guarded_call`, for its limit.
class control_session {
public:
  static tl::expected<control_session, driver_error> open(const server_settings& server);

  control_session(control_session&&) noexcept;
  control_session& operator=(control_session&&) noexcept;
  ~control_session();

  /// Stops the statement that a session runs at the moment. When this returns the server has marked the session; the
  /// statement may still need a moment to end, and one that was just about to end may be spared.
  tl::expected<kill_outcome, driver_error> stop_statement(const server_session& target);

  /// Ends a session.
  tl::expected<kill_outcome, driver_error> end_session(const server_session& target);

private:
  struct impl;
  explicit control_session(std::shared_ptr<impl> state) noexcept;

  tl::expected<kill_outcome, driver_error> kill(const std::string& command, const server_session& target);

  std::shared_ptr<impl> impl_;
};

} // namespace cenote::db

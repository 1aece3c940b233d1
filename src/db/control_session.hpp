#pragma once

#include "db/connection.hpp"

namespace cenote::db {

/// A session that stops what others run on the same server. All functions block, for `connect_timeout` at most; within
/// a `guarded_call`, for its limit.
class control_session {
public:
  static tl::expected<control_session, trouble> open(const server_settings& where);

  control_session(control_session&&) noexcept;
  control_session& operator=(control_session&&) noexcept;
  ~control_session();

  /// Stops the statement that session `id` runs at the moment. When this returns the server has marked the session; the
  /// statement may still need a moment to end, and one that was just about to end may be spared.
  tl::expected<void, trouble> stop_statement(uint64_t id);

  /// Ends session `id`.
  tl::expected<void, trouble> end_session(uint64_t id);

private:
  struct impl;
  explicit control_session(std::shared_ptr<impl> x) noexcept;

  /// A session that does not exist any more counts as success.
  tl::expected<void, trouble> kill(const std::string& what, uint64_t id);

  std::shared_ptr<impl> impl_;
};

} // namespace cenote::db

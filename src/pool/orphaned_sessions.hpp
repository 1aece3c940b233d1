#pragma once

#include "pool/request.hpp"
#include "types/server_session.hpp"

#include <deque>
#include <vector>

namespace cenote::pool {

/// Sessions of a server whose connections were cut while they ran something: it continues there, with its locks,
/// until it is ended. The pool tries to end all of them together, at growing intervals, until the server can be
/// reached.
class orphaned_sessions {
public:
  /// Adds one. It is tried at once, unless the server cannot be reached at the moment.
  /// @returns false if the oldest one has been dropped for it: there are too many.
  bool add(server_session session, time_point now);

  /// When to try again: the past if at once, `time_point::max()` if there are none.
  time_point next_attempt() const noexcept;

  /// Those to be tried, oldest first.
  std::vector<server_session> all() const;

  /// One has been ended, or had ended already.
  void settled(const server_session& session);

  /// The attempt is over; those that are left are tried later.
  /// @returns those that are given up: they have been tried in vain for too long.
  std::vector<server_session> attempted(time_point now);

  /// Drops all.
  void clear() noexcept { waiting_.clear(); }

  bool empty() const noexcept { return waiting_.empty(); }
  size_t size() const noexcept { return waiting_.size(); }

private:
  struct orphan {
    server_session session;
    time_point since;
  };

  std::deque<orphan> waiting_;
  duration delay_{0};
  time_point next_ = time_point::min();
};

} // namespace cenote::pool

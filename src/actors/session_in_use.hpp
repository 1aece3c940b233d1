#pragma once

#include "actors/job.hpp"
#include "cenote/actors.hpp"
#include "pool/session_transaction.hpp"

#include <caf/actor_clock.hpp>
#include <caf/disposable.hpp>

#include <deque>
#include <string>
#include <utility>

namespace cenote {

/// What the holder of a session has asked for while something ran.
struct waiting_command {
  cenote::job job;
  caf::actor_clock::time_point deadline; ///< `time_point::max()` if it has none.
};

/// The use of a connection by the holder of a session, from `checkout` on.
struct session_in_use {
  session_in_use() = default;
  session_in_use(session_in_use&&) = default;
  session_in_use& operator=(session_in_use&&) = default;
  ~session_in_use() { stop_timers(); }

  void stop_timers() {
    time_limit.dispose();
    waiting_timer.dispose();
    first_use.dispose();
  }

  lease terms;
  caf::actor_clock::time_point since;
  std::deque<waiting_command> waiting;
  caf::disposable waiting_timer; ///< For the first deadline of those.
  caf::actor_clock::time_point waiting_timer_at = caf::actor_clock::time_point::max();
  std::string last_statement; ///< Its beginning.
  bool ending = false;        ///< When what the holder has asked for is done.
  bool warned = false;        ///< That it is held for long.
  caf::disposable time_limit;
  caf::disposable first_use; ///< When its holder must have used it.

  pool::session_transaction transaction;
  bool was_open = false; ///< Whether a transaction was, before the step that runs.
};

} // namespace cenote

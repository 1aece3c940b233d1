#include "actors/connection_state.hpp"

#include "actors/classification.hpp"
#include "actors/guarded_behavior.hpp"
#include "types/time.hpp"

#include <caf/send.hpp>

#include <utility>

namespace cenote {

/// The result of what runs is not wanted any more. The session may be used again when that is over and the server has
/// confirmed the stop, which would hit the next statement else.
void connection_state::stop_on_server() {
  doing = activity::stopping;
  is_over = false;
  stop_confirmed = false;
  // After an error the server does not tell whether a transaction is open.
  needs_reset |= at_hand && at_hand->is_transaction();
  is_stopping_first = true;
  ++stops;
  limit_until(later(self->clock().now(), context.server->connect_timeout));
  expire_shared(); // Also sets the timer for the others.
  // No timeout of CAF's: the timer ends this activity.
  self->request(context.canceller, caf::infinite, stop_atom_v, db->identity())
      .then(
          [this] {
            guard(*this, [this] {
              stop_confirmed = true;
              if (doing == activity::stopping)
                stopped();
              stop_if_cancelled();
            });
          },
          [this](const caf::error&) {
            guard(*this, [this] {
              if (doing == activity::stopping)
                stop_failed();
            });
          });
}

void connection_state::stopped() {
  if (!is_over || !stop_confirmed)
    return;
  if (!db->usable()) {
    release(disposition::lost, "the connection was lost while a statement was being stopped");
    return;
  }
  if (last_report) {
    release(last_report->disposition, last_report->reason);
    return;
  }
  // A stop that came too late would hit the next statement: this ping takes it.
  doing = activity::idle;
  ping();
}

/// The server could not be told. A statement that runs elsewhere, too, may go on: it only takes its time.
void connection_state::stop_failed() {
  if (is_over) {
    stop_confirmed = true;
    stopped();
    return;
  }
  auto first_ended = !sent.empty() && !is_stopping_first;
  auto harmless = first_ended || (!sent.empty() && sent.front().requeued);
  if (!harmless) {
    give_up("a statement could not be stopped on the server");
    return;
  }
  stop_again_at = later(self->clock().now(), context.server->connect_timeout);
  if (!first_ended)
    sent.front().cancelled = false;
  begin_sharing();
}

/// The session cannot be used any more though nobody ended it.
void connection_state::give_up(std::string reason) {
  if (db->usable()) // Else it is done below.
    end_server_session();
  if (sent.empty()) {
    release(disposition::broken, std::move(reason));
  } else {
    lose_shared(disposition::broken, own_failure(errc::connection_lost, outcome::unknown, std::move(reason)));
  }
}

/// What the session runs, or holds in an open transaction, would go on at the server though nobody is connected to it
/// any more: it does not look whether its client is still there.
void connection_state::end_server_session() {
  // Without a sender: a failure is logged by the canceller, and would end this actor.
  caf::anon_send(context.canceller, end_atom_v, db->identity());
}

} // namespace cenote

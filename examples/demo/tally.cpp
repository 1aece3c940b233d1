#include "demo/tally.hpp"

#include <utility>

#include <caf/typed_event_based_actor.hpp>

namespace demo {

using namespace cenote;

namespace {

pool_actor::behavior_type counter(pool_actor::pointer self, const pool_actor& pool, const tally_ptr& counters) {
  self->monitor(pool);
  self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
  return {
      [=](execute_atom, statement& request) {
        ++counters->attempts;
        return self->delegate(pool, execute_atom_v, std::move(request));
      },
      [=](execute_atom, statement& request, caf::strong_actor_ptr& user) {
        ++counters->attempts;
        return self->delegate(pool, execute_atom_v, std::move(request), std::move(user));
      },
      // The demo uses none of these.
      [=](transact_atom a, transaction& request) { return self->delegate(pool, a, std::move(request)); },
      [=](transact_atom a, transaction& request, caf::strong_actor_ptr& user) {
        return self->delegate(pool, a, std::move(request), std::move(user));
      },
      [=](checkout_atom a, session_options& options) { return self->delegate(pool, a, std::move(options)); },
      [=](checkout_atom a, session_options& options, caf::strong_actor_ptr& holder) {
        return self->delegate(pool, a, std::move(options), std::move(holder));
      },
      [=](checkin_atom a, session_id id) { return self->delegate(pool, a, id); },
      [=](execute_atom a, session_id id, statement& request) {
        return self->delegate(pool, a, id, std::move(request));
      },
      [=](begin_atom a, session_id id, const transaction_options& options) {
        return self->delegate(pool, a, id, options);
      },
      [=](commit_atom a, session_id id) { return self->delegate(pool, a, id); },
      [=](rollback_atom a, session_id id) { return self->delegate(pool, a, id); },
      [=](savepoint_atom a, session_id id, std::string& savepoint) {
        return self->delegate(pool, a, id, std::move(savepoint));
      },
      [=](rollback_atom a, session_id id, std::string& savepoint) {
        return self->delegate(pool, a, id, std::move(savepoint));
      },
      [=](handover_atom a, session_id id, caf::strong_actor_ptr& new_holder) {
        return self->delegate(pool, a, id, std::move(new_holder));
      },
      [=](evict_atom a, session_id id) { return self->delegate(pool, a, id); },
      [=](verify_atom) { return self->delegate(pool, verify_atom_v); },
      [=](status_atom) { return self->delegate(pool, status_atom_v); },
      [=](settings_atom) { return self->delegate(pool, settings_atom_v); },
      [=](pause_atom) { return self->delegate(pool, pause_atom_v); },
      [=](resume_atom) { return self->delegate(pool, resume_atom_v); },
      [=](subscribe_atom) { return self->delegate(pool, subscribe_atom_v); },
      [=](unsubscribe_atom) { return self->delegate(pool, unsubscribe_atom_v); },
      [=](subscribe_atom a, caf::strong_actor_ptr& subscriber) {
        return self->delegate(pool, a, std::move(subscriber));
      },
      [=](unsubscribe_atom a, caf::strong_actor_ptr& subscriber) {
        return self->delegate(pool, a, std::move(subscriber));
      },
      [=](reconfigure_atom a, settings_update& update) { return self->delegate(pool, a, std::move(update)); },
      [=](details_atom a) { return self->delegate(pool, a); },
      [=](statements_atom a) { return self->delegate(pool, a); },
      [=](kill_atom a, session_id id) { return self->delegate(pool, a, id); },
      [=](dispose_atom) { return self->delegate(pool, dispose_atom_v); },
      [=](drain_atom, caf::timespan limit) { return self->delegate(pool, drain_atom_v, limit); },
  };
}

} // namespace

pool_actor spawn_counter(caf::actor_system& sys, pool_actor pool, tally_ptr counters) {
  return sys.spawn(counter, std::move(pool), std::move(counters));
}

} // namespace demo

#include "actors/measured_work.hpp"
#include "actors/pool_actor_state.hpp"
#include "cenote/error.hpp"
#include "connection/classification.hpp"
#include "log/log.hpp"
#include "runtime/guarded_behavior.hpp"

#include <utility>

namespace cenote {

namespace {

pool_event make_event(event_kind kind, connection_id id) {
  pool_event out;
  out.kind = kind;
  out.connection = static_cast<uint64_t>(id);
  return out;
}

pool_event make_event(event_kind kind, connection_id id, const exclusive_use& use) {
  auto out = make_event(kind, id);
  out.session = use.session;
  out.owner = use.owner;
  return out;
}

} // namespace

// -- pauses ----------------------------------------------------------------------

void pool_actor_state::pause() {
  auto was = core.status().paused;
  perform(core.pause(now()));
  if (was == core.status().paused)
    return;
  log().info("pool {}: paused", rules.name);
  publish(event_kind::paused);
}

void pool_actor_state::resume() {
  if (core.status().paused) {
    log().info("pool {}: resumed", rules.name);
    publish(event_kind::resumed);
  }
  perform(core.resume(now()));
}

// -- subscriptions ---------------------------------------------------------------

caf::result<void> pool_actor_state::subscribe(const caf::strong_actor_ptr& subscriber) {
  if (!subscriber)
    return make_error(
        own_failure(errc::invalid_statement, outcome::rejected, "a subscriber is needed: subscribe from an actor"));
  switch (feed.add(subscriber)) {
  case event_feed::subscription::added:
    watch(subscriber);
    break;
  case event_feed::subscription::known:
    break;
  case event_feed::subscription::refused:
    return make_error(own_failure(errc::queue_full, outcome::unavailable,
                                  "pool " + rules.name + ": " + std::to_string(event_feed::max_subscribers)
                                      + " subscribers receive its events already"));
  }
  published_breaker = core.breaker();
  return caf::unit;
}

void pool_actor_state::unsubscribe(const caf::actor_addr& subscriber) {
  if (feed.remove(subscriber))
    unwatch(subscriber);
}

void pool_actor_state::send_events(const caf::strong_actor_ptr& subscriber, event_feed::subscription_id id,
                                   pool_events events) {
  auto address = caf::actor_cast<caf::actor_addr>(subscriber);
  // No timeout of CAF's: a subscriber that never answers gets no more events, and its end is noticed.
  self->request(caf::actor_cast<caf::actor>(subscriber), caf::infinite, std::move(events))
      .then([this, id] { guard(*this, [&] { feed.acknowledged(id); }); },
            [this, id, address](const caf::error& error) {
              guard(*this, [&] {
                log().debug("pool {}: a subscriber does not accept events: {}", rules.name, caf::to_string(error));
                if (feed.is_current(id))
                  unsubscribe(address);
              });
            });
}

caf::result<void> pool_actor_state::listen(const caf::strong_actor_ptr& listener) {
  switch (notices.add(listener)) {
  case notice_board::admission::added:
    watch(listener);
    break;
  case notice_board::admission::known:
    break;
  case notice_board::admission::refused:
    return make_error(own_failure(errc::queue_full, outcome::unavailable,
                                  "pool " + rules.name + " has as many listeners as it takes, "
                                      + std::to_string(notice_board::max_listeners)));
  }
  return caf::unit;
}

// -- events ----------------------------------------------------------------------

void pool_actor_state::publish(event_kind kind, std::string detail) {
  if (!feed.has_subscribers())
    return;
  pool_event event;
  event.kind = kind;
  event.detail = std::move(detail);
  feed.publish(std::move(event));
}

void pool_actor_state::publish_opened(connection_id id, const opened& connection) {
  measured.opened(id, now());
  if (!feed.has_subscribers())
    return;
  auto event = make_event(event_kind::connection_opened, id);
  event.server_connection_id = connection.server_connection_id;
  event.detail = connection.server_version;
  feed.publish(std::move(event));
}

void pool_actor_state::publish_closed(connection_id id, close_reason reason) {
  auto was_closed = std::exchange(connections.at(id).closed, true);
  if (was_closed)
    return;
  measured.closed(reason);
  if (!feed.has_subscribers())
    return;
  auto event = make_event(event_kind::connection_closed, id);
  event.reason = reason;
  event.elapsed = core.age_of(id, now());
  feed.publish(std::move(event));
}

void pool_actor_state::publish_lost(connection_id id, const std::string& reason) {
  auto i = connections.find(id);
  if (!feed.has_subscribers() || i == connections.end() || i->second.closed)
    return;
  auto event = make_event(event_kind::connection_lost, id);
  event.detail = reason;
  feed.publish(std::move(event));
}

void pool_actor_state::publish_breaker() {
  if (!feed.has_subscribers() || core.breaker() == published_breaker)
    return;
  published_breaker = core.breaker();
  pool_event event;
  event.kind = event_kind::breaker_changed;
  event.breaker = published_breaker;
  event.detail = published_breaker == breaker_state::closed ? std::string{} : core.status().last_error;
  feed.publish(std::move(event));
}

/// Statements that may share the connection are too many for events.
void pool_actor_state::use_begins(member& connection, connection_id id, const grant& granted) {
  if (!granted.request.fail_fast)
    measured.granted(granted.waited);
  if (granted.request.shareable)
    return;
  auto& use = connection.use.emplace(exclusive_use{now(), {}, {}});
  if (auto session = std::get_if<lease>(&granted.request.work)) {
    use.session = session->id;
    use.owner = session->options.owner;
  }
  if (!feed.has_subscribers())
    return;
  auto event = make_event(event_kind::checked_out, id, use);
  event.elapsed = granted.waited;
  feed.publish(std::move(event));
}

void pool_actor_state::use_ends(connection_id id, pool::time_point at) {
  auto i = connections.find(id);
  if (i == connections.end() || !i->second.use)
    return;
  auto use = std::move(*std::exchange(i->second.use, std::nullopt));
  auto elapsed = at - use.since;
  measured.used(elapsed);
  if (!feed.has_subscribers())
    return;
  auto event = make_event(event_kind::checked_in, id, use);
  event.elapsed = elapsed;
  feed.publish(std::move(event));
}

void pool_actor_state::leaked(session_id id, caf::timespan held, std::string last_statement) {
  auto i = sessions.find(id);
  if (!feed.has_subscribers() || i == sessions.end())
    return;
  auto& use = connections.at(i->second.connection).use;
  auto event = make_event(event_kind::leak_suspected, i->second.connection, use ? *use : exclusive_use{{}, id, {}});
  event.elapsed = held;
  event.detail = std::move(last_statement);
  feed.publish(std::move(event));
}

// -- metrics ---------------------------------------------------------------------

void pool_actor_state::measure_levels() {
  measured.update(core.levels());
  for (size_t i = 0; i < core.servers(); ++i)
    measured.update_breaker(i, core.breaker(i));
}

/// Requests of operators are not counted, as in the status.
void pool_actor_state::measure_refusal(const pending& waiting, const failure& error) {
  if (waiting.request().fail_fast)
    return;
  measured.refused(error.code);
  if (auto kind = operation_of(waiting.request().work))
    measured.operations()->answered(*kind, error.outcome, now() - waiting.request().accepted);
}

} // namespace cenote

#include "pool/pool_core.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cenote::pool {

pool_core::pool_core(const pool_settings& rules, uint64_t seed, size_t servers)
    : rules_{rules},
      servers_{rules, servers},
      record_{rules},
      admission_{rules, slots_, queue_, record_},
      sharing_{rules.pipeline_depth},
      sizing_{rules, slots_, sharing_, servers_, seed} {
  // nop
}

// -- requests of callers ---------------------------------------------------------

commands pool_core::start(time_point now) {
  begin_event(now);
  return settle({}, now);
}

commands pool_core::acquire(const request& request, time_point now) {
  begin_event(now);
  check_id(request.id);
  auto out = std::exchange(spare_, {});
  admission_.expire(out, now);
  if (!admission_.accepts(request, out, now))
    return end_event(std::move(out));
  if (auto connection = free_for(request, now)) {
    grant(*connection, request, out, now);
    return end_event(std::move(out));
  }
  admission_.enqueue(request, out, now);
  return settle(std::move(out), now);
}

commands pool_core::dispose(time_point now) {
  begin_event(now);
  commands out;
  sizing_.retire_generation(out);
  return settle(std::move(out), now);
}

commands pool_core::pause(time_point now) {
  begin_event(now);
  commands out;
  if (!admission_.is(phase::running))
    return out;
  admission_.pause(out, now);
  return settle(std::move(out), now);
}

commands pool_core::resume(time_point now) {
  begin_event(now);
  commands out;
  if (!admission_.is(phase::paused))
    return out;
  admission_.resume();
  servers_.forget_failures();
  sharing_.search_at(now); // Slow statements have not been looked for during the pause.
  serve_waiting(out, now);
  return settle(std::move(out), now);
}

commands pool_core::reconfigure(const pool_settings& rules, bool renew, time_point now) {
  begin_event(now);
  assert(rules.name == rules_.name && rules.pipeline_depth == rules_.pipeline_depth && rules.budget == rules_.budget);
  commands out;
  rules_ = rules;
  record_.apply(rules);
  admission_.apply(rules);
  servers_.apply(rules);
  servers_.forget_failures();
  sizing_.apply(rules, out, now);
  if (renew)
    sizing_.renew_all(now);
  return settle(std::move(out), now);
}

commands pool_core::set_budget(size_t connections, time_point now) {
  begin_event(now);
  commands out;
  sizing_.set_budget(connections, out, now);
  return settle(std::move(out), now);
}

commands pool_core::drain(time_point deadline, time_point now) {
  auto out = resume(now);
  admission_.drain();
  cut_at_ = std::min(cut_at_, deadline);
  return settle(std::move(out), now);
}

// -- reports of connections ------------------------------------------------------

commands pool_core::opened(connection_id id, time_point now) {
  begin_event(now);
  commands out;
  record_.connected(admission_.is(phase::stopped));
  if (auto connection = slots_.find(id); connection != nullptr && connection->state == slot_state::opening) {
    sizing_.opened(*connection, now);
    serve_or_park(*connection, out, now);
    sizing_.has_grown(now);
  }
  return settle(std::move(out), now);
}

commands pool_core::open_failed(connection_id id, const failure& error, time_point now) {
  begin_event(now);
  record_.connect_failed(error.text);
  auto connection = slots_.find(id);
  if (connection == nullptr)
    return {};
  sizing_.open_failed(*connection, error, now);
  return settle({}, now);
}

commands pool_core::released(connection_id id, disposition kind, ends count, const std::string& reason,
                             time_point now) {
  begin_event(now);
  auto out = std::exchange(spare_, {});
  if (auto connection = slots_.find(id))
    end_of_use(*connection, kind, count, reason, out, now);
  return settle(std::move(out), now);
}

commands pool_core::returned(connection_id id, const std::string& reason, const request& request, time_point now) {
  begin_event(now);
  check_id(request.id);
  commands out;
  if (auto connection = slots_.find(id))
    end_of_use(*connection, disposition::lost, {}, reason, out, now);
  if (!admission_.gives_up(request, reason, out, now))
    take_back(request, out, now);
  return settle(std::move(out), now);
}

commands pool_core::requeued(connection_id id, const request& request, time_point now) {
  begin_event(now);
  check_id(request.id);
  commands out;
  if (auto connection = slots_.find(id))
    sharing_.requeued(*connection);
  auto alone = request;
  alone.shareable = false; // Once is enough.
  take_back(alone, out, now);
  return settle(std::move(out), now);
}

commands pool_core::closed(connection_id id, time_point now) {
  begin_event(now);
  if (auto connection = slots_.find(id)) {
    if (connection->state == slot_state::opening)
      servers_.ended(connection->server);
    sharing_.forget(*connection);
    slots_.erase(*connection);
  }
  return settle({}, now);
}

// -- time ------------------------------------------------------------------------

commands pool_core::tick(time_point now) {
  begin_event(now);
  commands out;
  sizing_.maintain_idle(out, now);
  sizing_.renew_next(out, now);
  callers_.check(slots_, out, now);
  if (sharing_.begin_search(now) && !admission_.is(phase::paused)) // They would not get another connection.
    sharing_.requeue_waiting(slots_, out, now);
  return settle(std::move(out), now);
}

time_point pool_core::next_event() {
  if (admission_.is(phase::stopped))
    return time_point::max();
  auto result = std::min({admission_.next_event(), sizing_.next_event(), sizing_.next_connect(demand_now()),
                          callers_.next_event(), sharing_.next_event()});
  return admission_.is(phase::draining) ? std::min(result, cut_at_) : result;
}

// -- memory ----------------------------------------------------------------------

void pool_core::recycle(commands done) {
  constexpr size_t max_kept = 64; // Rarely are there more.
  if (done.capacity() > max_kept)
    return;
  done.clear();
  spare_ = std::move(done);
}

// -- events ----------------------------------------------------------------------

void pool_core::begin_event(time_point now) {
  assert(now >= now_);
  now_ = now;
}

void pool_core::check_id(request_id id) {
  assert(id > last_request_);
  last_request_ = id;
}

/// Follow-up of every event: expire, open, close, finish.
commands pool_core::settle(commands out, time_point now) {
  admission_.expire(out, now);
  admission_.shed(out, now);
  sizing_.end_limit(now);
  share_out(out, now);
  admission_.fail_hopeless(servers_, out, now);
  sizing_.open_missing(demand_now(), out, now);
  finish_drain(out, now);
  return end_event(std::move(out));
}

commands pool_core::end_event(commands out) const {
#ifndef NDEBUG
  check_invariants();
#endif
  return out;
}

void pool_core::check_invariants() const {
  slots_.check_invariants();
  admission_.check_invariants();
  sharing_.check_invariants(slots_, !admission_.is(phase::paused));
  sizing_.check_invariants(now_);
  assert(slots_.count(slot_state::busy) == 0 || callers_.next_event() != time_point::max());
}

// -- requests --------------------------------------------------------------------

/// A connection for a newly arrived request.
slot* pool_core::free_for(const request& request, time_point now) {
  if (admission_.is(phase::paused))
    return nullptr;
  if (!slots_.idle().empty()) {
    assert(queue_.empty());
    return slots_.idle().back();
  }
  return request.shareable && queue_.next() == nullptr ? sharing_.place_beside(now) : nullptr;
}

void pool_core::grant(slot& connection, const request& request, commands& out, time_point now) {
  assert(slots_.is_current(connection));
  auto joins = connection.in_flight > 0;
  auto check = joins ? liveness_check::none : check_before_use(connection, now);
  if (joins) {
    sharing_.join(connection, sizing_.connect_time());
  } else {
    slots_.move(connection, slot_state::busy);
    sharing_.begin(connection, request, now);
  }
  callers_.begin(now);
  admission_.granted(request, now);
  out.push_back(grant_connection{request.id, connection.id, check, now - request.accepted});
}

liveness_check pool_core::check_before_use(const slot& connection, time_point now) const {
  if (!rules_.pre_ping)
    return liveness_check::none;
  auto wants_ping = connection.suspect || later(connection.confirmed_at, rules_.pre_ping_idle) <= now;
  return wants_ping ? liveness_check::ping : liveness_check::peek;
}

/// A request that had a connection is to get another one.
void pool_core::take_back(const request& request, commands& out, time_point now) {
  if (!admission_.accepts_again(request, out, now))
    return;
  if (auto connection = free_for(request, now))
    grant(*connection, request, out, now);
  else
    queue_.push_front(request, admission_.deadline_of(request));
}

/// After a pause: gives the connections that are free to requests that wait.
void pool_core::serve_waiting(commands& out, time_point now) {
  admission_.expire(out, now);
  while (!slots_.idle().empty() && !queue_.empty())
    serve_or_park(*slots_.idle().back(), out, now);
}

/// Gives requests that wait a connection beside others.
void pool_core::share_out(commands& out, time_point now) {
  if (admission_.is(phase::paused))
    return;
  while (auto connection = sharing_.place_for_next(queue_, now))
    grant(*connection, *queue_.pop_next(), out, now);
}

/// The need for further connections.
demand pool_core::demand_now() const {
  demand result;
  result.has_ended = admission_.is(phase::stopped) || (admission_.is(phase::draining) && queue_.empty());
  if (admission_.is(phase::paused))
    return result;
  result.congested = sharing_.is_congested() && slots_.count(slot_state::busy) > 0;
  if (auto first = queue_.front()) {
    result.waiting = queue_.size();
    result.oldest = first->accepted;
  }
  return result;
}

void pool_core::finish_drain(commands& out, time_point now) {
  if (!admission_.is(phase::draining))
    return;
  if (queue_.size() + slots_.count(slot_state::busy) > 0) {
    if (now < cut_at_)
      return;
    // Requests that were requeued are in the queue, or on another connection.
    drained_.cut = queue_.size() + sharing_.in_flight() - sharing_.requeued_here();
    admission_.refuse_all(out, now);
  }
  admission_.stop();
  record_.stopped();
  // A connect under way cannot be stopped; its connection is closed as soon as it reports.
  for (auto& [id, connection] : slots_)
    if (connection.state != slot_state::closing && connection.state != slot_state::opening)
      sizing_.close(connection, close_reason::drained, out);
  out.push_back(finish{});
}

// -- connections -----------------------------------------------------------------

/// Requests or a ping have ended, or the connection has. An idle connection reports only its loss; the reports of
/// one that is being closed no longer matter.
void pool_core::end_of_use(slot& connection, disposition kind, ends count, const std::string& reason, commands& out,
                           time_point now) {
  if (connection.state == slot_state::opening || connection.state == slot_state::closing)
    return;
  if (kind != disposition::reusable && kind != disposition::suspect)
    end_unusable(connection, kind, count, reason, out, now);
  else if (connection.state != slot_state::idle)
    end_in_order(connection, kind, count, out, now);
}

void pool_core::end_in_order(slot& connection, disposition kind, ends count, commands& out, time_point now) {
  auto in_use = connection.state == slot_state::busy;
  if (!in_use || count.ended > 0) { // Otherwise the server has not answered.
    connection.confirmed_at = now;
    connection.suspect = false;
  }
  if (in_use)
    connection.used_at = now;
  if (admission_.is(phase::draining))
    drained_.finished += std::min(count.ended, connection.in_flight);
  sharing_.measure(connection, count.ended, now);
  sharing_.ended(connection, count, slots_.is_current(connection), now);
  if (connection.in_flight > 0)
    return;
  if (kind == disposition::suspect && suspects_.take(now))
    sizing_.close(connection, close_reason::broken, out);
  else
    serve_or_park(connection, out, now);
}

void pool_core::end_unusable(slot& connection, disposition kind, ends count, const std::string& reason, commands& out,
                             time_point now) {
  auto in_use = connection.state == slot_state::busy;
  sharing_.ended(connection, count, slots_.is_current(connection), now);
  sizing_.close(connection, reason_of(kind), out);
  if (kind == disposition::broken || kind == disposition::evicted)
    return;
  record_.lost(reason);
  if (kind == disposition::lost && !in_use) {
    // If one was lost, others may be: they get a real ping before their next use.
    for (auto& other : slots_)
      other.second.suspect = true;
  } else if (slots_.is_current(connection)) {
    sizing_.lost_generation(connection, kind, reason, out, now);
  }
}

/// A connection is free: the next caller gets it if there is one.
void pool_core::serve_or_park(slot& connection, commands& out, time_point now) {
  assert(connection.in_flight == 0);
  admission_.expire(out, now);
  if (admission_.is(phase::stopped)) {
    sizing_.close(connection, close_reason::drained, out);
  } else if (!slots_.is_current(connection) || connection.replace_at <= now) {
    sizing_.close(connection, slots_.is_current(connection) ? close_reason::aged : close_reason::disposed, out);
  } else if (admission_.is(phase::paused)) {
    sizing_.park(connection, out);
  } else {
    admission_.shed(out, now);
    if (auto next = queue_.pop()) {
      grant(connection, *next, out, now);
      return;
    }
    admission_.queue_is_empty(now);
    sizing_.park(connection, out);
  }
}

// -- for operators ---------------------------------------------------------------

duration pool_core::age_of(connection_id id, time_point now) {
  auto connection = slots_.find(id);
  return connection == nullptr || connection->state == slot_state::opening ? duration::zero()
                                                                           : now - connection->opened_at;
}

pool_status pool_core::status() const {
  auto result = record_.numbers();
  result.draining = admission_.is(phase::draining) || admission_.is(phase::stopped);
  result.paused = admission_.is(phase::paused);
  auto numbers = levels();
  result.checked_in = numbers.idle;
  result.checked_out = numbers.used;
  result.total_connections = result.checked_in + result.checked_out;
  result.in_flight = numbers.in_flight;
  result.overflow = result.total_connections > rules_.size ? result.total_connections - rules_.size : 0;
  result.waiting = numbers.waiting;
  result.connecting = numbers.connecting;
  result.limit = numbers.limit;
  result.budget = rules_.budget.connections;
  result.share = numbers.share;
  result.generation = numbers.generation;
  result.breaker = servers_.state();
  return result;
}

pool::levels pool_core::levels() const {
  pool::levels result;
  result.idle = slots_.count(slot_state::idle) + slots_.count(slot_state::pinging);
  result.used = slots_.count(slot_state::busy);
  result.connecting = slots_.count(slot_state::opening);
  result.in_flight = sharing_.in_flight();
  result.waiting = queue_.size();
  result.limit = sizing_.limit();
  result.share = sizing_.share();
  result.generation = slots_.generation();
  result.lost = record_.numbers().lost;
  return result;
}

} // namespace cenote::pool

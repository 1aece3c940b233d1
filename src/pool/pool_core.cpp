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

// -- what callers want -----------------------------------------------------------

commands pool_core::start(time_point now) {
  begin_event(now);
  return settle({}, now);
}

commands pool_core::acquire(const request& who, time_point now) {
  begin_event(now);
  check_id(who.id);
  commands out;
  admission_.expire(out, now);
  if (!admission_.accepts(who, out, now))
    return end_event(std::move(out));
  if (auto x = free_for(who, now)) {
    grant(*x, who, out, now);
    return end_event(std::move(out));
  }
  admission_.enqueue(who, out, now);
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
  sharing_.search_at(now); // What is slow has not been looked for meanwhile.
  serve_waiting(out, now);
  return settle(std::move(out), now);
}

commands pool_core::reconfigure(const pool_settings& rules, bool renew, time_point now) {
  begin_event(now);
  assert(rules.name == rules_.name && rules.pipeline_depth == rules_.pipeline_depth);
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

commands pool_core::drain(time_point deadline, time_point now) {
  auto out = resume(now);
  admission_.drain();
  cut_at_ = std::min(cut_at_, deadline);
  return settle(std::move(out), now);
}

// -- what connections report -----------------------------------------------------

commands pool_core::opened(connection_id id, time_point now) {
  begin_event(now);
  commands out;
  record_.connected(admission_.is(phase::stopped));
  if (auto x = slots_.find(id); x != nullptr && x->state == slot_state::opening) {
    sizing_.opened(*x, now);
    serve_or_park(*x, out, now);
    sizing_.has_grown(now);
  }
  return settle(std::move(out), now);
}

commands pool_core::open_failed(connection_id id, const failure& why, time_point now) {
  begin_event(now);
  record_.connect_failed(why.text);
  auto x = slots_.find(id);
  if (x == nullptr)
    return {};
  sizing_.open_failed(*x, why, now);
  return settle({}, now);
}

commands pool_core::released(connection_id id, disposition what, ends count, const std::string& reason,
                             time_point now) {
  begin_event(now);
  commands out;
  if (auto x = slots_.find(id))
    end_of_use(*x, what, count, reason, out, now);
  return settle(std::move(out), now);
}

commands pool_core::returned(connection_id id, const std::string& reason, const request& who, time_point now) {
  begin_event(now);
  check_id(who.id);
  commands out;
  if (auto x = slots_.find(id))
    end_of_use(*x, disposition::lost, {}, reason, out, now);
  if (!admission_.gives_up(who, reason, out, now))
    take_back(who, out, now);
  return settle(std::move(out), now);
}

commands pool_core::requeued(connection_id id, const request& who, time_point now) {
  begin_event(now);
  check_id(who.id);
  commands out;
  if (auto x = slots_.find(id))
    sharing_.requeued(*x);
  auto alone = who;
  alone.shareable = false; // Once is enough.
  take_back(alone, out, now);
  return settle(std::move(out), now);
}

commands pool_core::closed(connection_id id, time_point now) {
  begin_event(now);
  if (auto x = slots_.find(id)) {
    if (x->state == slot_state::opening)
      servers_.ended(x->server);
    sharing_.forget(*x);
    slots_.erase(*x);
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
slot* pool_core::free_for(const request& who, time_point now) {
  if (admission_.is(phase::paused))
    return nullptr;
  if (!slots_.idle().empty()) {
    assert(queue_.empty());
    return slots_.idle().back();
  }
  return who.shareable && queue_.next() == nullptr ? sharing_.place_beside(now) : nullptr;
}

void pool_core::grant(slot& x, const request& who, commands& out, time_point now) {
  assert(slots_.is_current(x));
  auto joins = x.in_flight > 0;
  auto check = joins ? liveness_check::none : check_before_use(x, now);
  if (joins) {
    sharing_.join(x, sizing_.connect_time());
  } else {
    slots_.move(x, slot_state::busy);
    sharing_.begin(x, who, now);
  }
  callers_.begin(now);
  admission_.granted(who, now);
  out.push_back(grant_connection{who.id, x.id, check, now - who.accepted});
}

liveness_check pool_core::check_before_use(const slot& x, time_point now) const {
  if (!rules_.pre_ping)
    return liveness_check::none;
  auto wants_ping = x.suspect || later(x.confirmed_at, rules_.pre_ping_idle) <= now;
  return wants_ping ? liveness_check::ping : liveness_check::peek;
}

/// A request that had a connection is to get another one.
void pool_core::take_back(const request& who, commands& out, time_point now) {
  if (!admission_.accepts_again(who, out, now))
    return;
  if (auto x = free_for(who, now))
    grant(*x, who, out, now);
  else
    queue_.push_front(who, admission_.deadline_of(who));
}

/// After a pause: the connections that are free are for those who wait.
void pool_core::serve_waiting(commands& out, time_point now) {
  admission_.expire(out, now);
  while (!slots_.idle().empty() && !queue_.empty())
    serve_or_park(*slots_.idle().back(), out, now);
}

/// Gives those who wait a connection beside others.
void pool_core::share_out(commands& out, time_point now) {
  if (admission_.is(phase::paused))
    return;
  while (auto x = sharing_.place_for_next(queue_, now))
    grant(*x, *queue_.pop_next(), out, now);
}

/// What further connections are needed for.
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
    // What was requeued is in the queue, or elsewhere.
    drained_.cut = queue_.size() + sharing_.in_flight() - sharing_.requeued_here();
    admission_.refuse_all(out, now);
  }
  admission_.stop();
  record_.stopped();
  // A connect under way cannot be stopped; its connection is closed as soon as it reports.
  for (auto& [id, x] : slots_)
    if (x.state != slot_state::closing && x.state != slot_state::opening)
      sizing_.close(x, close_reason::drained, out);
  out.push_back(finish{});
}

// -- connections -----------------------------------------------------------------

/// Requests or a ping have ended, or the connection has. An idle connection reports only its loss; what one that is
/// being closed has to say does not matter any more.
void pool_core::end_of_use(slot& x, disposition what, ends count, const std::string& reason, commands& out,
                           time_point now) {
  if (x.state == slot_state::opening || x.state == slot_state::closing)
    return;
  if (what != disposition::reusable && what != disposition::suspect)
    end_unusable(x, what, count, reason, out, now);
  else if (x.state != slot_state::idle)
    end_in_order(x, what, count, out, now);
}

void pool_core::end_in_order(slot& x, disposition what, ends count, commands& out, time_point now) {
  auto in_use = x.state == slot_state::busy;
  if (!in_use || count.ended > 0) { // Otherwise nothing was heard of the server.
    x.confirmed_at = now;
    x.suspect = false;
  }
  if (in_use)
    x.used_at = now;
  if (admission_.is(phase::draining))
    drained_.finished += std::min(count.ended, x.in_flight);
  sharing_.measure(x, count.ended, now);
  sharing_.ended(x, count, slots_.is_current(x), now);
  if (x.in_flight > 0)
    return;
  if (what == disposition::suspect && suspects_.take(now))
    sizing_.close(x, close_reason::broken, out);
  else
    serve_or_park(x, out, now);
}

void pool_core::end_unusable(slot& x, disposition what, ends count, const std::string& reason, commands& out,
                             time_point now) {
  auto in_use = x.state == slot_state::busy;
  sharing_.ended(x, count, slots_.is_current(x), now);
  sizing_.close(x, reason_of(what), out);
  if (what == disposition::broken || what == disposition::evicted)
    return;
  record_.lost(reason);
  if (what == disposition::lost && !in_use) {
    // Where one was lost others may be: they get a real ping before their next use.
    for (auto& other : slots_)
      other.second.suspect = true;
  } else if (slots_.is_current(x)) {
    sizing_.lost_generation(x, what, reason, out, now);
  }
}

/// A connection is free: the next caller gets it if there is one.
void pool_core::serve_or_park(slot& x, commands& out, time_point now) {
  assert(x.in_flight == 0);
  admission_.expire(out, now);
  if (admission_.is(phase::stopped)) {
    sizing_.close(x, close_reason::drained, out);
  } else if (!slots_.is_current(x) || x.replace_at <= now) {
    sizing_.close(x, slots_.is_current(x) ? close_reason::aged : close_reason::disposed, out);
  } else if (admission_.is(phase::paused)) {
    sizing_.park(x, out);
  } else {
    admission_.shed(out, now);
    if (auto next = queue_.pop()) {
      grant(x, *next, out, now);
      return;
    }
    admission_.nobody_waits(now);
    sizing_.park(x, out);
  }
}

// -- what operators see ----------------------------------------------------------

duration pool_core::age_of(connection_id id, time_point now) {
  auto x = slots_.find(id);
  return x == nullptr || x->state == slot_state::opening ? duration::zero() : now - x->opened_at;
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
  result.generation = slots_.generation();
  result.lost = record_.numbers().lost;
  return result;
}

} // namespace cenote::pool

#include "pool/pool_core.hpp"

#include <algorithm>
#include <utility>

namespace cenote::pool {

namespace {

/// How many dead connections in turn a request may meet before it is given up.
constexpr uint32_t max_attempts = 10;

/// How often the callers of connections in use are checked.
constexpr auto watch_interval = std::chrono::seconds{1};

close_reason reason_of(disposition x) {
  switch (x) {
  case disposition::lost:
    return close_reason::lost;
  case disposition::demoted:
    return close_reason::demoted;
  case disposition::evicted:
    return close_reason::evicted;
  case disposition::broken:
  case disposition::suspect:
  case disposition::reusable:
    break;
  }
  return close_reason::broken;
}

} // namespace

pool_core::pool_core(const pool_settings& rules, uint64_t seed, size_t servers)
    : rules_{rules},
      rng_{static_cast<std::minstd_rand::result_type>(seed)},
      sharers_{rules.pipeline_depth},
      shedder_{rules},
      servers_{rules, servers},
      limit_{rules.size + rules.max_overflow} {
  numbers_.pool = rules_.name;
  numbers_.pool_size = rules_.size;
}

// -- what callers want -----------------------------------------------------------

commands pool_core::start(time_point now) {
  return settle({}, now);
}

commands pool_core::acquire(const request& who, time_point now) {
  commands out;
  expire(out, now);
  if (mode_ != mode::running) {
    refuse(who, shutting_down(rules_, circumstances_of(who, now)), out);
    return out;
  }
  auto deadline = patience_of(who);
  if (deadline <= now) {
    refuse(who, time_has_passed(rules_, circumstances_of(who, now)), out);
    return out;
  }
  if (auto x = free_for(who, now)) {
    grant(*x, who, out, now);
    return out;
  }
  if (paused_ && who.fail_fast)
    refuse(who, acquire_timeout(rules_, circumstances_of(who, now)), out);
  else if (queue_.size() >= rules_.max_waiting)
    refuse(who, queue_full(rules_, circumstances_of(who, now)), out);
  else
    queue_.push_back(who, deadline);
  return settle(std::move(out), now);
}

commands pool_core::dispose(time_point now) {
  commands out;
  retire_generation(out);
  return settle(std::move(out), now);
}

void pool_core::retire_generation(commands& out) {
  slots_.next_generation();
  for (auto& [id, x] : slots_) {
    take_no_more(x);
    if (x.state == slot_state::idle || x.state == slot_state::pinging)
      close(x, close_reason::disposed, out);
  }
}

commands pool_core::pause(time_point now) {
  commands out;
  if (mode_ != mode::running || std::exchange(paused_, true))
    return out;
  while (auto who = queue_.pop_fail_fast())
    refuse(*who, acquire_timeout(rules_, circumstances_of(*who, now)), out);
  return settle(std::move(out), now);
}

commands pool_core::resume(time_point now) {
  commands out;
  if (!std::exchange(paused_, false))
    return out;
  servers_.forget_failures();
  slow_at_ = now; // What is slow has not been looked for meanwhile.
  serve_waiting(out, now);
  return settle(std::move(out), now);
}

/// After a pause: the connections that are free are for those who wait.
void pool_core::serve_waiting(commands& out, time_point now) {
  expire(out, now);
  while (!slots_.idle().empty() && !queue_.empty())
    serve_or_park(*slots_.idle().back(), out, now);
}

commands pool_core::drain(time_point deadline, time_point now) {
  auto out = resume(now);
  if (mode_ == mode::running)
    mode_ = mode::draining;
  cut_at_ = std::min(cut_at_, deadline);
  return settle(std::move(out), now);
}

// -- what connections report -----------------------------------------------------

commands pool_core::released(connection_id id, disposition what, ends count, const std::string& reason,
                             time_point now) {
  commands out;
  if (auto x = slots_.find(id))
    end_of_use(*x, what, count, reason, out, now);
  return settle(std::move(out), now);
}

commands pool_core::returned(connection_id id, const std::string& reason, const request& who, time_point now) {
  commands out;
  if (auto x = slots_.find(id))
    end_of_use(*x, disposition::lost, {}, reason, out, now);
  if (patience_of(who) > now && mode_ != mode::stopped && who.attempts >= max_attempts) {
    count_served(who, -1);
    refuse(who, never_sent(rules_, circumstances_of(who, now), who.attempts, reason), out);
  } else {
    take_back(who, out, now);
  }
  return settle(std::move(out), now);
}

commands pool_core::requeued(connection_id id, const request& who, time_point now) {
  commands out;
  if (auto x = slots_.find(id))
    x->requeued_here = std::min(x->requeued_here + 1, x->in_flight);
  auto alone = who;
  alone.shareable = false; // Once is enough.
  take_back(alone, out, now);
  return settle(std::move(out), now);
}

void pool_core::take_back(const request& who, commands& out, time_point now) {
  count_served(who, -1);
  if (patience_of(who) <= now)
    refuse(who, acquire_timeout(rules_, circumstances_of(who, now)), out);
  else if (mode_ == mode::stopped)
    refuse(who, shutting_down(rules_, circumstances_of(who, now)), out);
  else if (paused_ && who.fail_fast)
    refuse(who, acquire_timeout(rules_, circumstances_of(who, now)), out);
  else if (auto x = free_for(who, now))
    grant(*x, who, out, now);
  else
    queue_.push_front(who, patience_of(who));
}

commands pool_core::closed(connection_id id, time_point now) {
  if (auto x = slots_.find(id)) {
    if (x->state == slot_state::opening)
      servers_.ended(x->server);
    take_no_more(*x);
    slots_.erase(*x);
  }
  return settle({}, now);
}

void pool_core::end_of_use(slot& x, disposition what, ends count, const std::string& reason, commands& out,
                           time_point now) {
  // An idle connection reports only its loss; what one that is being closed has to say does not matter any more.
  auto in_order = what == disposition::reusable || what == disposition::suspect;
  auto used = x.state == slot_state::busy || x.state == slot_state::pinging;
  if (!used && !(x.state == slot_state::idle && !in_order))
    return;
  auto in_use = x.state == slot_state::busy;
  if (in_order) {
    if (!in_use || count.ended > 0) { // Otherwise nothing was heard of the server.
      x.confirmed_at = now;
      x.suspect = false;
    }
    if (in_use)
      x.used_at = now;
    if (x.shared && count.ended > 0)
      usual_.add(now - x.busy_since, count.ended);
    if (mode_ == mode::draining)
      drained_.finished += std::min(count.ended, x.in_flight);
    some_ended(x, count, now);
    if (x.in_flight > 0)
      return;
    if (what == disposition::suspect && suspects_.take(now))
      close(x, close_reason::broken, out);
    else
      serve_or_park(x, out, now);
    return;
  }
  some_ended(x, count, now);
  close(x, reason_of(what), out);
  if (what == disposition::broken || what == disposition::evicted)
    return;
  ++numbers_.lost;
  numbers_.last_error = reason;
  if (what == disposition::lost && !in_use) {
    // Where one was lost others may be: they get a real ping before their next use.
    for (auto& other : slots_)
      other.second.suspect = true;
  } else if (slots_.is_current(x)) {
    rebuilding_ = true;
    if (what == disposition::demoted)
      servers_.demoted(x.server, demoted(reason), now, random());
    else
      servers_.doubt(x.server, now);
    retire_generation(out);
  }
}

// -- time ------------------------------------------------------------------------

commands pool_core::tick(time_point now) {
  commands out;
  maintain_idle(out, now);
  watch_users(out, now);
  requeue_waiting(out, now);
  return settle(std::move(out), now);
}

time_point pool_core::next_event() {
  if (mode_ == mode::stopped)
    return time_point::max();
  auto result = std::min({queue_.next_deadline(), maintain_at_, watch_at_, slow_at_, limit_until_});
  if (sheds_load() && !queue_.empty())
    result = std::min(result, shedder_.next_event(queue_.front()->accepted));
  if (mode_ == mode::draining)
    result = std::min(result, cut_at_);
  return std::min(result, next_connect());
}

/// Users of a connection may vanish without a word.
void pool_core::watch_users(commands& out, time_point now) {
  if (watch_at_ > now)
    return;
  watch_at_ = time_point::max();
  for (auto& [id, x] : slots_) {
    if (x.state != slot_state::busy)
      continue;
    watch_at_ = later(now, watch_interval);
    if (now - x.busy_since >= watch_interval)
      out.push_back(check_caller{id});
  }
}

// -- follow-up -------------------------------------------------------------------

commands pool_core::settle(commands out, time_point now) {
  expire(out, now);
  shed(out, now);
  end_limit(now);
  share_out(out, now);
  fail_hopeless(out, now);
  open_missing(out, now);
  finish_drain(out, now);
  return out;
}

void pool_core::expire(commands& out, time_point now) {
  while (auto who = queue_.pop_expired(now)) {
    auto why = circumstances_of(*who, now);
    why.waiting = queue_.size() + 1;
    refuse(*who, acquire_timeout(rules_, why), out);
  }
}

/// Under overload, gives up those that have waited longest.
void pool_core::shed(commands& out, time_point now) {
  if (!sheds_load()) {
    shedder_.served(duration::zero(), now);
    return;
  }
  for (auto who = queue_.front(); who != nullptr && shedder_.sheds(now - who->accepted, now); who = queue_.front()) {
    auto why = circumstances_of(*who, now);
    refuse(*queue_.pop(), overloaded(rules_, why), out);
  }
}

/// While no connection is open that could serve anybody and connects fail, fails those who do not want to wait; and
/// everybody if the breaker is open.
void pool_core::fail_hopeless(commands& out, time_point now) {
  auto cause = servers_.down();
  if (cause == nullptr || slots_.serving() > 0 || paused_)
    return;
  auto breaker = servers_.state();
  auto closed = breaker == breaker_state::closed;
  while (auto who = closed ? queue_.pop_fail_fast() : queue_.pop()) {
    auto next = servers_.next_attempt();
    auto is_known = breaker != breaker_state::half_open && next > now && next != time_point::max();
    auto retry_after = is_known ? time_left(next, now) : duration::zero();
    refuse(*who, no_connection(rules_, circumstances_of(*who, now), *cause, !closed, retry_after), out);
  }
}

void pool_core::finish_drain(commands& out, time_point now) {
  if (mode_ != mode::draining)
    return;
  if (queue_.size() + slots_.count(slot_state::busy) > 0) {
    if (now < cut_at_)
      return;
    drained_.cut = queue_.size() + in_flight();
    for (auto& [id, x] : slots_) // They are in the queue, or elsewhere.
      drained_.cut -= x.requeued_here;
    while (auto who = queue_.pop())
      refuse(*who, shutting_down(rules_, circumstances_of(*who, now)), out);
  }
  mode_ = mode::stopped;
  numbers_.initialized = false;
  // A connect under way cannot be stopped; its connection is closed as soon as it reports.
  for (auto& [id, x] : slots_)
    if (x.state != slot_state::closing && x.state != slot_state::opening)
      close(x, close_reason::drained, out);
  out.push_back(finish{});
}

// -- connections -----------------------------------------------------------------

/// Who waits for the server or is left over from before a drain is not too much load.
bool pool_core::sheds_load() const {
  return shedder_.enabled() && mode_ == mode::running && !paused_ && slots_.serving() > 0;
}

/// A connection for somebody who has just come.
slot* pool_core::free_for(const request& who, time_point now) {
  if (paused_)
    return nullptr;
  if (!slots_.idle().empty()) // Then nobody waits.
    return slots_.idle().back();
  return who.shareable && queue_.next() == nullptr ? sharer(now) : nullptr;
}

/// A connection is free: the next caller gets it if there is one.
void pool_core::serve_or_park(slot& x, commands& out, time_point now) {
  expire(out, now);
  if (mode_ == mode::stopped || !slots_.is_current(x) || x.replace_at <= now) {
    close(x,
          mode_ == mode::stopped  ? close_reason::drained
          : !slots_.is_current(x) ? close_reason::disposed
                                  : close_reason::aged,
          out);
    return;
  }
  if (paused_) {
    park(x, out);
    return;
  }
  shed(out, now);
  if (auto next = queue_.pop()) {
    grant(x, *next, out, now);
    return;
  }
  shedder_.served(duration::zero(), now);
  park(x, out);
}

void pool_core::grant(slot& x, const request& who, commands& out, time_point now) {
  auto check = !rules_.pre_ping || x.in_flight > 0 ? liveness_check::none
               : wants_ping(x, now)                ? liveness_check::ping
                                                   : liveness_check::peek;
  count_grant(x, who, now);
  watch_at_ = std::min(watch_at_, later(now, watch_interval));
  shedder_.served(now - who.accepted, now);
  count_served(who, 1);
  out.push_back(grant_connection{who.id, x.id, check, now - who.accepted});
}

bool pool_core::wants_ping(const slot& x, time_point now) const {
  return x.suspect || later(x.confirmed_at, rules_.pre_ping_idle) <= now;
}

void pool_core::close(slot& x, close_reason why, commands& out) {
  take_no_more(x);
  x.in_flight = 0;
  x.requeued_here = 0;
  slots_.move(x, slot_state::closing);
  out.push_back(close_connection{x.id, why});
}

// -- refusals and numbers --------------------------------------------------------

/// When a request has waited for long enough.
time_point pool_core::patience_of(const request& who) const {
  return std::min(who.deadline, later(who.accepted, rules_.timeout));
}

circumstances pool_core::circumstances_of(const request& who, time_point now) const {
  return {slots_.count(slot_state::busy), slots_.open(), queue_.size(), now - who.accepted, connect_error_, paused_};
}

/// What operators ask for says nothing about the service that callers get.
void pool_core::count_served(const request& who, int by) {
  if (!who.fail_fast)
    numbers_.served += static_cast<uint64_t>(by);
}

void pool_core::refuse(const request& who, failure why, commands& out) {
  if (!who.fail_fast)
    ++(why.code == errc::acquire_timeout ? numbers_.timed_out
       : why.code == errc::overloaded    ? numbers_.shed
                                         : numbers_.refused);
  why.attempts = who.attempts;
  out.push_back(fail_request{who.id, std::move(why)});
}

duration pool_core::age_of(connection_id id, time_point now) {
  auto x = slots_.find(id);
  return x == nullptr || x->state == slot_state::opening ? duration::zero() : now - x->opened_at;
}

pool_status pool_core::status() const {
  auto result = numbers_;
  result.draining = mode_ != mode::running;
  result.paused = paused_;
  result.checked_in = slots_.count(slot_state::idle) + slots_.count(slot_state::pinging);
  result.checked_out = slots_.count(slot_state::busy);
  result.total_connections = result.checked_in + result.checked_out;
  result.in_flight = in_flight();
  result.overflow = result.total_connections > rules_.size ? result.total_connections - rules_.size : 0;
  result.waiting = queue_.size();
  result.connecting = slots_.count(slot_state::opening);
  result.limit = limit_;
  result.generation = slots_.generation();
  result.breaker = servers_.state();
  return result;
}

} // namespace cenote::pool

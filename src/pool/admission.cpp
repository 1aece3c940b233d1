#include "pool/admission.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

namespace cenote::pool {

namespace {

/// How many dead connections in turn a request may meet before it is given up.
constexpr uint32_t max_attempts = 10;

} // namespace

admission::admission(const pool_settings& rules, const slot_table& slots, waiting_line& queue, service_record& record)
    : rules_{rules}, slots_{slots}, queue_{queue}, record_{record}, shedder_{rules} {
  assert(rules_.max_waiting >= 1);
  assert(rules_.timeout > duration::zero());
}

void admission::apply(const pool_settings& rules) {
  assert(rules.max_waiting >= 1 && rules.timeout > duration::zero());
  auto other_timeout = rules.timeout != rules_.timeout;
  rules_ = rules;
  shedder_.apply(rules);
  if (!other_timeout)
    return;
  std::vector<request> waiting;
  while (auto x = queue_.pop())
    waiting.push_back(*x);
  for (auto& x : waiting)
    queue_.push_back(x, deadline_of(x));
}

// -- phases ----------------------------------------------------------------------

void admission::pause(commands& out, time_point now) {
  assert(phase_ == phase::running);
  phase_ = phase::paused;
  while (auto x = queue_.pop_fail_fast())
    refuse(*x, acquire_timeout(rules_, circumstances_of(*x, now)), out);
}

void admission::resume() {
  assert(phase_ == phase::paused);
  phase_ = phase::running;
}

void admission::drain() {
  assert(phase_ != phase::paused);
  if (phase_ == phase::running)
    phase_ = phase::draining;
}

void admission::stop() {
  assert(phase_ == phase::draining && queue_.empty());
  phase_ = phase::stopped;
}

// -- requests arrive -------------------------------------------------------------

bool admission::accepts(const request& x, commands& out, time_point now) {
  if (phase_ == phase::draining || phase_ == phase::stopped)
    refuse(x, shutting_down(rules_, circumstances_of(x, now)), out);
  else if (deadline_of(x) <= now)
    refuse(x, time_has_passed(rules_, circumstances_of(x, now)), out);
  else
    return true;
  return false;
}

void admission::enqueue(const request& x, commands& out, time_point now) {
  assert(deadline_of(x) > now);
  if (phase_ == phase::paused && x.fail_fast)
    refuse(x, acquire_timeout(rules_, circumstances_of(x, now)), out);
  else if (queue_.size() >= rules_.max_waiting)
    refuse(x, queue_full(rules_, circumstances_of(x, now)), out);
  else
    queue_.push_back(x, deadline_of(x));
}

bool admission::gives_up(const request& x, const std::string& reason, commands& out, time_point now) {
  if (x.attempts < max_attempts || phase_ == phase::stopped || deadline_of(x) <= now)
    return false;
  record_.taken_back(x);
  refuse(x, never_sent(rules_, circumstances_of(x, now), x.attempts, reason), out);
  return true;
}

bool admission::accepts_again(const request& x, commands& out, time_point now) {
  record_.taken_back(x);
  auto is_late = deadline_of(x) <= now;
  if (!is_late && phase_ == phase::stopped)
    refuse(x, shutting_down(rules_, circumstances_of(x, now)), out);
  else if (is_late || (phase_ == phase::paused && x.fail_fast))
    refuse(x, acquire_timeout(rules_, circumstances_of(x, now)), out);
  else
    return true;
  return false;
}

time_point admission::deadline_of(const request& x) const {
  return std::min(x.deadline, later(x.accepted, rules_.timeout));
}

// -- requests leave --------------------------------------------------------------

void admission::granted(const request& x, time_point now) {
  assert(phase_ == phase::running || phase_ == phase::draining);
  assert(deadline_of(x) > now);
  shedder_.served(now - x.accepted, now);
  record_.granted(x);
}

void admission::nobody_waits(time_point now) {
  assert(queue_.empty());
  shedder_.served(duration::zero(), now);
}

void admission::expire(commands& out, time_point now) {
  while (auto x = queue_.pop_expired(now)) {
    auto why = circumstances_of(*x, now);
    why.waiting = queue_.size() + 1;
    refuse(*x, acquire_timeout(rules_, why), out);
  }
}

void admission::shed(commands& out, time_point now) {
  if (!sheds_load()) {
    shedder_.served(duration::zero(), now);
    return;
  }
  for (auto x = queue_.front(); x != nullptr && shedder_.sheds(now - x->accepted, now); x = queue_.front()) {
    auto why = circumstances_of(*x, now);
    refuse(*queue_.pop(), overloaded(rules_, why), out);
  }
}

void admission::fail_hopeless(const server_list& servers, commands& out, time_point now) {
  auto cause = servers.down();
  if (cause == nullptr || slots_.serving() > 0 || phase_ == phase::paused)
    return;
  auto breaker = servers.state();
  auto closed = breaker == breaker_state::closed;
  while (auto x = closed ? queue_.pop_fail_fast() : queue_.pop()) {
    auto next = servers.next_attempt();
    auto is_known = breaker != breaker_state::half_open && next > now && next != time_point::max();
    auto retry_after = is_known ? time_left(next, now) : duration::zero();
    refuse(*x, no_connection(rules_, circumstances_of(*x, now), *cause, !closed, retry_after), out);
  }
}

void admission::refuse_all(commands& out, time_point now) {
  while (auto x = queue_.pop())
    refuse(*x, shutting_down(rules_, circumstances_of(*x, now)), out);
}

time_point admission::next_event() {
  auto result = queue_.next_deadline();
  if (auto first = queue_.front(); first != nullptr && sheds_load())
    result = std::min(result, shedder_.next_event(first->accepted));
  return result;
}

/// Who waits for the server or is left over from before a drain is not too much load.
bool admission::sheds_load() const {
  return shedder_.enabled() && phase_ == phase::running && slots_.serving() > 0;
}

circumstances admission::circumstances_of(const request& x, time_point now) const {
  assert(now >= x.accepted);
  return {slots_.count(slot_state::busy), slots_.open(),          queue_.size(), now - x.accepted,
          record_.connect_error(),        phase_ == phase::paused};
}

void admission::refuse(const request& x, failure why, commands& out) {
  record_.refused(x, why.code);
  why.attempts = x.attempts;
  out.push_back(fail_request{x.id, std::move(why)});
}

// -- invariants ------------------------------------------------------------------

void admission::check_invariants() const {
  assert(phase_ != phase::stopped || (queue_.empty() && slots_.open() == 0));
  assert(phase_ == phase::paused || queue_.empty() || slots_.idle().empty());
}

} // namespace cenote::pool

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
  std::vector<request> requests;
  while (auto next = queue_.pop())
    requests.push_back(*next);
  for (auto& waiting : requests)
    queue_.push_back(waiting, deadline_of(waiting));
}

// -- phases ----------------------------------------------------------------------

void admission::pause(commands& out, time_point now) {
  assert(phase_ == phase::running);
  phase_ = phase::paused;
  while (auto waiting = queue_.pop_fail_fast())
    refuse(*waiting, acquire_timeout(rules_, circumstances_of(*waiting, now)), out);
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

bool admission::accepts(const request& request, commands& out, time_point now) {
  if (phase_ == phase::draining || phase_ == phase::stopped)
    refuse(request, shutting_down(rules_, circumstances_of(request, now)), out);
  else if (deadline_of(request) <= now)
    refuse(request, time_has_passed(rules_, circumstances_of(request, now)), out);
  else
    return true;
  return false;
}

void admission::enqueue(const request& request, commands& out, time_point now) {
  assert(deadline_of(request) > now);
  if (phase_ == phase::paused && request.fail_fast)
    refuse(request, acquire_timeout(rules_, circumstances_of(request, now)), out);
  else if (request.priority)
    queue_.push_front(request, deadline_of(request));
  else if (queue_.size() >= rules_.max_waiting)
    refuse(request, queue_full(rules_, circumstances_of(request, now)), out);
  else
    queue_.push_back(request, deadline_of(request));
}

bool admission::gives_up(const request& request, const std::string& reason, commands& out, time_point now) {
  if (request.attempts < max_attempts || phase_ == phase::stopped || deadline_of(request) <= now)
    return false;
  record_.taken_back(request);
  refuse(request, never_sent(rules_, circumstances_of(request, now), request.attempts, reason), out);
  return true;
}

bool admission::accepts_again(const request& request, commands& out, time_point now) {
  record_.taken_back(request);
  auto is_late = deadline_of(request) <= now;
  if (!is_late && phase_ == phase::stopped)
    refuse(request, shutting_down(rules_, circumstances_of(request, now)), out);
  else if (is_late || (phase_ == phase::paused && request.fail_fast))
    refuse(request, acquire_timeout(rules_, circumstances_of(request, now)), out);
  else
    return true;
  return false;
}

time_point admission::deadline_of(const request& request) const {
  return std::min(request.deadline, later(request.accepted, rules_.timeout));
}

// -- requests leave --------------------------------------------------------------

void admission::granted(const request& request, time_point now) {
  assert(phase_ == phase::running || phase_ == phase::draining);
  assert(deadline_of(request) > now);
  shedder_.served(now - request.accepted, now);
  record_.granted(request);
}

void admission::queue_is_empty(time_point now) {
  assert(queue_.empty());
  shedder_.served(duration::zero(), now);
}

void admission::expire(commands& out, time_point now) {
  while (auto late = queue_.pop_expired(now)) {
    auto situation = circumstances_of(*late, now);
    situation.waiting = queue_.size() + 1;
    refuse(*late, acquire_timeout(rules_, situation), out);
  }
}

void admission::shed(commands& out, time_point now) {
  if (!sheds_load()) {
    shedder_.served(duration::zero(), now);
    return;
  }
  for (auto oldest = queue_.front(); oldest != nullptr && shedder_.sheds(now - oldest->accepted, now);
       oldest = queue_.front()) {
    auto situation = circumstances_of(*oldest, now);
    refuse(*queue_.pop(), overloaded(rules_, situation), out);
  }
}

void admission::fail_hopeless(const server_list& servers, commands& out, time_point now) {
  auto cause = servers.down();
  if (cause == nullptr || slots_.serving() > 0 || phase_ == phase::paused)
    return;
  auto breaker = servers.state();
  auto closed = breaker == breaker_state::closed;
  while (auto waiting = closed ? queue_.pop_fail_fast() : queue_.pop()) {
    auto next = servers.next_attempt();
    auto is_known = breaker != breaker_state::half_open && next > now && next != time_point::max();
    auto retry_after = is_known ? time_left(next, now) : duration::zero();
    refuse(*waiting, no_connection(rules_, circumstances_of(*waiting, now), *cause, !closed, retry_after), out);
  }
}

void admission::refuse_all(commands& out, time_point now) {
  while (auto waiting = queue_.pop())
    refuse(*waiting, shutting_down(rules_, circumstances_of(*waiting, now)), out);
}

time_point admission::next_event() {
  auto result = queue_.next_deadline();
  if (auto first = queue_.front(); first != nullptr && sheds_load())
    result = std::min(result, shedder_.next_event(first->accepted));
  return result;
}

/// Requests that wait for the server, or are left over from before a drain, are no sign of overload.
bool admission::sheds_load() const {
  return shedder_.enabled() && phase_ == phase::running && slots_.serving() > 0;
}

circumstances admission::circumstances_of(const request& request, time_point now) const {
  assert(now >= request.accepted);
  return {slots_.count(slot_state::busy), slots_.open(),           queue_.size(),
          now - request.accepted,         record_.connect_error(), phase_ == phase::paused};
}

void admission::refuse(const request& request, failure error, commands& out) {
  record_.refused(request, error.code);
  error.attempts = request.attempts;
  out.push_back(fail_request{request.id, std::move(error)});
}

// -- invariants ------------------------------------------------------------------

void admission::check_invariants() const {
  assert(phase_ != phase::stopped || (queue_.empty() && slots_.open() == 0));
  assert(phase_ == phase::paused || queue_.empty() || slots_.idle().empty());
}

} // namespace cenote::pool

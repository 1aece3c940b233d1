#include "node/remote_core.hpp"

#include "pool/backoff.hpp"

#include <algorithm>
#include <cassert>
#include <cstdio>

namespace cenote::node {

namespace {

constexpr duration first_delay = std::chrono::milliseconds{50};
constexpr duration max_delay = std::chrono::seconds{2};

/// A link that ends earlier counts as a failed attempt: a node may greet, and end the connection, again and again.
constexpr duration lasting = max_delay;

/// A node that hangs still takes connections, perhaps before the others do: it counts as having failed so often.
constexpr size_t failures_if_hanging = 6;

std::string seconds_text(duration span) {
  char text[32];
  snprintf(text, sizeof(text), "%.1f s", std::chrono::duration<double>(span).count());
  return text;
}

failure make_failure(errc code, outcome effect, std::string text) {
  failure out;
  out.code = code;
  out.outcome = effect;
  out.text = std::move(text);
  return out;
}

void append(commands& to, commands&& more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

} // namespace

remote_core::remote_core(std::vector<std::string> nodes, const rules& limits, uint64_t seed)
    : rules_{limits}, rng_{static_cast<std::minstd_rand::result_type>(seed)} {
  assert(!nodes.empty());
  for (auto& address : nodes)
    nodes_.push_back({std::move(address), {}, false, false, false, 0, time_point::min(), {}, {}, time_point::min()});
}

commands remote_core::start(time_point now) {
  commands out;
  connect(out, now);
  return out;
}

// -- requests --------------------------------------------------------------------------

commands remote_core::submit(const call& request, time_point now) {
  commands out;
  auto i = calls_.emplace(request.id, entry{request, stage::waiting, {}, {}, time_point::max()}).first;
  auto is_bound = request.kind == call::type::bound;
  if (draining_ && (!is_bound || now >= cut_at_)) { // Until then, sessions may come to their end.
    fail(i, make_failure(errc::shutting_down, outcome::unavailable, "this client of a pool node is shutting down"),
         out);
  } else if (request.deadline <= now && is_bound) {
    fail(i, make_failure(errc::statement_timeout, outcome::not_sent, "its time limit has passed already"), out);
  } else if (request.deadline <= now) {
    fail(i, not_reached(request, now), out);
  } else if (is_bound) {
    // Its session has ended with its link: whoever asks for a session checks that first.
    assert(find(request.link) != nullptr || leaving_.contains(request.link));
    hand_over(i->second, request.link, now, out);
  } else if (request.kind == call::type::query && current_) {
    hand_over(i->second, *current_, now, out);
  } else if (!current_ && all_refused()) {
    fail(i, not_reached(request, now), out);
  } else {
    wait(i->second);
    // What an operator asks for deserves a fresh attempt.
    if (request.kind == call::type::query && !any_connecting())
      for (auto& each : nodes_)
        each.retry_at = now;
    connect(out, now);
    flow(now, out);
  }
  return out;
}

void remote_core::written(call_id id) {
  if (auto i = calls_.find(id); i != calls_.end() && i->second.at == stage::handed_over)
    i->second.at = stage::written;
}

commands remote_core::answered(call_id id, time_point now) {
  commands out;
  if (auto i = calls_.find(id); i != calls_.end()) {
    finish(i);
    flow(now, out);
  }
  return out;
}

void remote_core::heard(link_id link, time_point now) {
  if (current_ != link)
    return;
  heard_at_ = now;
  silent_until_ = time_point::max();
}

bool remote_core::is_on(call_id id, link_id link) const {
  auto i = calls_.find(id);
  return i != calls_.end() && i->second.at != stage::waiting && i->second.link == link;
}

commands remote_core::turned_away(call_id id, time_point now) {
  commands out;
  auto i = calls_.find(id);
  if (i == calls_.end())
    return out;
  auto& x = i->second;
  if (x.at == stage::waiting)
    return out;
  auto link = x.link;
  if (x.request.kind == call::type::bound || draining_) {
    fail(i, make_failure(errc::shutting_down, outcome::unavailable, "the pool node is shutting down"), out);
  } else {
    if (counts(x))
      --in_flight_;
    wait(x);
  }
  if (current_ == link)
    append(out, leaving(link, now));
  else
    flow(now, out);
  return out;
}

commands remote_core::cancel(call_id id, time_point now) {
  commands out;
  auto i = calls_.find(id);
  if (i == calls_.end())
    return out;
  withdraw(i, make_failure(errc::acquire_timeout, outcome::unavailable, "the caller has ended"), now, out);
  flow(now, out);
  return out;
}

// -- links -----------------------------------------------------------------------------

commands remote_core::opened(link_id link, time_point now) {
  commands out;
  auto found = find(link);
  if (found == nullptr)
    return out;
  found->refused = false;
  found->error.clear();
  if (!needs_node()) {
    found->link.reset();
    found->retry_at = now;
    out.push_back(drop_link{link});
    return out;
  }
  found->open = true;
  found->opened_at = now;
  current_ = link;
  heard(link, now);
  in_flight_ = 0;
  // The first that answers is used: the other attempts are given up.
  for (auto& each : nodes_)
    if (each.link && !each.open) {
      out.push_back(drop_link{*each.link});
      each.link.reset();
      each.retry_at = now;
    }
  // Operators do not wait behind other requests.
  for (auto i = queue_.begin(); i != queue_.end();)
    if (auto& x = calls_.at(*i++); x.request.kind == call::type::query)
      hand_over(x, link, now, out);
  flow(now, out);
  return out;
}

commands remote_core::lost(link_id link, const std::string& reason, bool refused, time_point now) {
  commands out;
  auto known = node_of(link);
  if (known == nullptr)
    return out;
  auto address = *known;
  if (auto found = find(link)) {
    found->error = reason;
    found->refused = refused;
    if (found->open) {
      leave(*found, std::exchange(found->hangs, false) ? failures_if_hanging : 0, now);
    } else {
      found->link.reset();
      ++found->failures;
      found->failed_at = now;
      found->retry_at = now + delay(found->failures);
    }
  }
  leaving_.erase(link);
  settle_lost(link, address, reason, out);
  connect(out, now);
  fail_unreachable(out, now);
  flow(now, out);
  return out;
}

commands remote_core::leaving(link_id link, time_point now) {
  commands out;
  auto found = find(link);
  if (found == nullptr || !found->open)
    return out;
  leaving_.emplace(link, found->address);
  found->error = "the node is shutting down";
  leave(*found, 1, now);
  connect(out, now);
  fail_unreachable(out, now);
  return out;
}

/// Looks for another link in place of the current one, which leads to `x`.
/// @param failures of the node, if the link has lasted.
void remote_core::leave(node& x, size_t failures, time_point now) {
  auto lasted = now - x.opened_at >= lasting;
  x.link.reset();
  x.open = false;
  x.failures = lasted ? failures : x.failures + 1;
  x.retry_at = x.failures == 0 ? now : now + delay(x.failures);
  current_.reset();
  silent_until_ = time_point::max();
  if (lasted)
    for (auto& each : nodes_) // Somebody else may be there by now.
      if (&each != &x)
        each.retry_at = std::min(each.retry_at, now);
}

/// What was on a link that is lost: what the node cannot have begun comes back to its place in the queue.
void remote_core::settle_lost(link_id link, const std::string& address, const std::string& reason, commands& out) {
  for (auto i = calls_.begin(); i != calls_.end();) {
    auto current = i++;
    auto& x = current->second;
    if (x.at == stage::waiting || x.link != link)
      continue;
    auto kind = x.request.kind;
    if ((kind == call::type::bound || kind == call::type::work) && x.at == stage::written)
      fail(current, lost_answer(x.request, address, reason), out);
    else if (kind == call::type::bound)
      fail(current, lost_unsent(x.request, address, reason), out);
    else
      wait(x);
  }
  out.push_back(end_session_links{link, "the pool node " + address + " was lost: " + reason});
}

// -- time, and the end -----------------------------------------------------------------

commands remote_core::tick(time_point now) {
  commands out;
  while (!due_.empty() && due_.begin()->first <= now) {
    auto i = calls_.find(due_.begin()->second);
    auto& x = i->second;
    if (x.at == stage::waiting)
      fail(i, now < cut_at_ ? not_reached(x.request, now) : unsent(now), out);
    else {
      suspect(x);
      withdraw(i, too_late(x, now), now, out);
    }
  }
  give_up_silent(out, now);
  connect(out, now);
  flow(now, out);
  return out;
}

time_point remote_core::next_event() const {
  auto next = std::min(due_.empty() ? time_point::max() : due_.begin()->first, silent_until_);
  if (needs_node())
    for (auto& each : nodes_)
      if (!each.link)
        next = std::min(next, each.retry_at);
  return next;
}

/// A request has not been answered in time. Its node may be slow, or hang with only its heart beating: the latter if it
/// has not answered anything else either since it has had the request.
void remote_core::suspect(const entry& x) {
  if (!draining_ && current_ == x.link && x.at == stage::written && heard_at_ <= x.handed_over_at)
    silent_until_ = std::min(silent_until_, pool::later(x.request.deadline, rules_.silence));
}

void remote_core::give_up_silent(commands& out, time_point now) {
  if (silent_until_ > now)
    return;
  silent_until_ = time_point::max();
  auto found = find(*current_);
  found->hangs = true;
  out.push_back(give_up_link{*current_, "it has answered nothing for " + seconds_text(now - heard_at_)});
}

commands remote_core::drain(time_point until, time_point now) {
  draining_ = true;
  silent_until_ = time_point::max();
  cut_at_ = std::min(cut_at_, until);
  for (auto& [id, x] : calls_)
    set_due(x, x.due);
  return tick(now);
}

// -- parts -----------------------------------------------------------------------------

/// Whether it counts as in flight on the current link.
bool remote_core::counts(const entry& x) const {
  return x.at != stage::waiting && current_ == x.link && x.request.kind != call::type::bound
         && x.request.kind != call::type::query;
}

bool remote_core::needs_node() const {
  return !current_ && (!draining_ || !queue_.empty());
}

void remote_core::connect(commands& out, time_point now) {
  if (!needs_node())
    return;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    auto& each = nodes_[i];
    if (each.link || each.retry_at > now)
      continue;
    each.link = link_id{++last_link_};
    out.push_back(connect_to{*each.link, i});
  }
}

/// Hands requests over while the node has room.
void remote_core::flow(time_point now, commands& out) {
  while (current_ && !queue_.empty() && in_flight_ < rules_.max_in_flight)
    hand_over(calls_.at(*queue_.begin()), *current_, now, out);
}

void remote_core::hand_over(entry& x, link_id link, time_point now, commands& out) {
  queue_.erase(x.request.id);
  x.at = stage::handed_over;
  x.link = link;
  x.handed_over_at = now;
  if (counts(x))
    ++in_flight_;
  set_due(x, pool::later(x.request.deadline, rules_.grace));
  out.push_back(send_call{x.request.id, link});
}

void remote_core::wait(entry& x) {
  x.at = stage::waiting;
  x.link = {};
  queue_.insert(x.request.id);
  set_due(x, std::min(x.request.deadline, pool::later(x.request.accepted, rules_.timeout)));
}

/// Not later than a drain permits.
void remote_core::set_due(entry& x, time_point when) {
  if (x.due != time_point::max())
    due_.erase({x.due, x.request.id});
  x.due = std::min(when, cut_at_);
  if (x.due != time_point::max())
    due_.emplace(x.due, x.request.id);
}

void remote_core::finish(entries::iterator i) {
  auto& x = i->second;
  due_.erase({x.due, x.request.id});
  queue_.erase(x.request.id);
  if (counts(x))
    --in_flight_;
  calls_.erase(i);
}

void remote_core::fail(entries::iterator i, failure reason, commands& out) {
  out.push_back(fail_call{i->first, std::move(reason), {}});
  finish(i);
}

/// Fails what may have been handed over. Then only the link knows whether the node gets it.
void remote_core::withdraw(entries::iterator i, failure reason, time_point now, commands& out) {
  auto& x = i->second;
  if (x.at == stage::waiting) {
    fail(i, std::move(reason), out);
    return;
  }
  out.push_back(withdraw_call{i->first, x.link});
  fail_call failed{i->first, std::move(reason), {}};
  if (x.at == stage::handed_over)
    failed.if_withdrawn = unsent(now);
  out.push_back(std::move(failed));
  finish(i);
}

/// What must not wait for a node that cannot be reached.
void remote_core::fail_unreachable(commands& out, time_point now) {
  if (current_)
    return;
  auto refused = all_refused();
  for (auto i = calls_.begin(); i != calls_.end();) {
    auto current = i++;
    auto& x = current->second;
    if (x.at == stage::waiting && (refused || (x.request.kind == call::type::query && is_hopeless(x.request))))
      fail(current, not_reached(x.request, now), out);
  }
}

failure remote_core::not_reached(const call& request, time_point now) const {
  if (current_) {
    auto out =
        make_failure(errc::acquire_timeout, outcome::unavailable,
                     "the pool node " + *node_of(*current_) + " had " + std::to_string(in_flight_)
                         + " requests of this client in flight (remote.max-in-flight "
                         + std::to_string(rules_.max_in_flight) + ") for the whole time that this one could wait");
    out.waited = now - request.accepted;
    return out;
  }
  if (all_refused())
    return make_failure(errc::login_refused, outcome::rejected, errors());
  auto out = make_failure(errc::connect_failed, outcome::unavailable, "no pool node can be reached: " + errors());
  out.waited = now - request.accepted;
  out.last_connect_error = errors();
  return out;
}

/// Of what was handed over: the node may have begun it, or may still.
failure remote_core::too_late(const entry& x, time_point now) const {
  auto kind = x.request.kind;
  if (kind != call::type::work && kind != call::type::bound)
    return now >= cut_at_ ? unsent(now) : make_failure(errc::acquire_timeout, outcome::unavailable, no_answer());
  if (now < cut_at_)
    return make_failure(errc::statement_timeout, outcome::unknown, no_answer());
  if (kind == call::type::bound)
    return make_failure(errc::pool_gone, x.request.if_lost, "this client of a pool node was shut down");
  return make_failure(errc::pool_gone, outcome::unknown,
                      "this client of a pool node was shut down before the answer came: the request may have been "
                      "carried out");
}

std::string remote_core::no_answer() const {
  return "its time limit passed, and the pool node has not answered within " + seconds_text(rules_.grace)
         + " after that";
}

/// Of what no node has begun.
failure remote_core::unsent(time_point now) const {
  if (now >= cut_at_)
    return make_failure(errc::shutting_down, outcome::unavailable, "this client of a pool node was shut down");
  return make_failure(errc::statement_timeout, outcome::not_sent,
                      "its time limit passed before it could be sent to the pool node");
}

failure remote_core::lost_answer(const call& request, const std::string& address, const std::string& reason) const {
  auto is_bound = request.kind == call::type::bound;
  return make_failure(is_bound && request.if_lost == outcome::rolled_back ? errc::session_ended : errc::pool_gone,
                      request.if_lost,
                      "the pool node " + address + " was lost before it answered: " + reason
                          + (request.if_lost == outcome::unknown ? "; the request may have been carried out"
                                                                 : "; the open transaction is rolled back"));
}

/// Of a request for a session, which no other node can carry out.
failure remote_core::lost_unsent(const call& request, const std::string& address, const std::string& reason) const {
  auto rolled_back = request.if_unsent == outcome::rolled_back;
  auto code = rolled_back                              ? errc::session_ended
              : request.if_unsent == outcome::not_sent ? errc::connection_lost_unsent
                                                       : errc::pool_gone;
  return make_failure(code, request.if_unsent,
                      "the pool node " + address + " was lost before the request could be sent to it: " + reason
                          + (rolled_back ? "; the open transaction is rolled back" : ""));
}

remote_core::node* remote_core::find(link_id link) {
  auto i = std::ranges::find(nodes_, std::optional{link}, &node::link);
  return i == nodes_.end() ? nullptr : &*i;
}

const remote_core::node* remote_core::find(link_id link) const {
  auto i = std::ranges::find(nodes_, std::optional{link}, &node::link);
  return i == nodes_.end() ? nullptr : &*i;
}

const std::string* remote_core::node_of(link_id link) const {
  if (auto found = find(link))
    return &found->address;
  auto i = leaving_.find(link);
  return i == leaving_.end() ? nullptr : &i->second;
}

bool remote_core::all_refused() const {
  return std::ranges::all_of(nodes_, &node::refused);
}

bool remote_core::any_connecting() const {
  return std::ranges::any_of(nodes_, [](auto& each) { return each.link && !each.open; });
}

/// Whether no attempt is under way that is the first to end since the query came.
bool remote_core::is_hopeless(const call& query) const {
  return std::ranges::none_of(
      nodes_, [&query](auto& each) { return each.link && !each.open && each.failed_at <= query.accepted; });
}

/// The last error of each node.
std::string remote_core::errors() const {
  std::string out;
  for (auto& each : nodes_)
    out += (out.empty() ? "" : "; ") + each.address + ": " + (each.error.empty() ? "no answer yet" : each.error);
  return out;
}

duration remote_core::delay(size_t failures) {
  auto full = pool::exponential_delay(first_delay, max_delay, failures);
  return std::chrono::duration_cast<duration>(full * std::uniform_real_distribution<>{0.5, 1.0}(rng_));
}

} // namespace cenote::node

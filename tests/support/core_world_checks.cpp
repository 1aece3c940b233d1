#include "support/core_world.hpp"

#include <algorithm>
#include <sstream>

namespace cenote::test {

using namespace pool;
using namespace std::chrono_literals;

/// Whether it is a request's turn: first come first served, but requests that may share a connection pass those that
/// need one alone, and a requeued request goes behind those of them for which one is being emptied.
bool core_world::may_be_next(const request& waiting, const connection& target) const {
  return std::ranges::all_of(queue_.begin(), std::ranges::find(queue_, waiting.id, &request::id), [&](auto& before) {
    return waiting.shareable ? !before.shareable && target.state == doing::busy : came_back_.contains(before.id);
  });
}

/// Whether the rules permit that a request fails in this way now.
bool core_world::may_fail(const request& waiting, const failure& reason) {
  auto is_down = serving() == 0 && all_servers_fail();
  switch (reason.code) {
  case errc::acquire_timeout:
    return deadline_of(waiting) <= now_;
  case errc::queue_full:
    return waiting.id == newest_ && queue_.size() > rules_.max_waiting;
  case errc::shutting_down:
    return draining_ && (waiting.id == newest_ || now_ >= drain_limit_ || finished_);
  case errc::connect_failed:
  case errc::server_full:
  case errc::read_only_server:
    return is_down && waiting.fail_fast && last_failure_ == reason.code;
  case errc::login_refused:
    return is_down && last_failure_ == reason.code && (waiting.fail_fast || breaker_may_be_open());
  case errc::circuit_open:
    return is_down && breaker_may_be_open() && reason.retry_after >= 0s
           && reason.retry_after <= 60 * rules_.max_reconnect_delay;
  case errc::overloaded:
    return rules_.shed_target > 0s && serving() > 0 && !draining_ && now_ - waiting.accepted >= 2 * rules_.shed_target
           && now_ - in_time_at_ >= rules_.shed_interval;
  case errc::connection_lost_unsent:
    return waiting.attempts >= 10;
  default:
    return false;
  }
}

bool core_world::all_servers_fail() const {
  return std::ranges::all_of(servers_, [](auto& candidate) { return candidate.cause.has_value(); });
}

bool core_world::breaker_may_be_open() const {
  return std::ranges::all_of(servers_, [this](auto& candidate) {
    auto for_long =
        rules_.breaker_after > 0s && candidate.failures >= 3 && now_ - candidate.failing_since >= rules_.breaker_after;
    return candidate.cause && (candidate.has_refused || for_long);
  });
}

// -- what has to hold at any time ----------------------------------------------------

void core_world::check_state() {
  if (!queue_.empty() && count(doing::idle) > 0)
    object("somebody waits though a connection is free");
  auto alone = std::ranges::any_of(queue_, [](auto& waiting) { return !waiting.shareable; });
  auto has_room = std::ranges::any_of(connections_, [this](auto& entry) {
    auto& it = entry.second;
    return it.state == doing::busy && it.generation == generation_ && it.users.front().shareable
           && it.users.size() < rules_.pipeline_depth && now_ - it.since < 5ms;
  });
  if (!queue_.empty() && !alone && has_room && rules_.recycle == 0s)
    object("somebody waits though a connection could be shared");
  auto is_useless = [this](auto& entry) {
    return entry.second.state == doing::idle && now_ - entry.second.used_at >= rules_.idle_timeout;
  };
  if (open_connections() > rules_.kept() && std::ranges::any_of(connections_, is_useless))
    object("a connection is kept that nobody has needed for long");
  // Those that came back, or have priority, come on top.
  auto extra = std::ranges::count_if(queue_, [](auto& waiting) { return waiting.priority; });
  if (queue_.size()
      > rules_.max_waiting + (rules_.size + rules_.max_overflow) * rules_.pipeline_depth + static_cast<size_t>(extra))
    object("too many requests wait");
  auto breaker = core_.status().breaker;
  if (!queue_.empty() && breaker != breaker_state::closed && serving() == 0)
    object("somebody waits though the breaker is open");
  if (breaker != breaker_state::closed && !breaker_may_be_open())
    object("the breaker is open too early");
  if (breaker != breaker_state::closed && (breaker == breaker_state::half_open) != (count(doing::opening) > 0))
    object("the breaker is half-open without a connect, or the reverse");
  check_time();
  check_connections();
  check_status();
}

void core_world::check_time() {
  for (auto& waiting : queue_)
    if (deadline_of(waiting) <= now_ || core_.next_event() > deadline_of(waiting))
      object("a request's time is not watched");
  auto somebody_works = connections_.size() > 0 && count(doing::idle) < connections_.size();
  auto something_to_do = finished_   ? false
                         : draining_ ? !queue_.empty()
                                     : connections_.size() < std::min(least(), limit_);
  if (!something_to_do || somebody_works)
    return;
  auto was_refused = std::ranges::any_of(servers_, &server::has_refused);
  auto longest = std::max<duration>(20ms, (was_refused ? 60 : 1) * rules_.max_reconnect_delay);
  if (core_.next_event() > now_ + longest)
    object("the pool waits for nothing");
}

void core_world::check_connections() {
  for (auto& [id, target] : connections_) {
    if ((target.state == doing::idle || target.state == doing::pinging) && target.generation != generation_)
      object("a connection of an old generation is kept");
    if (target.state == doing::busy && now_ - target.watched_at > 2s + 10ms)
      object("the caller of a connection in use is not checked");
  }
  if (!finished_ && count(doing::busy) > 0 && core_.next_event() > now_ + 1s)
    object("connections in use are not watched");
}

void core_world::check_status() {
  auto now = core_.status();
  if (now.waiting != queue_.size() || now.connecting != count(doing::opening) || now.checked_out != count(doing::busy)
      || now.checked_in != count(doing::idle) + count(doing::pinging) || now.total_connections != open_connections()
      || now.overflow != std::max(now.total_connections, now.pool_size) - now.pool_size || now.generation != generation_
      || now.timed_out != timed_out_ || now.shed != shed_ || now.served != served_)
    object("the status is wrong");
  if (!finished_ && now.limit != limit_)
    object("the limit is " + std::to_string(now.limit) + " and not " + std::to_string(limit_));
}

size_t core_world::count(doing state) const {
  return static_cast<size_t>(
      std::ranges::count_if(connections_, [state](auto& entry) { return entry.second.state == state; }));
}

/// The open connections that will serve others after their present user.
size_t core_world::serving() const {
  return static_cast<size_t>(std::ranges::count_if(connections_, [this](auto& entry) {
    return entry.second.generation == generation_ && entry.second.state != doing::opening
           && entry.second.state != doing::closing;
  }));
}

/// The minimum number of connections: one at least while requests wait, or to see when a server is back.
size_t core_world::least() const {
  return std::max<size_t>(kept(), queue_.empty() && !all_servers_fail() ? 0 : 1);
}

time_point core_world::deadline_of(const request& waiting) const {
  return std::min(waiting.deadline, waiting.accepted + rules_.timeout);
}

void core_world::object(const std::string& problem) {
  if (!problem_.empty())
    return;
  std::ostringstream text;
  text << problem << " (size " << rules_.kept() << " to " << rules_.size << ", overflow " << rules_.max_overflow
       << ", last request " << last_request_ << ", last connection " << static_cast<uint64_t>(last_connection_) << ")";
  problem_ = text.str();
}

} // namespace cenote::test

#include "support/core_world.hpp"

#include <algorithm>
#include <sstream>

namespace cenote::test {

using namespace pool;
using namespace std::chrono_literals;

/// Whether it is a request's turn: first come first served, but what may share a connection passes those who want one
/// alone, and what came back goes behind those of them for whom one is being emptied.
bool core_world::may_be_next(const request& who, const connection& where) const {
  return std::ranges::all_of(queue_.begin(), std::ranges::find(queue_, who.id, &request::id), [&](auto& before) {
    return who.shareable ? !before.shareable && where.what == doing::busy : came_back_.contains(before.id);
  });
}

/// Whether the rules permit that a request fails in this way now.
bool core_world::may_fail(const request& who, const failure& why) {
  auto is_down = serving() == 0 && all_servers_fail();
  switch (why.code) {
  case errc::acquire_timeout:
    return deadline_of(who) <= now_;
  case errc::queue_full:
    return who.id == newest_ && queue_.size() > rules_.max_waiting;
  case errc::shutting_down:
    return draining_ && (who.id == newest_ || now_ >= drain_limit_ || finished_);
  case errc::connect_failed:
  case errc::server_full:
  case errc::read_only_server:
    return is_down && who.fail_fast && last_failure_ == why.code;
  case errc::login_refused:
    return is_down && last_failure_ == why.code && (who.fail_fast || breaker_may_be_open());
  case errc::circuit_open:
    return is_down && breaker_may_be_open() && why.retry_after >= 0s
           && why.retry_after <= 60 * rules_.max_reconnect_delay;
  case errc::overloaded:
    return rules_.shed_target > 0s && serving() > 0 && !draining_ && now_ - who.accepted >= 2 * rules_.shed_target
           && now_ - in_time_at_ >= rules_.shed_interval;
  case errc::connection_lost_unsent:
    return who.attempts >= 10;
  default:
    return false;
  }
}

bool core_world::all_servers_fail() const {
  return std::ranges::all_of(servers_, [](auto& x) { return x.cause.has_value(); });
}

bool core_world::breaker_may_be_open() const {
  return std::ranges::all_of(servers_, [this](auto& x) {
    auto for_long = rules_.breaker_after > 0s && x.failures >= 3 && now_ - x.failing_since >= rules_.breaker_after;
    return x.cause && (x.has_refused || for_long);
  });
}

// -- what has to hold at any time ----------------------------------------------------

void core_world::check_state() {
  if (!queue_.empty() && count(doing::idle) > 0)
    complain("somebody waits though a connection is free");
  auto alone = std::ranges::any_of(queue_, [](auto& x) { return !x.shareable; });
  auto has_room = std::ranges::any_of(connections_, [this](auto& x) {
    auto& it = x.second;
    return it.what == doing::busy && it.generation == generation_ && it.users.front().shareable
           && it.users.size() < rules_.pipeline_depth && now_ - it.since < 5ms;
  });
  if (!queue_.empty() && !alone && has_room && rules_.recycle == 0s)
    complain("somebody waits though a connection could be shared");
  auto is_useless = [this](auto& x) {
    return x.second.what == doing::idle && now_ - x.second.used_at >= rules_.idle_timeout;
  };
  if (open_connections() > rules_.kept() && std::ranges::any_of(connections_, is_useless))
    complain("a connection is kept that nobody has needed for long");
  if (queue_.size() > rules_.max_waiting + most() * rules_.pipeline_depth) // Those that came back come on top.
    complain("too many requests wait");
  auto breaker = core_.status().breaker;
  if (!queue_.empty() && breaker != breaker_state::closed && serving() == 0)
    complain("somebody waits though the breaker is open");
  if (breaker != breaker_state::closed && !breaker_may_be_open())
    complain("the breaker is open too early");
  if (breaker != breaker_state::closed && (breaker == breaker_state::half_open) != (count(doing::opening) > 0))
    complain("the breaker is half-open without a connect, or the reverse");
  check_time();
  check_connections();
  check_status();
}

void core_world::check_time() {
  for (auto& who : queue_)
    if (deadline_of(who) <= now_ || core_.next_event() > deadline_of(who))
      complain("a request's time is not watched");
  auto somebody_works = connections_.size() > 0 && count(doing::idle) < connections_.size();
  auto something_to_do = finished_   ? false
                         : draining_ ? !queue_.empty()
                                     : connections_.size() < std::min(least(), limit_);
  if (!something_to_do || somebody_works)
    return;
  auto was_refused = std::ranges::any_of(servers_, &server::has_refused);
  auto longest = std::max<duration>(20ms, (was_refused ? 60 : 1) * rules_.max_reconnect_delay);
  if (core_.next_event() > now_ + longest)
    complain("the pool waits for nothing");
}

void core_world::check_connections() {
  for (auto& [id, x] : connections_) {
    if ((x.what == doing::idle || x.what == doing::pinging) && x.generation != generation_)
      complain("a connection of an old generation is kept");
    if (x.what == doing::busy && now_ - x.watched_at > 2s + 10ms)
      complain("the caller of a connection in use is not checked");
  }
  if (!finished_ && count(doing::busy) > 0 && core_.next_event() > now_ + 1s)
    complain("connections in use are not watched");
}

void core_world::check_status() {
  auto now = core_.status();
  if (now.waiting != queue_.size() || now.connecting != count(doing::opening) || now.checked_out != count(doing::busy)
      || now.checked_in != count(doing::idle) + count(doing::pinging) || now.total_connections != open_connections()
      || now.overflow != std::max(now.total_connections, now.pool_size) - now.pool_size || now.generation != generation_
      || now.timed_out != timed_out_ || now.shed != shed_ || now.served != served_)
    complain("the status is wrong");
  if (!finished_ && now.limit != limit_)
    complain("the limit is " + std::to_string(now.limit) + " and not " + std::to_string(limit_));
}

size_t core_world::count(doing what) const {
  return static_cast<size_t>(std::ranges::count_if(connections_, [what](auto& x) { return x.second.what == what; }));
}

/// The open connections that will serve somebody after their present user.
size_t core_world::serving() const {
  return static_cast<size_t>(std::ranges::count_if(connections_, [this](auto& x) {
    return x.second.generation == generation_ && x.second.what != doing::opening && x.second.what != doing::closing;
  }));
}

/// How many connections there should be in any case: one at least while somebody waits, or to see when a server is
/// back.
size_t core_world::least() const {
  return std::max<size_t>(rules_.kept(), queue_.empty() && !all_servers_fail() ? 0 : 1);
}

time_point core_world::deadline_of(const request& who) const {
  return std::min(who.deadline, who.accepted + rules_.timeout);
}

void core_world::complain(const std::string& what) {
  if (!problem_.empty())
    return;
  std::ostringstream text;
  text << what << " (size " << rules_.kept() << " to " << rules_.size << ", overflow " << rules_.max_overflow
       << ", last request " << last_request_ << ", last connection " << static_cast<uint64_t>(last_connection_) << ")";
  problem_ = text.str();
}

} // namespace cenote::test

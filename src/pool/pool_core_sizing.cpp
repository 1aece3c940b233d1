#include "pool/pool_core.hpp"

#include <algorithm>

// How many connections there are: when some are opened, replaced and closed. See pool_core.cpp for all other rules.

namespace cenote::pool {

namespace {

/// The longest gap between two connects while a pool is rebuilt after a loss.
constexpr auto max_gap = std::chrono::milliseconds{20};

} // namespace

// -- growing ---------------------------------------------------------------------

commands pool_core::opened(connection_id id, time_point now) {
  commands out;
  connect_error_.clear();
  numbers_.initialized = mode_ != mode::stopped;
  ++numbers_.connects;
  if (auto x = slots_.find(id); x != nullptr && x->state == slot_state::opening) {
    // What was begun before a loss may have succeeded before it, too.
    slots_.is_current(*x) ? servers_.succeeded(x->server) : servers_.ended(x->server);
    x->replace_at = later(now, lifetime(rules_, random()));
    x->confirmed_at = now;
    x->used_at = now;
    x->opened_at = now;
    price_.add(now - x->busy_since);
    crowded_ = false;
    serve_or_park(*x, out, now);
    if (slots_.open() > rules_.kept())
      maintain_at_ = now; // One that was needed because there were so few may not be any more.
  }
  limit_ = std::max(limit_, slots_.open()); // A connect that was under way when the server was full.
  rebuilding_ &= slots_.serving() < rules_.kept();
  return settle(std::move(out), now);
}

commands pool_core::open_failed(connection_id id, const failure& why, time_point now) {
  connect_error_ = why.text;
  numbers_.last_error = why.text;
  auto x = slots_.find(id);
  if (x == nullptr)
    return {};
  auto server = x->server;
  if (why.code == errc::server_full && slots_.open() > 0) {
    // It is well, but has no room for more of us: make do with what is there. The next connect goes alone.
    servers_.ended(server);
    servers_.doubt(server, now);
    limit_ = slots_.open();
    limit_until_ = later(now, rules_.max_reconnect_delay);
  } else {
    servers_.failed(server, why, now, random());
  }
  slots_.erase(*x);
  return settle({}, now);
}

/// From when on it pays to open connections for those who wait in the queue.
time_point pool_core::growth_at() const {
  return queue_.empty() ? time_point::max() : later(queue_.front()->accepted, price_.usual());
}

/// Whoever was given a connection beside others waits as well: for those before him.
void pool_core::watch_crowd(const slot& x) {
  crowded_ |=
      price_.usual() > duration::zero() && usual_.pace() * static_cast<duration::rep>(x.in_flight) > price_.usual();
}

/// How many connects to start.
size_t pool_core::connects_due(time_point now) const {
  if (mode_ == mode::stopped || (mode_ == mode::draining && queue_.empty()))
    return 0;
  auto crowded = crowded_ && slots_.count(slot_state::busy) > 0;
  auto needy = paused_ ? 0 : (growth_at() <= now ? queue_.size() : 0) + (crowded ? 1 : 0);
  // If none is kept open: the first one for whoever waits, and one that finds out when a server that is down is back.
  auto awaited = !queue_.empty() && !paused_;
  size_t min_connections = awaited || servers_.down() != nullptr ? 1 : 0;
  head_count all{slots_.total(), slots_.count(slot_state::opening), slots_.count(slot_state::pinging), needy};
  return connects_wanted(rules_, all, std::max(rules_.kept(), min_connections), limit_);
}

/// When to start the next connect; `time_point::max()` if none is needed.
time_point pool_core::next_connect() {
  if (connects_due(time_point::max()) == 0)
    return time_point::max();
  auto at = connects_due(time_point::min()) > 0 ? time_point::min() : growth_at();
  return std::max({at, pace_until_, servers_.next_attempt()});
}

/// Opens connections, not all at once and not faster than servers bear.
void pool_core::open_missing(commands& out, time_point now) {
  for (auto n = now < pace_until_ ? 0 : connects_due(now); n > 0; --n) {
    auto server = servers_.begin(now);
    if (!server)
      return;
    out.push_back(open_connection{slots_.add(*server, now).id, *server});
    if (rebuilding_) {
      pace_until_ = later(now, std::chrono::duration_cast<duration>(max_gap * random()));
      return;
    }
  }
}

/// A server that was full may have room again.
void pool_core::end_limit(time_point now) {
  if (limit_until_ > now)
    return;
  limit_ = rules_.size + rules_.max_overflow;
  limit_until_ = time_point::max();
}

// -- shrinking -------------------------------------------------------------------

/// Keeps a connection that is free and that nobody waits for, or closes it.
void pool_core::park(slot& x, commands& out) {
  crowded_ = false;
  // Connects under way do not count: nobody knows when they will be done.
  auto others = slots_.open() - (x.state == slot_state::opening ? 0 : 1);
  if (others >= rules_.kept() && rules_.idle_timeout == duration::zero()) {
    close(x, close_reason::idle, out);
    return;
  }
  slots_.move(x, slot_state::idle);
  maintain_at_ = std::min(maintain_at_, next_maintenance(x));
}

/// Closes idle connections that are too old or not needed, and pings those that were not used for long.
void pool_core::maintain_idle(commands& out, time_point now) {
  if (maintain_at_ > now)
    return;
  maintain_at_ = time_point::max();
  auto all = slots_.idle(); // Closing and pinging change it.
  for (auto x : all) {
    if (close_at(*x) <= now) {
      close(*x, x->replace_at <= now ? close_reason::aged : close_reason::idle, out);
    } else if (next_maintenance(*x) <= now) {
      slots_.move(*x, slot_state::pinging);
      out.push_back(ping_connection{x->id});
    } else {
      maintain_at_ = std::min(maintain_at_, next_maintenance(*x));
    }
  }
}

/// When an idle connection is of no further use.
time_point pool_core::close_at(const slot& x) const {
  auto is_needed = slots_.open() <= rules_.kept();
  return is_needed ? x.replace_at : std::min(x.replace_at, later(x.used_at, rules_.idle_timeout));
}

/// When an idle connection has to be pinged or closed.
time_point pool_core::next_maintenance(const slot& x) const {
  auto ping_at = rules_.keepalive == duration::zero() ? time_point::max() : later(x.confirmed_at, rules_.keepalive);
  return std::min(close_at(x), ping_at);
}

} // namespace cenote::pool

#include "pool/sizing.hpp"

#include "pool/refusals.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace cenote::pool {

namespace {

/// The longest gap between two connects while a pool is rebuilt after a loss.
constexpr auto max_gap = std::chrono::milliseconds{20};

/// The gap between two replacements of healthy connections.
constexpr auto renewal_gap = std::chrono::milliseconds{100};

size_t minus(size_t minuend, size_t subtrahend) {
  return minuend > subtrahend ? minuend - subtrahend : 0;
}

} // namespace

size_t connects_wanted(const pool_settings& rules, const head_count& now, size_t kept, size_t limit) {
  assert(now.opening + now.about_free <= now.total);
  auto missing = minus(kept, now.total);
  auto unserved = minus(now.waiting, now.opening + now.about_free);
  auto room = minus(limit, now.total);
  return std::min({std::max(missing, unserved), room, minus(rules.max_connecting, now.opening)});
}

duration lifetime(const pool_settings& rules, double random) {
  assert(random >= 0 && random < 1);
  if (rules.recycle == duration::zero())
    return duration::max();
  return rules.recycle - std::chrono::duration_cast<duration>(rules.recycle / 10 * random);
}

sizing::sizing(const pool_settings& rules, slot_table& slots, sharing& shared, server_list& servers, uint64_t seed)
    : rules_{rules},
      slots_{slots},
      sharing_{shared},
      servers_{servers},
      rng_{static_cast<std::minstd_rand::result_type>(seed)},
      budget_{rules.budget.connections > 0 ? 1 : SIZE_MAX}, // Until the first agreement.
      limit_{max_connections()} {
  assert(rules_.size >= 1 && rules_.kept() <= rules_.size);
  assert(rules_.max_connecting >= 1);
}

void sizing::apply(const pool_settings& rules, commands& out, time_point now) {
  assert(rules.size >= 1 && rules.kept() <= rules.size && rules.max_connecting >= 1);
  rules_ = rules;
  fit(out, now);
}

void sizing::set_budget(size_t connections, commands& out, time_point now) {
  assert(connections >= 1);
  if (std::exchange(budget_, connections) != connections)
    fit(out, now);
}

/// The most connections that there may be has changed: those that are too many have to go.
void sizing::fit(commands& out, time_point now) {
  limit_ = limit_until_ == time_point::max() ? max_connections() : std::min(limit_, max_connections());
  std::vector<slot*> current;
  for (auto& [id, connection] : slots_)
    if (connection.state != slot_state::closing && slots_.is_current(connection))
      current.push_back(&connection);
  // Those that are not in use go first.
  std::ranges::sort(current, {}, [](auto connection) { return std::pair{connection->state, connection->id}; });
  for (auto i = current.begin(); current.end() - i > static_cast<std::ptrdiff_t>(max_connections()); ++i)
    retire(**i, out);
  maintain_at_ = now; // The times of those that stay have changed.
}

/// Replaces a connection: it is closed now, or when it is released.
void sizing::retire(slot& connection, commands& out) {
  slots_.outdate(connection);
  sharing_.retire(connection);
  if (connection.state == slot_state::idle || connection.state == slot_state::pinging)
    close(connection, close_reason::disposed, out);
}

void sizing::renew_all(time_point now) {
  to_renew_.clear();
  for (auto& [id, connection] : slots_) {
    if (connection.state == slot_state::opening)
      slots_.outdate(connection); // It may have been begun with the old rules.
    else if (connection.state != slot_state::closing && slots_.is_current(connection))
      to_renew_.push_back(id);
  }
  std::ranges::sort(to_renew_);
  renew_at_ = to_renew_.empty() ? time_point::max() : now;
}

void sizing::renew_next(commands& out, time_point now) {
  if (renew_at_ > now)
    return;
  renew_at_ = later(now, renewal_gap);
  // While no new one can be opened, the old ones stay.
  if (servers_.down() != nullptr || slots_.count(slot_state::opening) + slots_.count(slot_state::closing) > 0)
    return;
  std::erase_if(to_renew_, [this](auto id) {
    auto connection = slots_.find(id);
    return connection == nullptr || connection->state == slot_state::closing || !slots_.is_current(*connection);
  });
  auto next = std::ranges::find_if(to_renew_, [this](auto id) { return slots_.find(id)->state == slot_state::idle; });
  if (next == to_renew_.end())
    next = to_renew_.begin(); // In use: it is closed when it is released.
  if (next == to_renew_.end())
    renew_at_ = time_point::max();
  else
    retire(*slots_.find(*next), out);
}

// -- growing ---------------------------------------------------------------------

void sizing::open_missing(const demand& wanted, commands& out, time_point now) {
  for (auto n = now < pace_until_ ? 0 : connects_due(wanted, now); n > 0; --n) {
    auto server = servers_.begin(now);
    if (!server)
      return;
    assert(slots_.total() < max_connections() && slots_.count(slot_state::opening) < rules_.max_connecting);
    out.push_back(open_connection{slots_.add(*server, now).id, *server});
    if (rebuilding_) {
      pace_until_ = later(now, std::chrono::duration_cast<duration>(max_gap * random()));
      return;
    }
  }
}

time_point sizing::next_connect(const demand& wanted) const {
  if (connects_due(wanted, time_point::max()) == 0)
    return time_point::max();
  auto at = connects_due(wanted, time_point::min()) > 0 ? time_point::min() : growth_at(wanted);
  return std::max({at, pace_until_, servers_.next_attempt()});
}

/// How many connects to begin, whatever the pace.
size_t sizing::connects_due(const demand& wanted, time_point now) const {
  assert((wanted.waiting == 0) == (wanted.oldest == time_point::max()));
  if (wanted.has_ended)
    return 0;
  auto waiting = (growth_at(wanted) <= now ? wanted.waiting : 0) + (wanted.congested ? 1 : 0);
  // If none is kept open: the first one for requests that wait, and one that finds out when a server is back.
  size_t min_connections = wanted.waiting > 0 || servers_.down() != nullptr ? 1 : 0;
  head_count all{slots_.total(), slots_.count(slot_state::opening), slots_.count(slot_state::pinging), waiting};
  return connects_wanted(rules_, all, std::max(kept(), min_connections), limit_);
}

/// From when on it is worth its price to open connections for requests in the queue.
time_point sizing::growth_at(const demand& wanted) const {
  return wanted.waiting == 0 ? time_point::max() : later(wanted.oldest, price_.usual());
}

void sizing::opened(slot& connection, time_point now) {
  assert(connection.state == slot_state::opening && now >= connection.busy_since);
  // A connect that was begun before a loss may also have succeeded before it.
  slots_.is_current(connection) ? servers_.succeeded(connection.server) : servers_.ended(connection.server);
  connection.replace_at = later(now, lifetime(rules_, random()));
  connection.confirmed_at = now;
  connection.used_at = now;
  connection.opened_at = now;
  price_.add(now - connection.busy_since);
  sharing_.relieve();
}

void sizing::has_grown(time_point now) {
  if (slots_.open() > rules_.kept())
    maintain_at_ = now; // A connection that was needed because there were so few may no longer be needed.
  // A connect that was under way when the server was full.
  limit_ = std::min(std::max(limit_, slots_.open()), max_connections());
  rebuilding_ &= slots_.serving() < kept();
}

void sizing::open_failed(slot& connection, const failure& error, time_point now) {
  assert(connection.state == slot_state::opening);
  if (error.code == errc::server_full && slots_.open() > 0) {
    // It is healthy, but has no room for more connections: those that are open have to do. The next connect is single.
    servers_.ended(connection.server);
    servers_.doubt(connection.server, now);
    limit_ = std::min(slots_.open(), max_connections());
    limit_until_ = later(now, rules_.max_reconnect_delay);
  } else {
    servers_.failed(connection.server, error, now, random());
  }
  slots_.erase(connection);
}

void sizing::lost_generation(const slot& connection, disposition kind, const std::string& reason, commands& out,
                             time_point now) {
  assert(slots_.is_current(connection));
  rebuilding_ = true;
  if (kind == disposition::demoted)
    servers_.demoted(connection.server, demoted(reason), now, random());
  else
    servers_.doubt(connection.server, now);
  retire_generation(out);
}

void sizing::end_limit(time_point now) {
  if (limit_until_ > now)
    return;
  limit_ = max_connections();
  limit_until_ = time_point::max();
}

// -- shrinking -------------------------------------------------------------------

void sizing::park(slot& connection, commands& out) {
  sharing_.relieve();
  // Connects under way do not count: it is unknown when they will be done.
  auto others = slots_.open() - (connection.state == slot_state::opening ? 0 : 1);
  if (others >= rules_.kept() && rules_.idle_timeout == duration::zero()) {
    close(connection, close_reason::idle, out);
    return;
  }
  slots_.move(connection, slot_state::idle);
  maintain_at_ = std::min(maintain_at_, next_maintenance(connection));
}

void sizing::maintain_idle(commands& out, time_point now) {
  if (maintain_at_ > now)
    return;
  maintain_at_ = time_point::max();
  auto idle = slots_.idle(); // A copy: closing and pinging change the original.
  for (auto connection : idle) {
    if (close_at(*connection) <= now) {
      close(*connection, connection->replace_at <= now ? close_reason::aged : close_reason::idle, out);
    } else if (next_maintenance(*connection) <= now) {
      slots_.move(*connection, slot_state::pinging);
      out.push_back(ping_connection{connection->id});
    } else {
      maintain_at_ = std::min(maintain_at_, next_maintenance(*connection));
    }
  }
}

void sizing::retire_generation(commands& out) {
  slots_.next_generation();
  for (auto& [id, connection] : slots_) {
    sharing_.retire(connection);
    if (connection.state == slot_state::idle || connection.state == slot_state::pinging)
      close(connection, close_reason::disposed, out);
  }
}

void sizing::close(slot& connection, close_reason reason, commands& out) {
  sharing_.forget(connection);
  slots_.move(connection, slot_state::closing);
  out.push_back(close_connection{connection.id, reason});
}

/// When to close an idle connection.
time_point sizing::close_at(const slot& connection) const {
  auto is_needed = slots_.open() <= rules_.kept();
  return is_needed ? connection.replace_at
                   : std::min(connection.replace_at, later(connection.used_at, rules_.idle_timeout));
}

/// When an idle connection has to be pinged or closed.
time_point sizing::next_maintenance(const slot& connection) const {
  assert(connection.state == slot_state::idle);
  auto ping_at =
      rules_.keepalive == duration::zero() ? time_point::max() : later(connection.confirmed_at, rules_.keepalive);
  return std::min(close_at(connection), ping_at);
}

// -- invariants ------------------------------------------------------------------

void sizing::check_invariants([[maybe_unused]] time_point now) const {
  assert(limit_ >= 1 && limit_ <= max_connections());
  assert(slots_.serving() <= max_connections());
  for (auto connection [[maybe_unused]] : slots_.idle())
    assert(maintain_at_ <= std::max(next_maintenance(*connection), now));
}

} // namespace cenote::pool

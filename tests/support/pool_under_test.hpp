#pragma once

#include "actors/pool_actor.hpp"
#include "support/scripted_connections.hpp"

namespace cenote::test {

/// Rules for a pool in which nothing happens that a test does not ask for: no keepalive, no recycling, spare
/// connections are closed at once, every statement has its connection alone.
inline pool_settings still_rules(size_t size, size_t max_overflow = 0) {
  pool_settings result;
  result.size = size;
  result.max_overflow = max_overflow;
  result.pipeline_depth = 1;
  result.recycle = std::chrono::nanoseconds{0};
  result.keepalive = std::chrono::nanoseconds{0};
  result.idle_timeout = std::chrono::nanoseconds{0};
  return result;
}

/// A pool whose connections are scripted.
class pool_under_test : public virtual_time {
public:
  /// Starts the pool; no connection is open yet.
  explicit pool_under_test(const pool_settings& rules)
      : connections{*this}, pool{own(spawn_pool_actor(sys, rules, connections.factory(), 1))} {
    settle();
  }

  /// Starts it and opens the first `count` connections.
  pool_under_test(const pool_settings& rules, uint64_t count) : pool_under_test{rules} {
    for (uint64_t id = 1; id <= count; ++id)
      connections.succeed(id);
    connections.heard();
  }

  std::string heard() { return connections.heard(); }

  auto execute(statement query) { return ask<result>(pool, execute_atom_v, std::move(query)); }
  auto verify() { return ask<verification>(pool, verify_atom_v); }
  auto drain(caf::timespan limit) { return ask<drain_report>(pool, drain_atom_v, limit); }
  void dispose() { tell(pool, dispose_atom_v); }
  pool_status status() { return ask<pool_status>(pool, status_atom_v)->value.value(); }

  scripted_connections connections;
  internal_pool_actor pool;
};

} // namespace cenote::test

#pragma once

#include "pool/circuit_breaker.hpp"

#include <cassert>
#include <optional>
#include <vector>

namespace cenote::pool {

/// The servers of a pool and their health. One is used at a time, as long as it accepts connects; after a failure, the
/// first in order that can be tried and accepts one.
class server_list {
public:
  /// @param count at least 1.
  server_list(const pool_settings& rules, size_t count) : servers_(count, circuit_breaker{rules}) {
    assert(count >= 1);
  }

  /// Applies new rules.
  void apply(const pool_settings& rules) {
    for (auto& server : servers_)
      server.apply(rules);
  }

  /// Where to connect to now; nothing if it is not the time. The connect counts as begun.
  std::optional<size_t> begin(time_point now);

  /// When `begin` has to be asked again; `time_point::max()` if only the end of a connect can change its answer.
  time_point next_attempt() const;

  /// @name The end of a connect
  /// It has succeeded, has failed, or has ended in a way that says nothing about the server's health.
  /// @{
  void succeeded(size_t server);
  void failed(size_t server, const failure& error, time_point now, double random);
  void ended(size_t server);
  /// @}

  /// A server has proved unusable although it accepts connections. Otherwise like a failed connect.
  void demoted(size_t server, const failure& error, time_point now, double random);

  /// A connection that was open has been lost: the server is tried at once, and with one connect.
  void doubt(size_t server, time_point now);

  /// Earlier failed connects no longer count; those under way will.
  void forget_failures();

  /// Why no connect succeeds: the last failure if the last connect to every server failed, else empty.
  const failure* down() const;

  /// Open, if it is for every server; half-open if one of them is being tried.
  breaker_state state() const;

  /// Of one server.
  breaker_state state(size_t server) const {
    assert(server < servers_.size());
    return servers_[server].state();
  }

  size_t size() const noexcept { return servers_.size(); }

private:
  size_t in_order(size_t i) const;
  circuit_breaker& at(size_t i) { return servers_[in_order(i)]; }
  const circuit_breaker& at(size_t i) const { return servers_[in_order(i)]; }

  std::vector<circuit_breaker> servers_;
  size_t preferred_ = 0;   ///< The one in use.
  size_t last_failed_ = 0; ///< The one that failed last.
};

} // namespace cenote::pool

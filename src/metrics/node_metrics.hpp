#pragma once

#include "metrics/catalogue.hpp"
#include "metrics/contribution.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace cenote::metrics {

/// Why a connection to a pool node never became a client.
enum class turned_away_reason : uint8_t {
  protocol, ///< What it sent is not cenote's protocol, or it sent nothing in time.
  tls,      ///< The handshake failed: no certificate, one of another CA, an expired one ...
  version,  ///< Its version of the protocol is not spoken here.
  token,    ///< It has shown no token, or a wrong one.
  full,     ///< There are as many clients as may be, or the node drains.
};

/// The enumerator's name.
std::string to_string(turned_away_reason x);

/// One client of a pool node, while it is there. Clients of the same name share their series: gauges show the sum of
/// those that are there, and go back when one goes. For use by one actor at a time, which need not be the node's.
class client_metrics {
public:
  /// @param name the value of the label.
  client_metrics(caf::telemetry::metric_registry& registry, std::string_view name);

  /// What it has at the moment.
  void set(uint64_t in_flight, uint64_t waiting, uint64_t sessions) {
    in_flight_.set(static_cast<int64_t>(in_flight));
    waiting_.set(static_cast<int64_t>(waiting));
    sessions_.set(static_cast<int64_t>(sessions));
  }

  /// One of its requests has been answered.
  void answered(bool success) { (success ? succeeded_ : failed_)->inc(); }

private:
  contribution present_, in_flight_, waiting_, sessions_;
  caf::telemetry::int_counter *succeeded_, *failed_;
};

/// The metrics of a pool node. It does not know the name of its pool. For use inside one actor.
class node_metrics {
public:
  /// So many names of clients have series of their own.
  static constexpr size_t max_names = 100;
  /// The name of all further ones: a registry never forgets a series.
  static constexpr std::string_view further_names = "other";

  /// @param registry must outlive this and all `client_metrics`.
  explicit node_metrics(caf::telemetry::metric_registry& registry);

  /// A client has been accepted. It has gone when the object that is returned has been destroyed.
  /// @param called its name. A process id at its end, `worker1/4711`, is left out.
  client_metrics client_came(const std::string& called);

  /// A client has gone without saying goodbye.
  void client_lost() { lost_->inc(); }

  /// A connection has been refused.
  void turned_away(turned_away_reason reason) { turned_away_.at(static_cast<size_t>(reason))->inc(); }

private:
  caf::telemetry::metric_registry& registry_;
  caf::telemetry::int_counter* lost_;
  std::array<caf::telemetry::int_counter*, 5> turned_away_{}; ///< By reason.
  std::set<std::string> names_;                               ///< Those that have series of their own.
};

} // namespace cenote::metrics

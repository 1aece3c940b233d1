#pragma once

#include "app/pool_watch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cenote::app {

/// What an operator wants to know first.
enum class condition : uint8_t {
  starting, ///< No connection has been opened so far.
  serving,  ///< All is well.
  degraded, ///< It serves, but not as it should.
  down,     ///< It cannot serve.
  paused,   ///< It was told to give no request a connection.
  draining, ///< It finishes its work and takes no more.
};

/// The enumerator's name.
std::string to_string(condition x);

/// The condition of a pool.
struct pool_state {
  condition kind = condition::starting;
  std::chrono::system_clock::time_point since; ///< When that began.
  std::vector<std::string> reasons;            ///< One line each; none if all is well.

  bool operator==(const pool_state&) const = default;
};

/// Tells a pool's condition from what is seen of it again and again. Pure.
class state_tracker {
public:
  using time_point = std::chrono::system_clock::time_point;

  /// Something must be wrong for so long before the pool counts as degraded: for a moment callers wait and connections
  /// are missing in any pool.
  static constexpr auto patience = std::chrono::seconds{2};
  /// For so long a pool that has turned requests away counts as degraded.
  static constexpr auto memory = std::chrono::seconds{10};

  /// @param kept connections that the pool keeps open in any case.
  const pool_state& update(const pool_view& seen, size_t kept, time_point now);

  const pool_state& current() const noexcept { return state_; }

private:
  condition find(const pool_view& seen, size_t kept, time_point now, std::vector<std::string>& reasons);
  void find_weaknesses(const pool_view& seen, size_t kept, time_point now, std::vector<std::string>& reasons);

  pool_state state_;
  bool begun_ = false;
  std::optional<time_point> waiting_since_;
  std::optional<time_point> missing_since_;
  std::optional<time_point> refused_at_;
  uint64_t refused_before_ = 0;
};

} // namespace cenote::app

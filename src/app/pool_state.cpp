#include "app/pool_state.hpp"

#include <algorithm>
#include <utility>

namespace cenote::app {

namespace {

/// Since when something has been so; nothing if it is not.
void note(std::optional<state_tracker::time_point>& since, bool holds, state_tracker::time_point now) {
  if (!holds)
    since.reset();
  else if (!since)
    since = now;
}

/// With what the last failed connect has said.
std::string with_error(std::string text, const pool_status& status) {
  return status.last_error.empty() ? text : std::move(text) + "; the last error: " + status.last_error;
}

/// How many of so many connections a pool may have with its share of a budget, that which stops statements not counted.
size_t within_share(size_t connections, const pool_status& status) {
  return status.budget > 0 ? std::min<size_t>(connections, status.share - 1) : connections;
}

} // namespace

std::string to_string(condition x) {
  switch (x) {
  case condition::starting:
    return "starting";
  case condition::serving:
    return "serving";
  case condition::degraded:
    return "degraded";
  case condition::down:
    return "down";
  case condition::paused:
    return "paused";
  case condition::draining:
    return "draining";
  }
  return "invalid condition";
}

const pool_state& state_tracker::update(const pool_view& seen, size_t kept, time_point now) {
  std::vector<std::string> reasons;
  auto kind = find(seen, kept, now, reasons);
  if (!std::exchange(begun_, true) || kind != state_.kind)
    state_.since = now;
  state_.kind = kind;
  state_.reasons = std::move(reasons);
  return state_;
}

condition state_tracker::find(const pool_view& seen, size_t kept, time_point now, std::vector<std::string>& reasons) {
  std::vector<std::string> weaknesses;
  if (seen.status)
    find_weaknesses(seen, kept, now, weaknesses);
  if (seen.actors_are_late()) {
    reasons.emplace_back("the pool's actors do not answer");
    return condition::down;
  }
  if (!seen.status)
    return condition::starting;
  auto& status = *seen.status;
  if (status.draining)
    return condition::draining;
  if (status.paused)
    return condition::paused;
  if (status.breaker != breaker_state::closed) {
    reasons.push_back(with_error("the circuit breaker is " + to_string(status.breaker), status));
    return condition::down;
  }
  if (status.total_connections == 0 && (kept > 0 || !status.initialized)) {
    reasons.push_back(with_error("no connection to the server is open", status));
    return status.connects > 0 ? condition::down : condition::starting;
  }
  reasons = std::move(weaknesses);
  return reasons.empty() ? condition::serving : condition::degraded;
}

void state_tracker::find_weaknesses(const pool_view& seen, size_t kept, time_point now,
                                    std::vector<std::string>& reasons) {
  auto& status = *seen.status;
  note(waiting_since_, status.waiting > 0, now);
  // Without an error they are being opened, after the start say.
  note(missing_since_, status.total_connections < within_share(kept, status) && !status.last_error.empty(), now);
  if (auto refused = status.refused + status.shed + status.timed_out;
      refused != std::exchange(refused_before_, refused))
    refused_at_ = now;
  auto lasts = [now](const std::optional<time_point>& since) { return since && now - *since >= patience; };
  if (lasts(waiting_since_))
    reasons.emplace_back("callers wait for a connection");
  if (lasts(missing_since_))
    reasons.push_back(with_error("fewer connections are open than the pool keeps", status));
  if (status.limit < within_share(status.pool_size, status))
    reasons.emplace_back("the server permits fewer connections than the pool's size");
  if (refused_at_ && now - *refused_at_ < memory)
    reasons.emplace_back("requests have been turned away in the last 10 s");
  if (seen.server_is_late())
    reasons.emplace_back("the server has not answered a probe");
}

} // namespace cenote::app

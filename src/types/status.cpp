#include "cenote/status.hpp"

#include "types/one_line.hpp"

#include <string_view>

namespace cenote {

namespace {

void add(std::string& out, std::string_view name, uint64_t number) {
  out += ", ";
  out += name;
  out += ' ';
  out += std::to_string(number);
}

} // namespace

std::string to_string(breaker_state x) {
  switch (x) {
  case breaker_state::closed:
    return "closed";
  case breaker_state::open:
    return "open";
  case breaker_state::half_open:
    return "half_open";
  }
  return "invalid breaker_state";
}

std::string to_string(const pool_status& status) {
  auto result = "pool " + status.pool + ": size " + std::to_string(status.pool_size);
  add(result, "checked in", status.checked_in);
  add(result, "checked out", status.checked_out);
  add(result, "in flight", status.in_flight);
  add(result, "overflow", status.overflow);
  add(result, "total", status.total_connections);
  add(result, "waiting", status.waiting);
  add(result, "connecting", status.connecting);
  add(result, "limit", status.limit);
  if (status.budget > 0) {
    add(result, "budget", status.budget);
    add(result, "share", status.share);
  }
  add(result, "generation", status.generation);
  add(result, "served", status.served);
  add(result, "timed out", status.timed_out);
  add(result, "refused", status.refused);
  add(result, "shed", status.shed);
  add(result, "connects", status.connects);
  add(result, "lost", status.lost);
  if (status.draining)
    result += ", draining";
  else if (status.paused)
    result += ", paused";
  else if (!status.initialized)
    result += ", not initialized";
  if (status.breaker != breaker_state::closed)
    result += ", breaker " + to_string(status.breaker);
  result += ", server " + status.endpoint;
  if (!status.last_error.empty())
    result += ", last error: " + detail::one_line(status.last_error);
  return result;
}

} // namespace cenote

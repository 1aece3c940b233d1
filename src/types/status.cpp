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

std::string to_string(const pool_status& x) {
  auto result = "pool " + x.pool + ": size " + std::to_string(x.pool_size);
  add(result, "checked in", x.checked_in);
  add(result, "checked out", x.checked_out);
  add(result, "in flight", x.in_flight);
  add(result, "overflow", x.overflow);
  add(result, "total", x.total_connections);
  add(result, "waiting", x.waiting);
  add(result, "connecting", x.connecting);
  add(result, "limit", x.limit);
  add(result, "generation", x.generation);
  add(result, "served", x.served);
  add(result, "timed out", x.timed_out);
  add(result, "refused", x.refused);
  add(result, "shed", x.shed);
  add(result, "connects", x.connects);
  add(result, "lost", x.lost);
  if (x.draining)
    result += ", draining";
  else if (x.paused)
    result += ", paused";
  else if (!x.initialized)
    result += ", not initialized";
  if (x.breaker != breaker_state::closed)
    result += ", breaker " + to_string(x.breaker);
  result += ", server " + x.endpoint;
  if (!x.last_error.empty())
    result += ", last error: " + detail::one_line(x.last_error);
  return result;
}

} // namespace cenote

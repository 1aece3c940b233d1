#include "app/node_access.hpp"

#include <algorithm>
#include <chrono>

namespace cenote::app {

namespace {

/// Longest wait for a node. A handshake with one far away takes a few round trips.
constexpr auto patience = std::chrono::seconds{5};

} // namespace

remote_settings for_one_command(const invocation& x) {
  auto out = x.how.remote;
  if (!x.opts.settings.contains("remote.timeout"))
    out.timeout = std::min<std::chrono::nanoseconds>(out.timeout, patience);
  return out;
}

std::optional<std::string> find_node_problem(pool_host& host) {
  auto status = host.ask<pool_status>(status_atom_v);
  return status ? std::nullopt : std::optional{status.error().text};
}

} // namespace cenote::app

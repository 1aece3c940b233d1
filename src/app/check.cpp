#include "app/advice.hpp"
#include "app/commands.hpp"
#include "app/json.hpp"
#include "app/node_access.hpp"
#include "app/printable.hpp"

#include <chrono>
#include <cstdio>
#include <thread>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct report {
  verification server;
  pool_status pool;
  std::string nodes; ///< Those that were to be used; empty: the pool is that of this command.
};

/// Why there is none, as one line.
template <class T>
using or_reason = tl::expected<T, std::string>;

double milliseconds(std::chrono::nanoseconds x) {
  return std::chrono::duration<double, std::milli>(x).count();
}

/// Waits until all connections are open, or it is clear that they cannot be: connects have failed, and there are no
/// more connections for a while.
tl::expected<pool_status, failure> settled_status(pool_host& host, clock::time_point deadline) {
  constexpr auto patience = 500ms;
  uint64_t max_connections = 0;
  auto last_success = clock::now();
  for (;;) {
    auto status = host.ask<pool_status>(status_atom_v);
    auto now = clock::now();
    if (status && status->total_connections > max_connections) {
      max_connections = status->total_connections;
      last_success = now;
    }
    if (!status || status->total_connections >= status->pool_size || now >= deadline
        || (!status->last_error.empty() && now - last_success >= patience))
      return status;
    std::this_thread::sleep_for(5ms);
  }
}

std::string line(const std::string& name, const std::string& value) {
  return name + std::string(22 - name.size(), ' ') + printable(value) + "\n";
}

std::string readable(const report& x) {
  char round_trip[32];
  std::snprintf(round_trip, sizeof(round_trip), "%.1f ms", milliseconds(x.server.elapsed));
  auto yes_or_no = [](bool what) { return what ? "yes" : "no"; };
  auto number = [](uint64_t n) { return std::to_string(n); };
  auto& p = x.pool;
  std::string out;
  if (!x.nodes.empty())
    out += line("pool node", x.nodes);
  out += line("server", p.endpoint);
  out += line("version", x.server.server_version);
  out += line("first round trip", round_trip);
  out += line("pool", p.pool);
  out += line("initialized", yes_or_no(p.initialized));
  out += line("pool_size", number(p.pool_size));
  out += line("checked_in", number(p.checked_in));
  out += line("checked_out", number(p.checked_out));
  out += line("in_flight", number(p.in_flight));
  out += line("overflow", number(p.overflow));
  out += line("total_connections", number(p.total_connections));
  out += line("waiting", number(p.waiting));
  out += line("connecting", number(p.connecting));
  if (p.budget > 0) {
    out += line("budget", number(p.budget));
    out += line("share", number(p.share));
  }
  out += line("generation", number(p.generation));
  out += line("last_error", p.last_error.empty() ? "none" : p.last_error);
  return out;
}

std::string as_json(const report& x) {
  auto out = to_json(x.pool);
  out["server_version"] = x.server.server_version;
  out["round_trip_ms"] = milliseconds(x.server.elapsed);
  if (!x.nodes.empty())
    out["nodes"] = x.nodes;
  return dump(out) + "\n";
}

or_reason<report> inspect(pool_host& host, const settings& how) {
  auto deadline = clock::now() + how.server.connect_timeout;
  auto server = host.ask<verification>(verify_atom_v);
  if (!server)
    return tl::unexpected{explain_no_connection(server.error())};
  auto status = settled_status(host, deadline);
  if (!status)
    return tl::unexpected{explain_no_connection(status.error())};
  return report{*server, *status, {}};
}

/// How many connections that pool has open is not our concern.
or_reason<report> inspect_node(pool_host& host, const remote_settings& nodes) {
  if (auto problem = find_node_problem(host))
    return tl::unexpected{*problem};
  auto server = host.ask<verification>(verify_atom_v);
  if (!server)
    return tl::unexpected{"the pool node answers, but not its database: " + explain_no_connection(server.error())};
  auto status = host.ask<pool_status>(status_atom_v);
  if (!status)
    return tl::unexpected{status.error().text};
  return report{*server, *status, nodes.nodes};
}

/// One connection answers the question. Whoever names a size wants to know whether so many can be opened.
settings for_one_question(const invocation& x) {
  auto how = x.how;
  auto& named = x.opts.settings;
  if (named.contains("pool.size") || named.contains("pool.min-size"))
    return how;
  how.pool.size = 1;
  how.pool.min_size = 0;
  how.pool.max_overflow = 0;
  how.pool.io_threads = 1;
  return how;
}

or_reason<report> inspect_node(const invocation& x) {
  auto nodes = for_one_command(x);
  pool_host host{nodes, x.caf_options};
  std::stop_callback on_signal{x.signals.first(), [&host] { host.cut(); }};
  return inspect_node(host, nodes);
}

or_reason<report> inspect(const invocation& x) {
  if (x.opts.through_node)
    return inspect_node(x);
  auto how = for_one_question(x);
  pool_host host{how, x.caf_options};
  std::stop_callback on_signal{x.signals.first(), [&host] { host.cut(); }};
  return inspect(host, how);
}

} // namespace

answer check(const invocation& x) {
  auto found = inspect(x);
  if (!found) {
    if (x.signals.received() == 0)
      spdlog::critical("{}", found.error());
    return {failed, {}};
  }
  if (auto& p = found->pool; found->nodes.empty() && p.total_connections < p.pool_size)
    spdlog::error("only {} of {} connections could be opened: {}", p.total_connections, p.pool_size, p.last_error);
  return {success, x.opts.json ? as_json(*found) : readable(*found)};
}

} // namespace cenote::app

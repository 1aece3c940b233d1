#pragma once

#include "cenote/node_status.hpp"
#include "cenote/settings.hpp"
#include "log/log_pacer.hpp"
#include "metrics/node_metrics.hpp"
#include "node/fair_gate.hpp"
#include "remote/desk.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace cenote::remote {

/// What the gatekeeper and the desks of a node have in common. They live on one I/O thread, so it needs no lock.
struct node_context {
  using time_point = std::chrono::steady_clock::time_point;

  node_context(const node_settings& settings, caf::telemetry::metric_registry& registry)
      : rules{settings},
        gate{{settings.max_in_flight, settings.max_sessions, settings.max_waiting}, {}},
        measured{registry} {
    // nop
  }

  struct client {
    desk_actor desk;
    client_status status; ///< Its numbers are filled in by `status_at`.
    time_point since;
    metrics::client_metrics measured;
  };

  /// Lets requests through as far as there is room: tells their desks.
  void pump() {
    while (auto granted = gate.next())
      caf::anon_send(clients.at(granted->client).desk, granted_atom_v, static_cast<uint64_t>(granted->number),
                     static_cast<uint8_t>(granted->kind));
  }

  /// Updates the gauges of a client.
  void measure(node::client_id id) {
    auto i = clients.find(id);
    if (i == clients.end())
      return;
    auto now = gate.of(id);
    i->second.measured.set(now.in_flight, now.waiting, now.sessions);
  }

  /// A request of the client has been answered.
  void count_answer(node::client_id id, bool success) {
    auto i = clients.find(id);
    if (i == clients.end())
      return;
    ++i->second.status.answered;
    i->second.status.failed += success ? 0 : 1;
    i->second.measured.answered(success);
  }

  node_status status_at(time_point now) const {
    auto out = totals;
    for (auto& [id, each] : clients) {
      auto& x = out.clients.emplace_back(each.status);
      auto has = gate.of(id);
      x.connected = now - each.since;
      x.in_flight = has.in_flight;
      x.waiting = has.waiting;
      x.sessions = has.sessions;
    }
    return out;
  }

  node_settings rules;
  std::string token;                                                ///< Empty: none is asked for.
  std::string admin_token;                                          ///< Empty: nobody is an admin.
  std::chrono::nanoseconds pool_timeout = std::chrono::seconds{30}; ///< The pool's longest wait for a connection.
  node::fair_gate gate;
  metrics::node_metrics measured;
  std::map<node::client_id, client> clients;       ///< Those that have been greeted.
  node_status totals;                              ///< Without the clients.
  log_pacer refusals;                              ///< Lines about connections that are turned away.
  uint64_t looks = 0;                              ///< How often the pool has been asked for its sessions.
  std::map<node::client_id, desk_actor> strangers; ///< Connections that have not been greeted.
};

} // namespace cenote::remote

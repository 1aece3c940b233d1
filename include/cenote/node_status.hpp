#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace cenote {

/// A client of a pool node, and what it has there at the moment.
struct client_status {
  std::string name;    ///< As it calls itself; not proven.
  std::string subject; ///< The common name of its certificate; empty without TLS.
  std::string address; ///< Where it is: `10.1.2.3:51234`.
  std::string version; ///< Of its cenote.
  bool admin = false;  ///< It has shown the admin token.

  std::chrono::nanoseconds connected{0}; ///< For how long.
  uint64_t in_flight = 0;                ///< Requests that are with the pool.
  uint64_t waiting = 0;                  ///< Requests that wait for their turn beyond that.
  uint64_t sessions = 0;                 ///< Sessions that are checked out.
  uint64_t answered = 0;                 ///< Requests that have been answered, failures included.
  uint64_t failed = 0;                   ///< Those that have failed.

  bool operator==(const client_status&) const = default;
};

/// The state of a pool node at one moment.
struct node_status {
  std::string name;         ///< As clients see it.
  std::string address;      ///< Where it listens: `0.0.0.0:4243`.
  bool tls = false;         ///< Whether clients are authenticated and the traffic is encrypted.
  bool draining = false;    ///< It takes no new clients and no new requests.
  uint64_t greeted = 0;     ///< Clients that have been accepted since the start.
  uint64_t turned_away = 0; ///< Connections that never became clients: wrong protocol, certificate, version, token.
  uint64_t lost = 0;        ///< Clients that have gone without saying goodbye.
  std::vector<client_status> clients; ///< At the moment, the one that came first in front.

  bool operator==(const node_status&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, client_status& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("subject", x.subject), f.field("address", x.address),
                            f.field("version", x.version), f.field("admin", x.admin), f.field("connected", x.connected),
                            f.field("in-flight", x.in_flight), f.field("waiting", x.waiting),
                            f.field("sessions", x.sessions), f.field("answered", x.answered),
                            f.field("failed", x.failed));
}

template <class Inspector>
bool inspect(Inspector& f, node_status& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("address", x.address), f.field("tls", x.tls),
                            f.field("draining", x.draining), f.field("greeted", x.greeted),
                            f.field("turned-away", x.turned_away), f.field("lost", x.lost),
                            f.field("clients", x.clients));
}

} // namespace cenote

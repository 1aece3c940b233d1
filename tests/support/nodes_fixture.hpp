#pragma once

#include "cenote/node.hpp"
#include "net/tls_identity.hpp"
#include "support/pool_fixture.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace cenote::test {

/// Signs of life of the nodes and clients of tests: a lost peer is given up quickly.
inline constexpr auto short_heartbeat = std::chrono::milliseconds{100};
inline constexpr auto short_give_up = std::chrono::seconds{1};

/// A node on a free port of the loopback interface.
node_settings node_rules();

/// A client; its name is `client`.
remote_settings client_rules(const std::string& name = "client");

/// Both with TLS.
node_settings with_tls(node_settings rules, const net::tls_identity::files& files);
remote_settings with_tls(remote_settings rules, const net::tls_identity::files& files);

/// A file with a secret that ends with its object.
class token_file {
public:
  explicit token_file(const std::string& token);
  token_file(const token_file&) = delete;
  token_file& operator=(const token_file&) = delete;
  ~token_file() { std::filesystem::remove(path_); }

  const std::string& path() const noexcept { return path_; }

private:
  std::string path_;
};

/// A private server, an actor system for pools and nodes, and another one for clients, as if that were another process.
class nodes_fixture : public pool_fixture {
public:
  nodes_fixture() = default;
  ~nodes_fixture();

  /// A local pool that ends with the fixture.
  pool_actor start_local_pool(size_t size = 2, size_t max_overflow = 0);

  published_pool publish(const pool_actor& pool, const node_settings& rules = node_rules());

  /// A client in the clients' system.
  pool_actor reach(std::initializer_list<uint16_t> ports, const remote_settings& rules = client_rules());
  pool_actor reach(uint16_t port, const remote_settings& rules = client_rules()) { return reach({port}, rules); }

  /// The actor system of the clients.
  actor_fixture& clients() { return *clients_; }

  /// Ends the clients' system in order.
  void end_clients();

  node_status status_of(const node_actor& node);

  /// Asks for the status of a node until it meets the condition.
  /// @throws std::runtime_error with the last status if it never does.
  node_status await_node(const node_actor& node, const std::function<bool(const node_status&)>& condition);

  /// Waits until the node has as many clients.
  node_status await_clients(const node_actor& node, size_t count);

  /// Ends a node without a word, as if its process had been killed.
  void cut(const node_actor& node);

  /// Begins to drain it.
  awaited<void> leave(const node_actor& node, caf::timespan limit);

private:
  std::vector<node_actor> nodes_;
  std::vector<pool_actor> remotes_;
  std::vector<pool_actor> locals_;
  std::optional<actor_fixture> clients_{std::in_place};
};

/// The text of a failure; empty if there is none.
template <class T>
std::string text_of(const answer<T>& x) {
  return x ? std::string{} : x.error().text;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace cenote::test

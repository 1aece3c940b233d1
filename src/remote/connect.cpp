#include "cenote/configuration.hpp"
#include "cenote/node.hpp"
#include "config/listen_address.hpp"
#include "config/token_file.hpp"
#include "log/log.hpp"
#include "metrics/catalogue.hpp"
#include "remote/gatekeeper.hpp"
#include "remote/remote_pool.hpp"

#include <caf/actor_system.hpp>
#include <caf/detail/meta_object.hpp>

#include <chrono>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

namespace cenote {

namespace {

using namespace std::chrono_literals;

/// A certificate that expires sooner is worth a warning.
constexpr auto soon = 14 * 24h;

void require_init(caf::actor_system& sys) {
  if (caf::detail::global_meta_object(caf::type_id_v<statement>) == nullptr)
    throw std::logic_error{"call cenote::init() at the start of main, before the actor system and its configuration"};
  if (!sys.has_middleman())
    throw std::invalid_argument{"cenote needs CAF's I/O module: call load<caf::io::middleman>() in the configuration"};
}

std::string host_name() {
  char text[256] = {};
  return gethostname(text, sizeof(text) - 1) == 0 ? text : "unknown host";
}

/// @param section of the settings, for errors.
std::optional<net::tls_identity> load_identity(const std::string& section, const std::string& certificate,
                                               const std::string& key, const std::string& ca, net::tls_role role) {
  if (certificate.empty())
    return std::nullopt;
  auto loaded = net::tls_identity::load({certificate, key, ca}, role);
  if (!loaded)
    throw configuration_error{section + ".certificate, " + section + ".key, " + section + ".ca: " + loaded.error()};
  auto left = loaded->expires() - std::chrono::system_clock::now();
  if (left < soon)
    log().warn("{}.certificate: {} expires in {} days: renew it", section, certificate,
               std::chrono::duration_cast<std::chrono::hours>(left).count() / 24);
  return std::move(*loaded);
}

io_thread_ptr start_thread(caf::actor_system& sys, const std::string& name) {
  auto cpu_time = metrics::seconds_counter(sys.metrics(), metrics::metric::io_thread_cpu, name, {{"thread", "0"}});
  return io_thread::start(sys, cpu_time, guests::refused);
}

} // namespace

published_pool spawn_node(caf::actor_system& sys, pool_actor pool, const node_settings& rules) {
  require_init(sys);
  settings all;
  all.node = rules;
  check(all);
  auto where = rules.enabled() ? config::parse_listen_address(rules.listen) : std::nullopt;
  if (!where)
    throw configuration_error{"node.listen is empty: name the address and port to listen on, such as 127.0.0.1:4243"};
  auto shared = std::make_shared<remote::node_context>(rules, sys.metrics());
  shared->token = config::read_token("node.token-file", rules.token_file);
  shared->admin_token = config::read_token("node.admin-token-file", rules.admin_token_file);
  if (!shared->admin_token.empty() && shared->token == shared->admin_token)
    throw configuration_error{"node.token-file and node.admin-token-file hold the same token: every client would be an "
                              "admin"};
  auto identity = load_identity("node", rules.certificate, rules.key, rules.ca, net::tls_role::node);
  auto address = net::numeric_address({where->host, where->port});
  if (!address)
    throw configuration_error{"node.listen: " + where->host + " is no address in numbers"};
  auto socket = net::listener::open(*address);
  if (!socket)
    throw configuration_error{"node.listen: " + socket.error()};
  shared->totals.name = rules.name.empty() ? host_name() : rules.name;
  shared->totals.address = net::to_string(socket->address());
  shared->totals.tls = identity.has_value();
  published_pool out;
  auto colon = shared->totals.address.rfind(':');
  out.port = static_cast<uint16_t>(std::stoul(shared->totals.address.substr(colon + 1)));
  log().info("node {}: the pool is published at {}, {}", shared->totals.name, shared->totals.address,
             identity ? "with TLS for both sides" : "in clear text, for this machine only");
  out.node = remote::spawn_gatekeeper(sys, start_thread(sys, "node"), shared, std::move(pool), std::move(*socket),
                                      std::move(identity));
  return out;
}

pool_actor connect(caf::actor_system& sys, const remote_settings& nodes) {
  require_init(sys);
  settings all;
  all.remote = nodes;
  check(all);
  auto endpoints = net::parse_endpoints(nodes.nodes);
  if (!endpoints)
    throw configuration_error{"remote.nodes: " + endpoints.error()};
  remote::client_rules rules;
  rules.name = nodes.name.empty() ? host_name() + "/" + std::to_string(getpid()) : nodes.name;
  rules.token = config::read_token("remote.token-file", nodes.token_file);
  rules.heartbeat = {nodes.heartbeat, nodes.give_up};
  rules.identity = load_identity("remote", nodes.certificate, nodes.key, nodes.ca, net::tls_role::client);
  node::remote_core::rules limits;
  limits.max_in_flight = nodes.max_in_flight;
  limits.timeout = nodes.timeout;
  limits.silence = nodes.give_up;
  return remote::spawn_remote_pool(sys, start_thread(sys, "remote"), std::move(rules), std::move(*endpoints), limits,
                                   std::random_device{}());
}

} // namespace cenote

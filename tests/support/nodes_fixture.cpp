#include "support/nodes_fixture.hpp"

#include "cenote/error.hpp"

#include <atomic>
#include <fstream>

#include <caf/send.hpp>
#include <unistd.h>

namespace cenote::test {

node_settings node_rules() {
  node_settings out;
  out.listen = "127.0.0.1:0";
  out.name = "depot";
  out.heartbeat = short_heartbeat;
  out.give_up = short_give_up;
  return out;
}

remote_settings client_rules(const std::string& name) {
  remote_settings out;
  out.name = name;
  out.heartbeat = short_heartbeat;
  out.give_up = short_give_up;
  return out;
}

node_settings with_tls(node_settings rules, const net::tls_identity::files& files) {
  rules.certificate = files.certificate;
  rules.key = files.key;
  rules.ca = files.ca;
  return rules;
}

remote_settings with_tls(remote_settings rules, const net::tls_identity::files& files) {
  rules.certificate = files.certificate;
  rules.key = files.key;
  rules.ca = files.ca;
  return rules;
}

token_file::token_file(const std::string& token) {
  static std::atomic<int> count{0};
  auto name = "cenote-token-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  path_ = (std::filesystem::temp_directory_path() / name).string();
  std::ofstream{path_} << token << '\n';
  std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

nodes_fixture::~nodes_fixture() {
  end_clients();
  for (auto& each : nodes_)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  for (auto& each : locals_)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
}

pool_actor nodes_fixture::start_local_pool(size_t size, size_t max_overflow) {
  auto rules = as_environment_says(rules_for(size, max_overflow));
  auto pool = locals_.emplace_back(spawn_pool(system(), server.settings(), rules));
  await_free(pool, size);
  return pool;
}

published_pool nodes_fixture::publish(const pool_actor& pool, const node_settings& rules) {
  auto out = spawn_node(system(), pool, rules);
  nodes_.push_back(out.node);
  return out;
}

pool_actor nodes_fixture::reach(std::initializer_list<uint16_t> ports, const remote_settings& rules) {
  auto all = rules;
  if (all.nodes.empty())
    for (auto port : ports)
      all.nodes += (all.nodes.empty() ? "127.0.0.1:" : ", 127.0.0.1:") + std::to_string(port);
  return remotes_.emplace_back(connect(clients_->system(), all));
}

void nodes_fixture::end_clients() {
  for (auto& each : remotes_)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  remotes_.clear();
  clients_.reset();
}

node_status nodes_fixture::status_of(const node_actor& node) {
  auto promise = std::make_shared<std::promise<answer<node_status>>>();
  awaited<node_status> pending{promise->get_future()};
  system().spawn([promise, node](caf::event_based_actor* self) {
    self->request(node, caf::infinite, status_atom_v)
        .then([promise](const node_status& x) { promise->set_value(x); },
              [promise](const caf::error& error) { promise->set_value(tl::unexpected{details(error)}); });
  });
  auto answered = pending.get();
  if (!answered)
    throw std::runtime_error{"no status of the node: " + to_string(answered.error())};
  return std::move(*answered);
}

node_status nodes_fixture::await_node(const node_actor& node,
                                      const std::function<bool(const node_status&)>& condition) {
  node_status last;
  auto check = [&] {
    last = status_of(node);
    return condition(last);
  };
  if (!eventually(check))
    throw std::runtime_error{"the node does not reach the expected state: clients "
                             + std::to_string(last.clients.size()) + ", greeted " + std::to_string(last.greeted)
                             + ", turned away " + std::to_string(last.turned_away) + ", lost "
                             + std::to_string(last.lost)};
  return last;
}

node_status nodes_fixture::await_clients(const node_actor& node, size_t count) {
  return await_node(node, [count](const node_status& x) { return x.clients.size() == count; });
}

void nodes_fixture::cut(const node_actor& node) {
  caf::anon_send_exit(node, caf::exit_reason::kill);
}

awaited<void> nodes_fixture::leave(const node_actor& node, caf::timespan limit) {
  auto promise = std::make_shared<std::promise<answer<void>>>();
  awaited<void> pending{promise->get_future()};
  system().spawn([promise, node, limit](caf::event_based_actor* self) {
    self->request(node, caf::infinite, drain_atom_v, limit)
        .then([promise] { promise->set_value({}); },
              [promise](const caf::error& error) { promise->set_value(tl::unexpected{details(error)}); });
  });
  return pending;
}

} // namespace cenote::test

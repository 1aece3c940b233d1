#include "app/commands.hpp"
#include "app/http_access.hpp"
#include "app/http_service.hpp"
#include "app/jobs/housekeeper.hpp"
#include "app/node_watch.hpp"
#include "app/server_actor.hpp"
#include "cenote/configuration.hpp"
#include "cenote/node.hpp"
#include "config/token_file.hpp"

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <spdlog/spdlog.h>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// Answers the signals that do not ask for the end, while it lives.
class notice_scope {
public:
  notice_scope(signal_watch& signals, const caf::actor& server) : signals_{signals} {
    signals_.on_notice([server](int number) {
      if (number == SIGUSR1)
        caf::anon_send(server, status_atom_v);
      else if (number == SIGHUP)
        caf::anon_send(server, reconfigure_atom_v);
      else
        spdlog::info("{} has no meaning here", signal_name(number));
    });
  }

  notice_scope(const notice_scope&) = delete;

  ~notice_scope() { signals_.on_notice(nullptr); }

private:
  signal_watch& signals_;
};

/// Longest time that reading the settings may take.
constexpr auto max_reload_time = 5s;

tl::expected<std::string, std::string> ask_to_reload(pool_host& host, const caf::actor& server) {
  tl::expected<std::string, std::string> came;
  caf::scoped_actor self{host.system()};
  self->request(server, max_reload_time, reconfigure_atom_v)
      .receive([&came](std::string& x) { came = std::move(x); },
               [&came](const caf::error& err) { came = tl::unexpected{details(err).text}; });
  return came;
}

std::unique_ptr<http_service> start_http(pool_host& host, const invocation& x, std::shared_ptr<pool_watch> watch,
                                         std::string token, const caf::actor& server,
                                         const std::shared_ptr<current_settings>& current,
                                         std::shared_ptr<const node_watch> node,
                                         std::shared_ptr<const job_housekeeper> jobs) {
  service_control control{[server] { caf::anon_send(server, drain_atom_v); },
                          [&host, server] { return ask_to_reload(host, server); },
                          [current] { return current->get(); },
                          {},
                          [jobs] { return jobs->look(); }};
  if (node)
    control.node = [node] { return node->look(); };
  try {
    return std::make_unique<http_service>(host, x.how, std::move(watch), std::move(token), x.listen_is_chosen,
                                          std::move(control));
  } catch (http::server_error&) {
    // The pool ends next, which it must not take for a defect.
    caf::anon_send_exit(server, caf::exit_reason::user_shutdown);
    throw;
  }
}

/// Publishes the pool if the settings say so.
/// @returns the node, null if there is none; or why the pool cannot be published.
tl::expected<node_actor, std::string> publish(pool_host& host, const node_settings& how) try {
  if (!how.enabled())
    return node_actor{};
  return spawn_node(host.system(), host.pool(), how).node;
} catch (const configuration_error& err) {
  return tl::unexpected{std::string{err.what()}};
}

} // namespace

answer serve(const invocation& x) try {
  auto token = x.how.http.enabled() ? config::read_token("http.token-file", x.how.http.token_file) : std::string{};
  pool_host host{x.how, x.caf_options};
  spdlog::info("cenote {} serves pool {} at {}: {} connections, {} more when needed", CENOTE_VERSION, x.how.pool.name,
               x.how.server.endpoint(), x.how.pool.size, x.how.pool.max_overflow);
  caf::scoped_actor self{host.system()};
  auto current = std::make_shared<current_settings>(x.how);
  auto watch = std::make_shared<pool_watch>(host.system(), host.pool(), x.how.http.probe_interval);
  auto node = publish(host, x.how.node);
  if (!node) {
    spdlog::critical("{}", node.error());
    return {failed, {}};
  }
  auto jobs = std::make_shared<const job_housekeeper>(host.system(), host.pool(), [current] { return current->get(); });
  auto server = spawn_server_actor(host.system(), {host.pool(), *node, watch, current, jobs->actor()}, x,
                                   caf::actor_cast<caf::actor>(self));
  std::stop_callback on_first{x.signals.first(),
                              [&] { caf::anon_send(server, static_cast<int32_t>(x.signals.received())); }};
  std::stop_callback on_second{x.signals.second(), [&] { host.cut(); }};
  notice_scope notices{x.signals, server};
  auto looks_at_node = *node ? std::make_shared<const node_watch>(host.system(), *node) : nullptr;
  auto http = start_http(host, x, watch, std::move(token), server, current, looks_at_node, jobs);
  answer out;
  self->receive([&out](int32_t code) { out.code = code; });
  return out;
} catch (http::server_error& err) {
  spdlog::critical("{}", err.what());
  return {failed, {}};
}

} // namespace cenote::app

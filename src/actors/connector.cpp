#include "actors/connector.hpp"

#include "actors/canceller.hpp"
#include "actors/connection.hpp"
#include "connection/classification.hpp"
#include "db/connection.hpp"
#include "db/guarded_call.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/socket_watch.hpp"

#include <caf/actor_system.hpp>
#include <caf/disposable.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <cassert>
#include <exception>
#include <optional>
#include <utility>

namespace cenote {

namespace {

failure not_the_primary(const server_settings& server) {
  failure result;
  result.code = errc::read_only_server;
  result.outcome = outcome::unavailable;
  result.text = server.endpoint() + ": the server is read-only, and the pool looks for the primary";
  return result;
}

failure no_room(const server_settings& server, const std::string& reason) {
  return own_failure(errc::connect_failed, outcome::unavailable,
                     server.endpoint() + ": no room for one more connection: " + reason);
}

/// A connection to be opened, and its users.
struct connect_order {
  connection_context context;
  io_thread_ptr thread;
  size_t max_prepared = 0;
  bool needs_primary = false;
};

/// One connect. DNS, TLS and logins block, on a thread of their own; this actor, which does not, watches the time and
/// reports the result to the pool, in any case: a thread that cannot be interrupted is left behind.
struct connect_state {
  using pointer = caf::stateful_actor<connect_state>*;

  static inline const char* name = "cenote.connecting";

  connect_state(pointer this_actor, connect_order given) : self{this_actor}, order{std::move(given)} {
    // nop
  }

  caf::behavior make_behavior() {
    self->monitor(order.context.pool);
    self->set_down_handler([this](const caf::down_msg&) { guard(*this, [this] { give_up(); }); });
    try {
      start(order.context.server);
    } catch (const std::exception& err) {
      refuse(err.what());
      return {};
    }
    return {[this](done_atom) { finish(); }};
  }

  void start(std::shared_ptr<const server_settings> server) {
    call.emplace(
        server->connect_timeout, [server] { return db::connection::open(*server); },
        [me = caf::actor{self}] { caf::anon_send(me, done_atom_v); });
    if (call->problem())
      self->send(caf::actor{self}, done_atom_v);
    else
      timer = self->run_delayed(server->connect_timeout, [this] { guard(*this, [this] { give_up(); }); });
  }

  void defect(const char* problem) { refuse(problem); }

  void refuse(const std::string& reason) {
    self->send(order.context.pool, open_failed_atom_v, order.context.id, no_room(*order.context.server, reason));
    self->quit();
  }

  /// The time is up, or the pool has ended.
  void give_up() {
    timer.dispose();
    call->cut();
    timer = self->run_delayed(db::guarded_thread::grace, [this] { finish(); });
  }

  void finish() {
    timer.dispose();
    try {
      auto outcome = call->take();
      call.reset();
      report(std::move(outcome));
      self->quit();
    } catch (const std::exception& err) {
      refuse(err.what());
    }
  }

  void report(tl::expected<db::connection, db::driver_error> session) {
    auto& [id, pool, canceller, server, measured] = order.context;
    if (session)
      session->keep_prepared(order.max_prepared);
    if (!session) {
      self->send(pool, open_failed_atom_v, id, to_failure(session.error(), *server));
      return;
    }
    if (order.needs_primary && session->is_read_only()) {
      self->send(pool, open_failed_atom_v, id, not_the_primary(*server));
      return;
    }
    descriptor watched{session->socket()};
    if (!watched.valid()) {
      self->send(pool, open_failed_atom_v, id, no_room(*server, watched.problem()));
      return;
    }
    opened result;
    result.server_connection_id = session->server_id();
    result.server_version = session->server_version();
    result.connection =
        spawn_connection(self->system(), order.thread, order.context, std::move(*session), std::move(watched));
    self->send(pool, opened_atom_v, id, std::move(result));
  }

  pointer self;
  connect_order order;
  std::optional<db::guarded_call<db::connection>> call;
  caf::disposable timer;
};

} // namespace

connector::connector(caf::actor_system& sys, const server_settings& server,
                     const std::vector<io_thread_ptr>& io_threads, size_t max_prepared)
    : sys_{sys}, server_{server}, max_prepared_{max_prepared} {
  // Owners of their own, so that their use counts are those of connections: other actors live on the threads, too.
  for (auto& each : io_threads)
    io_threads_.emplace_back(std::make_shared<io_thread_ptr>(each), each.get());
  for (size_t i = 0; i < server.servers(); ++i) {
    auto one = std::make_shared<const server_settings>(server.server(i));
    targets_.push_back({one, spawn_canceller(sys, one)});
  }
}

connector::~connector() {
  for (auto& each : targets_)
    caf::anon_send_exit(each.canceller, caf::exit_reason::user_shutdown);
}

void connector::open(connection_id id, size_t server, const internal_pool_actor& pool,
                     const metrics::operation_metrics_ptr& measured) {
  auto thread =
      *std::ranges::min_element(io_threads_, {}, &io_thread_ptr::use_count); // Each connection holds its I/O thread.
  auto& to = targets_.at(server);
  sys_.spawn<caf::stateful_actor<connect_state>>(connect_order{
      {id, pool, to.canceller, to.server, measured}, std::move(thread), max_prepared_, targets_.size() > 1});
}

bool connector::leads_to(const server_settings& settings) const {
  return settings.host == server_.host && settings.port == server_.port && settings.other_hosts == server_.other_hosts
         && settings.unix_socket == server_.unix_socket;
}

bool connector::reconfigure(const server_settings& settings) {
  assert(leads_to(settings));
  if (settings == server_)
    return false;
  server_ = settings;
  for (size_t i = 0; i < targets_.size(); ++i) {
    targets_[i].server = std::make_shared<const server_settings>(settings.server(i));
    caf::anon_send(targets_[i].canceller, reconfigure_atom_v, targets_[i].server);
  }
  return true;
}

bool connector::keep_prepared(size_t max) {
  return std::exchange(max_prepared_, max) != max;
}

std::string connector::endpoint() const {
  return server_.endpoint();
}

std::string connector::endpoint(size_t server) const {
  return targets_.at(server).server->endpoint();
}

} // namespace cenote

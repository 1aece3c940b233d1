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

failure not_the_primary(const server_settings& where) {
  failure result;
  result.code = errc::read_only_server;
  result.outcome = outcome::unavailable;
  result.text = where.endpoint() + ": the server is read-only, and the pool looks for the primary";
  return result;
}

failure no_room(const server_settings& where, const std::string& why) {
  return own_failure(errc::connect_failed, outcome::unavailable,
                     where.endpoint() + ": no room for one more connection: " + why);
}

/// The most statements that are told of.
constexpr size_t max_told_statements = 200;

/// What is to be connected, and for whom.
struct connect_order {
  connection_context context;
  io_thread_ptr where;
  bool needs_primary = false;
};

/// One connect. DNS, TLS and logins block, on a thread of their own; this actor, which does not, watches the time and
/// tells the pool how it ended. It always does: a thread that cannot be interrupted is left behind.
struct connect_state {
  using pointer = caf::stateful_actor<connect_state>*;

  static inline const char* name = "cenote.connecting";

  connect_state(pointer this_actor, connect_order what) : self{this_actor}, order{std::move(what)} {
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

  void defect(const char* what) { refuse(what); }

  void refuse(const std::string& why) {
    self->send(order.context.pool, open_failed_atom_v, order.context.id, no_room(*order.context.server, why));
    self->quit();
  }

  /// The time is up, or nobody wants the connection any more.
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
    auto& [id, pool, canceller, server, measured, statements] = order.context;
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
        spawn_connection(self->system(), order.where, order.context, std::move(*session), std::move(watched));
    self->send(pool, opened_atom_v, id, std::move(result));
  }

  pointer self;
  connect_order order;
  std::optional<db::guarded_call<db::connection>> call;
  caf::disposable timer;
};

} // namespace

connector::connector(caf::actor_system& sys, const server_settings& server, std::vector<io_thread_ptr> io_threads,
                     std::shared_ptr<metrics::operation_metrics> measured,
                     std::shared_ptr<metrics::statement_statistics> statements)
    : sys_{sys},
      server_{server},
      io_threads_{std::move(io_threads)},
      measured_{std::move(measured)},
      statements_{std::move(statements)} {
  for (size_t i = 0; i < server.servers(); ++i) {
    auto one = std::make_shared<const server_settings>(server.server(i));
    targets_.push_back({one, spawn_canceller(sys, one)});
  }
}

connector::~connector() {
  for (auto& x : targets_)
    caf::anon_send_exit(x.canceller, caf::exit_reason::user_shutdown);
}

void connector::open(connection_id id, size_t server, const internal_pool_actor& pool) {
  auto where =
      *std::ranges::min_element(io_threads_, {}, &io_thread_ptr::use_count); // Each connection holds its I/O thread.
  auto& to = targets_.at(server);
  sys_.spawn<caf::stateful_actor<connect_state>>(connect_order{
      {id, pool, to.canceller, to.server, measured_, statements_}, std::move(where), targets_.size() > 1});
}

bool connector::leads_to(const server_settings& x) const {
  return x.host == server_.host && x.port == server_.port && x.other_hosts == server_.other_hosts
         && x.unix_socket == server_.unix_socket;
}

bool connector::reconfigure(const server_settings& x) {
  assert(leads_to(x));
  if (x == server_)
    return false;
  server_ = x;
  for (size_t i = 0; i < targets_.size(); ++i) {
    targets_[i].server = std::make_shared<const server_settings>(x.server(i));
    caf::anon_send(targets_[i].canceller, reconfigure_atom_v, targets_[i].server);
  }
  return true;
}

std::string connector::endpoint() const {
  return server_.endpoint();
}

std::string connector::endpoint(size_t server) const {
  return targets_.at(server).server->endpoint();
}

std::vector<statement_summary> connector::statements() const {
  return statements_->costliest(max_told_statements);
}

} // namespace cenote

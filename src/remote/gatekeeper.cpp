#include "remote/gatekeeper.hpp"

#include "cenote/error.hpp"
#include "log/log.hpp"
#include "log/log_pacer.hpp"
#include "remote/protocol.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/resident.hpp"
#include "runtime/socket_watch.hpp"

#include <caf/actor_system.hpp>
#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cenote::remote {

namespace {

using namespace std::chrono_literals;

/// Connections that have not been greeted, at a time.
constexpr size_t max_strangers = 256;

/// Connections that are taken before others have their turn.
constexpr size_t max_accepts = 32;

/// How often the node looks at the pool's settings, and for sessions that have ended by themselves.
constexpr auto look_interval = 5s;

/// The pause after the process had no descriptor left.
constexpr auto shortage_pause = 200ms;

/// What a connection may send before its greeting has been accepted.
constexpr net::frame_reader::limits stranger_limits{16 << 10, 32 << 10};

using internal_node_actor = node_actor::extend<caf::result<void>(ready_atom, bool, bool)>;

struct gatekeeper_state {
  using pointer = internal_node_actor::stateful_pointer<gatekeeper_state>;

  static inline const char* name = "cenote.gatekeeper";

  gatekeeper_state(pointer this_actor, io_thread_ptr thread, std::shared_ptr<node_context> common, pool_actor served,
                   net::listener listening, std::optional<net::tls_identity> own_identity)
      : self{this_actor},
        home{std::move(thread)},
        shared{std::move(common)},
        pool{std::move(served)},
        socket{std::move(listening)},
        identity{std::move(own_identity)} {
    // nop
  }

  ~gatekeeper_state() {
    look_timer.dispose();
    pause_timer.dispose();
    drain_timer.dispose();
    stop_listening();
    for (auto& [address, desk] : desks)
      caf::anon_send_exit(desk, caf::exit_reason::user_shutdown);
  }

  internal_node_actor::behavior_type make_behavior() {
    descriptor watched{socket->descriptor()};
    if (!watched.valid()) {
      log().critical("node {}: cannot listen: {}", shared->totals.name, watched.problem());
      self->quit();
      return handlers();
    }
    watch = caf::make_counted<socket_watch>(home->loop(), std::move(watched), self, [](bool readable, bool writable) {
      return caf::make_message(ready_atom_v, readable, writable);
    });
    watch->want(true, false);
    self->monitor(pool);
    self->set_down_handler([this](const caf::down_msg& message) {
      guard(*this, [&] {
        if (message.source == pool.address()) {
          log().info("node {}: the pool has ended, and so does the node", shared->totals.name);
          for (auto& promise : std::exchange(drains, {}))
            promise.deliver();
          self->quit();
          return;
        }
        desks.erase(message.source);
        end_if_drained();
      });
    });
    look();
    return guarded(this, handlers());
  }

  internal_node_actor::behavior_type handlers() {
    return {
        [this](status_atom) { return shared->status_at(now()); },
        [this](drain_atom, caf::timespan limit) { return drain(limit); },
        [this](ready_atom, bool, bool) { accept(); },
    };
  }

  // -- connections -------------------------------------------------------------------

  void accept() {
    for (size_t i = 0; socket && i < max_accepts; ++i) {
      auto next = socket->accept();
      if (!next) {
        if (auto more = shortages.add(now()))
          log().error("node {}: cannot take a connection: {}{}", shared->totals.name, next.error(), and_more(*more));
        pause();
        return;
      }
      if (!*next)
        return;
      welcome_stranger(std::move(**next));
    }
  }

  void welcome_stranger(net::listener::accepted connection) {
    if (shared->strangers.size() >= max_strangers)
      turn_oldest_away();
    auto peer = connection.peer;
    auto stream = net::stream::accept(std::move(connection.descriptor), peer, identity ? &*identity : nullptr);
    descriptor watched{stream ? stream->descriptor() : -1};
    if (!stream || !watched.valid()) {
      if (auto more = shortages.add(now()))
        log().error("node {}: cannot take a connection: {}{}", shared->totals.name,
                    stream ? watched.problem() : stream.error(), and_more(*more));
      return;
    }
    net::link link{
        std::move(*stream), {shared->rules.heartbeat, shared->rules.give_up}, max_parallel, stranger_limits, now()};
    auto desk = spawn_desk(self->system(), home, shared, node::client_id{++last_client}, pool, std::move(link),
                           std::move(watched));
    self->monitor(desk);
    desks.emplace(desk.address(), std::move(desk));
  }

  /// Those who do not greet must not keep out those who do.
  void turn_oldest_away() {
    caf::anon_send_exit(shared->strangers.begin()->second, caf::exit_reason::user_shutdown);
    shared->strangers.erase(shared->strangers.begin());
    ++shared->totals.turned_away;
    shared->measured.turned_away(metrics::turned_away_reason::full);
    if (auto more = shared->refusals.add(now()))
      log().warn(
          "node {}: of {} connections that have not greeted, the oldest is closed, because another one has come{}",
          shared->totals.name, max_strangers, and_more(*more));
  }

  /// The socket stays readable while the process is short of descriptors.
  void pause() {
    watch->want(false, false);
    pause_timer = self->run_delayed(shortage_pause, [this] {
      guard(*this, [this] {
        if (socket)
          watch->want(true, false);
      });
    });
  }

  void stop_listening() {
    if (watch)
      watch->stop();
    watch = nullptr; // It has a duplicate of the socket: the system would go on to take connections.
    socket.reset();
  }

  // -- the pool ------------------------------------------------------------------------

  void look() {
    self->request(pool, caf::infinite, settings_atom_v)
        .then([this](const effective_settings& x) { guard(*this, [&] { fit(x.pool); }); },
              [](const caf::error&) {
                // It is about to end.
              });
    auto held = std::ranges::any_of(shared->clients, [this](auto& x) { return shared->gate.of(x.first).sessions > 0; });
    if (held)
      self->request(pool, caf::infinite, details_atom_v)
          .then([this, n = ++shared->looks](const pool_details& x) { guard(*this, [&] { tell_sessions(x, n); }); },
                [](const caf::error&) {
                  // It is about to end.
                });
    look_timer = self->run_delayed(look_interval, [this] { guard(*this, [this] { look(); }); });
  }

  /// Lets about as many requests through as the pool works on at a time, and some that wait there: so it sees that more
  /// connections are wanted, and none of them is idle between two requests.
  void fit(const pool_settings& rules) {
    auto connections = rules.size + rules.max_overflow;
    shared->pool_timeout = rules.timeout;
    shared->gate.resize({connections * rules.pipeline_depth + connections, connections + connections / 2 + 2});
    shared->pump();
  }

  void tell_sessions(const pool_details& x, uint64_t look) {
    std::vector<session_id> alive;
    for (auto& each : x.sessions)
      alive.push_back(each.id);
    std::ranges::sort(alive);
    for (auto& [id, each] : shared->clients)
      self->send(each.desk, details_atom_v, alive, look);
  }

  // -- the end -------------------------------------------------------------------------

  caf::result<void> drain(caf::timespan limit) {
    shared->totals.draining = true;
    stop_listening();
    for (auto& [address, desk] : desks)
      self->send(desk, close_atom_v);
    drains.push_back(self->make_response_promise<void>());
    auto until = later(now(), limit);
    if (until < drain_until) {
      drain_until = until;
      drain_timer.dispose();
      drain_timer = self->run_scheduled(until, [this] { guard(*this, [this] { finish(); }); });
    }
    auto answer = drains.back();
    end_if_drained();
    return answer;
  }

  void end_if_drained() {
    if (shared->totals.draining && desks.empty())
      finish();
  }

  void finish() {
    if (!desks.empty())
      log().warn("node {}: {} clients are cut off, because their requests have not ended in time", shared->totals.name,
                 desks.size());
    log().info("node {}: stopped", shared->totals.name);
    for (auto& promise : std::exchange(drains, {}))
      promise.deliver();
    self->quit();
  }

  void defect(const char* problem) {
    log().error("node {}: an exception: {}; it continues", shared->totals.name, problem);
  }

  time_point now() const { return self->clock().now(); }

  /// Results that are on their way to one client at a time: as many as there are.
  static constexpr size_t max_parallel = 1'000'000;

  pointer self;
  io_thread_ptr home; ///< Before the watch, which uses its loop.
  std::shared_ptr<node_context> shared;
  pool_actor pool;
  std::optional<net::listener> socket; ///< Until a drain.
  std::optional<net::tls_identity> identity;
  socket_watch_ptr watch;
  std::unordered_map<caf::actor_addr, desk_actor> desks;
  uint64_t last_client = 0;
  log_pacer shortages;
  caf::disposable look_timer;
  caf::disposable pause_timer;
  caf::disposable drain_timer;
  time_point drain_until = time_point::max();
  std::vector<caf::typed_response_promise<void>> drains;
};

} // namespace

node_actor spawn_gatekeeper(caf::actor_system& sys, const io_thread_ptr& thread, std::shared_ptr<node_context> shared,
                            pool_actor pool, net::listener socket, std::optional<net::tls_identity> identity) {
  return spawn_resident<internal_node_actor::stateful_impl<gatekeeper_state>>(
      sys, thread, thread, std::move(shared), std::move(pool), std::move(socket), std::move(identity));
}

} // namespace cenote::remote

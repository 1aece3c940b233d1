#include "remote/desk.hpp"

#include "cenote/error.hpp"
#include "log/log.hpp"
#include "net/secret.hpp"
#include "remote/desk_state.hpp"
#include "runtime/guarded_behavior.hpp"
#include "runtime/resident.hpp"
#include "types/printable.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

namespace cenote::remote {

namespace {

/// A greeted client may send as much at a time.
constexpr net::frame_reader::limits client_limits{max_request, max_request + (size_t{16} << 20)};

/// Small answers that a client may leave unread.
constexpr size_t max_unread_answers = 16 << 20;

/// Answers that a client may leave unread before its next requests are held.
constexpr size_t max_unread = 64 << 20;

/// Before a client reads, the pool keeps further events, of which it drops the oldest.
constexpr size_t max_unread_events = 1 << 20;

constexpr size_t max_name_width = 64;

} // namespace

desk_state::~desk_state() {
  timer.dispose();
  if (watch)
    watch->stop();
  for (auto& [number, x] : requests)
    if (x.caller)
      caf::anon_send_exit(x.caller, caf::exit_reason::user_shutdown);
  for (auto& [holder, each] : guests)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  if (!greeted) {
    shared->strangers.erase(id);
    return;
  }
  shared->clients.erase(id);
  shared->gate.remove(id);
  shared->pump();
}

desk_actor::behavior_type desk_state::make_behavior() {
  shared->strangers.emplace(id, desk_actor{self});
  greet_until = now() + shared->rules.give_up;
  watch = caf::make_counted<socket_watch>(home->loop(), std::move(watched), self, [](bool readable, bool writable) {
    return caf::make_message(ready_atom_v, readable, writable);
  });
  self->monitor(pool);
  self->set_down_handler([this](const caf::down_msg&) {
    guard(*this, [this] {
      link.close("the pool has ended");
      lost();
    });
  });
  guard(*this, [this] { advance(); });
  return guarded(this, handlers());
}

desk_actor::behavior_type desk_state::handlers() {
  return {
      [this](ready_atom, bool, bool) { advance(); },
      [this](granted_atom, uint64_t number, uint8_t kind) { granted(number, static_cast<node::demand>(kind)); },
      [this](encoded_atom, uint64_t number, net::blob& content) {
        --encoding;
        link.send(net::message_kind::answer, number, std::move(content));
      },
      [this](close_atom) { leave(); },
      [this](details_atom, const std::vector<session_id>& alive, uint64_t look) { sessions_alive(alive, look); },
      [this](pool_events& events) -> caf::result<void> {
        link.send(net::message_kind::events, 0, encode(events));
        auto promise = self->make_response_promise<void>();
        unread_events.push_back(promise);
        return promise;
      },
      [this](notify_atom, std::string& channel) {
        if (link.unsent() < max_unread_events) // It is only a hint.
          link.send(net::message_kind::notice, 0, encode(channel));
      },
  };
}

// -- the connection --------------------------------------------------------------------

/// The socket is ready, or it is time.
void desk_state::advance() {
  link.advance(now());
  auto has_ended = link.lost().has_value();
  for (auto& message : link.take_messages()) {
    if (has_ended) {
      said_goodbye = said_goodbye || message.kind == net::message_kind::goodbye;
      continue;
    }
    take(message);
    if (link.lost())
      break;
  }
  end_turn();
}

/// Sends what has been collected. After each batch of messages, and each event of the socket.
void desk_state::end_turn() noexcept {
  guard(*this, [this] { update(); });
}

void desk_state::update() {
  auto at = now();
  if (!link.lost()) {
    expire(at);
    link.flush(at);
    static_cast<void>(link.take_completed());
  }
  if (!link.lost() && !greeted && at >= greet_until)
    link.close("no greeting within the time");
  if (!link.lost() && link.unsent_small() > max_unread_answers)
    link.close("it sends requests and does not read the answers");
  if (link.lost()) {
    lost();
    return;
  }
  if (greeted) {
    shared->gate.hold(id, link.unsent() > max_unread);
    shared->pump();
    shared->measure(id);
  }
  if (link.unsent() < max_unread_events)
    for (auto& promise : std::exchange(unread_events, {}))
      promise.deliver();
  end_if_left();
  if (link.lost())
    return;
  watch->want(link.wants_read(), link.wants_write());
  auto next = link.next_event();
  if (!greeted)
    next = std::min(next, greet_until);
  if (!waits.empty())
    next = std::min(next, waits.begin()->first);
  if (leave_until > at)
    next = std::min(next, leave_until);
  set_timer(next);
}

void desk_state::set_timer(time_point due) {
  if (due >= armed_for)
    return;
  timer.dispose();
  armed_for = due;
  timer = self->run_scheduled(std::max(due, now()), [this] {
    armed_for = time_point::max();
    guard(*this, [this] { advance(); });
  });
}

void desk_state::take(net::message& message) {
  using net::message_kind;
  if (turned_away)
    return;
  if (!greeted) {
    greet(message);
    return;
  }
  switch (message.kind) {
  case message_kind::request:
    request(message);
    return;
  case message_kind::cancel:
    cancel(message.id);
    return;
  case message_kind::gone:
    gone(message);
    return;
  case message_kind::goodbye:
    said_goodbye = true;
    leaving = true;
    return;
  default:
    link.close("it has sent a message that only a node may send");
  }
}

void desk_state::greet(const net::message& message) {
  hello x;
  if (message.kind != net::message_kind::hello || !decode(message.content, x) || x.mark != magic) {
    turn_away(metrics::turned_away_reason::protocol, "it does not greet in cenote's protocol", true);
    return;
  }
  if (x.protocol != protocol_version) {
    turn_away(metrics::turned_away_reason::version,
              "this node speaks version " + std::to_string(protocol_version)
                  + " of the protocol (cenote " CENOTE_VERSION "), the client version " + std::to_string(x.protocol)
                  + " (cenote " + printable(x.version) + "): use the same version of cenote on both sides",
              true);
    return;
  }
  admin = !shared->admin_token.empty() && net::same_secret(shared->admin_token, x.token);
  if (!admin && !shared->token.empty() && !net::same_secret(shared->token, x.token)) {
    turn_away(metrics::turned_away_reason::token,
              x.token.empty() ? "this node asks for a token: set remote.token-file to a file with it"
                              : "the token is wrong: compare the client's remote.token-file with the node's "
                                "node.token-file",
              true);
    return;
  }
  if (shared->totals.draining) {
    turn_away(metrics::turned_away_reason::full, "this node is shutting down", false);
    return;
  }
  if (shared->clients.size() >= shared->rules.max_clients) {
    turn_away(metrics::turned_away_reason::full,
              "this node has as many clients as it takes, node.max-clients "
                  + std::to_string(shared->rules.max_clients),
              false);
    return;
  }
  greeted = true;
  shared->strangers.erase(id);
  ++shared->totals.greeted;
  client_name = show_within(x.name.empty() ? peer : x.name, max_name_width).text;
  client_status status;
  status.name = client_name;
  status.subject = link.socket().subject();
  status.address = peer;
  status.version = show_within(x.version, max_name_width).text;
  status.admin = admin;
  shared->gate.add(id);
  shared->clients.emplace(
      id, node_context::client{desk_actor{self}, status, now(), shared->measured.client_came(client_name)});
  link.permit(client_limits);
  welcome accepted;
  accepted.version = CENOTE_VERSION;
  accepted.node = shared->totals.name;
  accepted.admin = admin;
  link.send(net::message_kind::welcome, 0, encode(accepted));
  log().info("node {}: client {} has come from {}{}{}", shared->totals.name, client_name, peer,
             status.subject.empty() ? "" : ", certificate " + status.subject, admin ? ", as an admin" : "");
}

void desk_state::turn_away(metrics::turned_away_reason reason, std::string text, bool permanent) {
  turned_away = true;
  count_stranger(reason, text);
  refusal x;
  x.permanent = permanent;
  x.text = std::move(text);
  link.send(net::message_kind::refusal, 0, encode(x));
  link.advance(now());
  link.close("turned away");
}

void desk_state::count_stranger(metrics::turned_away_reason reason, const std::string& text) {
  ++shared->totals.turned_away;
  shared->measured.turned_away(reason);
  if (auto more = shared->refusals.add(now()))
    log().warn("node {}: a connection from {} is turned away: {}{}", shared->totals.name, peer, text, and_more(*more));
}

/// The node takes no new requests.
void desk_state::leave() {
  if (std::exchange(leaving, true) || !greeted)
    return;
  leave_until = later(now(), shared->rules.give_up);
  link.send(net::message_kind::goodbye, 0, {});
}

void desk_state::end_if_left() {
  // Requests may be on their way until the client has said goodbye: they are refused, not lost.
  if (!leaving || (!said_goodbye && now() < leave_until) || !requests.empty() || !direct.empty() || encoding > 0
      || !sessions.empty() || link.unsent() > 0 || link.wants_write())
    return;
  said_goodbye = true;
  link.close("it has nothing left here");
  lost();
}

/// The connection has ended.
void desk_state::lost() {
  if (greeted) {
    auto unanswered = requests.size() + direct.size();
    if (!said_goodbye && !leaving) {
      ++shared->totals.lost;
      shared->measured.client_lost();
    }
    log().log(said_goodbye || leaving ? spdlog::level::info : spdlog::level::warn,
              "node {}: client {} from {} has gone: {}; {} requests given up, {} sessions ended", shared->totals.name,
              client_name, peer, *link.lost(), unanswered, sessions.size());
  } else if (!turned_away) {
    // Port scanners and health checks of load balancers open a connection and say nothing. A client with several nodes
    // says goodbye to those that have answered later than another one, or closes the connection in the TLS handshake.
    // One that does not like our certificate says so.
    auto silent = said_goodbye || (link.was_closed() && (!link.is_open() || link.socket().subject().empty()));
    if (silent)
      log().debug("node {}: a connection from {} was closed before a greeting", shared->totals.name, peer);
    else
      count_stranger(link.is_open() ? metrics::turned_away_reason::protocol : metrics::turned_away_reason::tls,
                     *link.lost());
  }
  watch->stop();
  timer.dispose();
  self->quit();
}

void desk_state::defect(const char* problem) noexcept {
  log().error("an exception at the desk of client {}: {}; its connection is closed", client_name, problem);
  if (watch)
    watch->stop();
  self->quit();
}

desk_actor spawn_desk(caf::actor_system& sys, const io_thread_ptr& thread, std::shared_ptr<node_context> shared,
                      node::client_id id, pool_actor pool, net::link connection, descriptor socket) {
  return spawn_resident<desk_actor::stateful_impl<desk_state>>(
      sys, thread, thread, std::move(shared), id, std::move(pool), std::move(connection), std::move(socket));
}

} // namespace cenote::remote

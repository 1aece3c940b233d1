#pragma once

// Private to the desk: its state. desk.cpp speaks with the client, desk_requests.cpp with the pool.

#include "remote/desk.hpp"
#include "remote/guest.hpp"
#include "remote/node_context.hpp"
#include "remote/protocol.hpp"
#include "remote/request_limits.hpp"

#include <caf/disposable.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace cenote::remote {

struct desk_state {
  using pointer = desk_actor::stateful_pointer<desk_state>;
  using time_point = net::link::time_point;

  static inline const char* name = "cenote.desk";

  desk_state(pointer this_actor, io_thread_ptr thread, std::shared_ptr<node_context> common, node::client_id number,
             pool_actor served, net::link connection, descriptor socket)
      : self{this_actor},
        home{std::move(thread)},
        shared{std::move(common)},
        id{number},
        pool{std::move(served)},
        link{std::move(connection)},
        watched{std::move(socket)},
        peer{link.socket().peer()} {
    // nop
  }

  ~desk_state();

  desk_actor::behavior_type make_behavior();
  desk_actor::behavior_type handlers();

  /// A request that goes through the gate and has not been answered.
  struct pending {
    operation what = operation::execute;
    node::demand demand = node::demand::shared;
    std::variant<std::monostate, statement, transaction, session_options> work; ///< Until it is let through.
    uint64_t holder = 0;                                                        ///< Of the session that is asked for.
    caf::actor caller; ///< For the pool, stands for the client's caller; null until it is let through.
    time_point arrived;
    time_point due;                     ///< While it waits.
    std::chrono::nanoseconds waited{0}; ///< Until it was let through.
    bool cancelled = false;
  };

  /// A session that is checked out.
  struct held_session {
    uint64_t holder = 0; ///< Its number.
    uint64_t since = 0;  ///< As often the pool had been asked for its sessions before.
  };

  // -- the client ------------------------------------------------------------------

  void advance();
  void end_turn() noexcept;
  void update();
  void set_timer(time_point due);
  void take(net::message& message);
  void greet(const net::message& message);
  void turn_away(metrics::turned_away_reason reason, std::string text, bool permanent);
  void leave();
  void end_if_left();
  void lost();
  void count_stranger(metrics::turned_away_reason reason, const std::string& text);
  void defect(const char* problem) noexcept;

  // -- requests ----------------------------------------------------------------------

  void request(const net::message& message);
  void gated(uint64_t number, pending x);
  void granted(uint64_t number, node::demand kind);
  bool command(uint64_t number, operation what, request_reader& in);
  bool query(uint64_t number, operation what, request_reader& in);
  void check_out(uint64_t number, const guest_actor& holder, session_options terms);
  void cancel(uint64_t number);
  void gone(const net::message& message);
  void check_in(uint64_t number, session_id session);
  void handover(uint64_t number, session_id session, uint64_t to);
  void session_over(session_id session);
  void sessions_alive(const std::vector<session_id>& alive, uint64_t look);
  void expire(time_point now);

  const guest_actor& guest(uint64_t holder);
  bool has_too_many_guests(uint64_t holder) const;
  const guest_actor* guest_of(session_id session);
  void release(uint64_t number, bool begins_session = false);

  template <class T, class Receiver, class... Ts>
  void ask(uint64_t number, const Receiver& receiver, Ts&&... request);
  template <class T, class... Ts>
  void ask_in_session(uint64_t number, session_id session, Ts&&... request);
  template <class T>
  void answer(uint64_t number, T& value);
  void failed(uint64_t number, failure reason);
  void refuse(uint64_t number, errc code, outcome effect, std::string text);
  void send_answer(uint64_t number, net::blob content, bool success);

  time_point now() const { return self->clock().now(); }

  pointer self;
  io_thread_ptr home; ///< Before the watch, which uses its loop.
  std::shared_ptr<node_context> shared;
  node::client_id id;
  pool_actor pool;
  net::link link;
  descriptor watched; ///< For the watch, until that is made.
  socket_watch_ptr watch;
  std::string peer;
  std::string client_name;
  bool greeted = false;
  bool admin = false;
  bool leaving = false;      ///< No further requests.
  bool said_goodbye = false; ///< The client has.
  bool turned_away = false;
  time_point greet_until;
  time_point leave_until = time_point::max(); ///< How long a client's goodbye is waited for.

  std::unordered_map<uint64_t, pending> requests;
  std::set<uint64_t> direct;                        ///< Requests that need no turn, and have not been answered.
  size_t encoding = 0;                              ///< Large answers that are being encoded elsewhere.
  std::set<std::pair<time_point, uint64_t>> waits;  ///< Of requests that wait for their turn.
  std::unordered_map<uint64_t, guest_actor> guests; ///< By the client's number of the holder.
  std::unordered_map<session_id, held_session> sessions;
  std::vector<caf::typed_response_promise<void>> unread_events; ///< The pool waits for them to be read.

  caf::disposable timer;
  time_point armed_for = time_point::max();
};

} // namespace cenote::remote

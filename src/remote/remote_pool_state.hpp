#pragma once

// Private to the remote pool: its state. remote_pool.cpp takes the requests of callers, remote_pool_links.cpp speaks
// with the nodes, remote_pool_sessions.cpp keeps account of sessions and their holders.

#include "actors/ended_sessions.hpp"
#include "actors/event_feed.hpp"
#include "actors/messages.hpp"
#include "actors/notice_board.hpp"
#include "db/guarded_call.hpp"
#include "log/log_pacer.hpp"
#include "net/endpoint.hpp"
#include "net/link.hpp"
#include "net/tls_identity.hpp"
#include "node/remote_core.hpp"
#include "node/session_record.hpp"
#include "remote/protocol.hpp"
#include "remote/remote_pool.hpp"
#include "runtime/io_thread.hpp"
#include "runtime/socket_watch.hpp"

#include <caf/disposable.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace cenote::remote {

/// The remote pool with the messages that it sends itself.
using internal_remote_pool = notifying_pool_actor::extend<
    // The socket of a link became ready.
    caf::result<void>(ready_atom, uint64_t),

    // A host's name has been looked up, for this link.
    caf::result<void>(resolved_atom, uint64_t),

    // A large answer has been decoded elsewhere, or could not be.
    caf::result<void>(decoded_atom, uint64_t, result), caf::result<void>(decoded_atom, uint64_t, std::vector<result>),
    caf::result<void>(decoded_atom, uint64_t), caf::result<void>(decoded_atom, uint64_t, failure)>;

struct remote_pool_state {
  using pointer = internal_remote_pool::stateful_pointer<remote_pool_state>;
  using time_point = net::link::time_point;
  using session_step = node::session_step;

  static inline const char* name = "cenote.remote_pool";

  remote_pool_state(pointer this_actor, io_thread_ptr thread, client_rules greeting, std::vector<net::endpoint> where,
                    const node::remote_core::rules& limits, uint64_t seed);

  ~remote_pool_state();

  internal_remote_pool::behavior_type make_behavior();
  internal_remote_pool::behavior_type handlers();

  struct checkout_terms {
    uint64_t holder = 0; ///< The number of who will hold it.
    session_options options;
  };

  /// A request for a session, with its argument.
  struct session_request {
    session_id session{};
    std::variant<std::monostate, statement, transaction_options, std::string, uint64_t> argument;
    caf::strong_actor_ptr new_holder; ///< Of a handover.
    caf::actor_addr user;             ///< The holder that asks.
  };

  /// A request that has not been answered.
  struct waiting {
    operation what = operation::execute;
    std::variant<std::monostate, statement, transaction, checkout_terms, session_request, session_id> content;
    caf::response_promise promise;
    caf::strong_actor_ptr caller;              ///< It is useless after its end; may be null.
    session_step step = session_step::execute; ///< Of a request for a session.
    time_point accepted{};
    time_point sent{}; ///< To the node that has it.
    time_point deadline = time_point::max();
  };

  /// A request whose answer is being decoded elsewhere.
  struct undecoded {
    node::link_id link{}; ///< Where it has come from.
    waiting request;
  };

  /// A session on a node.
  struct session_on_node {
    node::link_id link{};
    caf::actor_addr holder;
    node::session_record record;
  };

  /// An actor that holds sessions, or has asked for one.
  struct session_holder {
    uint64_t number = 0; ///< For the nodes.
    size_t uses = 0;     ///< Sessions, and unanswered requests for them.
  };

  /// A connection to a node, or the attempt to make one.
  struct connection {
    size_t node = 0;
    std::optional<net::link> link; ///< Nothing while the host's name is looked up.
    socket_watch_ptr watch;
    bool greeted = false;
    bool refused = false;                    ///< For a reason that stays.
    std::string refusal;                     ///< What the node has said; empty: it has not refused this client.
    std::vector<net::socket_address> others; ///< Further addresses of the host, to be tried next; last first.
    std::optional<db::guarded_call<std::vector<net::socket_address>>> look_up;
  };

  using connections_map = std::map<node::link_id, connection>;

  // -- requests ----------------------------------------------------------------------

  /// @param limit its own; see `statement::timeout`.
  void accept(waiting request, node::call terms, caf::timespan limit);

  /// Takes the current request; it is answered later.
  template <class T>
  caf::result<T> submit(operation what, decltype(waiting::content) content, node::call::type kind,
                        caf::strong_actor_ptr caller, caf::timespan limit = caf::timespan{0}) {
    node::call terms;
    terms.kind = kind;
    accept({what, std::move(content), {}, std::move(caller)}, terms, limit);
    return caf::delegated<T>{};
  }

  template <class T>
  caf::result<T> ask_node(operation what) {
    return submit<T>(what, std::monostate{}, node::call::type::query, nullptr);
  }
  template <class T>
  caf::result<T> order(operation what) {
    return submit<T>(what, std::monostate{}, node::call::type::work, nullptr);
  }
  caf::result<session_id> check_out(session_options options, caf::strong_actor_ptr holder);
  void in_session(operation what, session_step step, session_request request);
  template <class T>
  caf::result<T> command(operation what, session_step step, session_id id, decltype(session_request::argument) argument,
                         caf::strong_actor_ptr new_holder = nullptr) {
    in_session(what, step, {id, std::move(argument), std::move(new_holder), {}});
    return caf::delegated<T>{};
  }
  caf::result<void> subscribe(const caf::strong_actor_ptr& subscriber);
  void unsubscribe(const caf::actor_addr& subscriber);
  void follow_events();
  caf::result<void> listen(const caf::strong_actor_ptr& listener);
  void follow_notices();
  void notify(std::string channel, const caf::strong_actor_ptr& from);
  void is_not_followed(node::link_id node);
  caf::result<drain_report> drain(caf::timespan limit);
  bool end_if_drained();
  void forget_dead_callers();
  void finish();

  // -- commands of the core ------------------------------------------------------------

  void perform(node::commands todo);
  void carry_out(const node::connect_to& x);
  void carry_out(const node::drop_link& x);
  void carry_out(const node::send_call& x);
  void carry_out(const node::withdraw_call& x);
  void carry_out(node::fail_call& x);
  void carry_out(const node::end_session_links& x);
  void carry_out(const node::give_up_link& x);

  // -- links -----------------------------------------------------------------------------

  void resolved(node::link_id id);
  void try_next_address(node::link_id id, connection& to, std::string reason);
  void advance(node::link_id id);
  void take(node::link_id id, connection& from, net::message& message);
  void take_answer(node::link_id id, connection& from, net::message& message);
  void take_late_answer(connection& from, uint64_t number, content_reader& in);
  bool deliver(node::link_id id, uint64_t number, waiting& request, net::message& message, content_reader& in);
  template <class T>
  bool deliver_as(waiting& request, content_reader& in);
  template <class T>
  void decode_elsewhere(node::link_id id, uint64_t number, waiting& request, net::message& message);
  template <class T>
  void decoded(uint64_t number, T& value);
  void not_decoded(uint64_t number);
  void not_kept(uint64_t number, failure reason);
  void failed_at_node(node::link_id id, uint64_t number, waiting& request, failure reason);
  void settle(node::link_id id);
  void flush(node::link_id id);
  void link_lost(node::link_id id, const std::string& reason);
  void end_turn() noexcept;
  void update();
  void set_timer(time_point due);
  const std::string& address_of(const connection& x) const { return addresses.at(x.node); }
  net::blob encode_request(waiting& x);
  std::optional<failure> find_excess(waiting& x);

  // -- sessions --------------------------------------------------------------------------

  void session_begins(session_id id, node::link_id link, const caf::strong_actor_ptr& holder);
  void session_ends(session_id id, failure last);
  void session_answered(waiting& request, bool succeeded);
  void unwatch(const caf::actor_addr& actor);
  bool is_watched(const caf::actor_addr& actor) const;
  uint64_t use(const caf::strong_actor_ptr& holder);
  void release(const caf::actor_addr& holder);
  void holder_down(const caf::actor_addr& holder);
  void tell_gone(uint64_t number, bool ended);
  caf::error refuse_session(session_id id) const;
  bool belongs_to_sender(session_id id) const;

  void watch_handles();
  void look_for_handles();
  void defect(const char* problem) noexcept;
  time_point now() const { return self->clock().now(); }

  pointer self;
  io_thread_ptr home; ///< Before the watches, which use its loop.
  client_rules rules;
  std::vector<net::endpoint> endpoints;
  std::vector<std::string> addresses; ///< Their texts.
  node::remote_core core;

  connections_map connections;
  std::unordered_map<uint64_t, waiting> requests;
  uint64_t last_request = 0;
  bool taken_back = false; ///< The request of the last `withdraw_call`, unsent.
  std::unordered_map<uint64_t, undecoded> decoding;
  std::unordered_set<uint64_t> withdrawn_checkouts; ///< A session that is still granted has to be returned.

  std::unordered_map<session_id, session_on_node> sessions;
  ended_sessions past_sessions;
  std::unordered_map<caf::actor_addr, session_holder> holders;
  uint64_t last_holder = 0;

  event_feed feed;
  bool subscribed = false; ///< At the current node.
  notice_board notices;
  bool listens = false; ///< To the current node.

  std::vector<caf::typed_response_promise<drain_report>> drains;
  drain_report drained;
  time_point drain_until = time_point::max();

  log_pacer failed_links;
  std::string last_problem;
  bool was_connected = false;

  size_t unreachable = 0; ///< How many times in a row no handle existed.
  caf::disposable handle_watch;
  caf::disposable timer;
  time_point armed_for = time_point::max();
  time_point sweep_at = time_point::max();
};

} // namespace cenote::remote

#pragma once

#include "cenote/failure.hpp"
#include "pool/request.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cenote::node {

using pool::duration;
using pool::time_point;

/// A request of a caller. Never reused, and larger than those before.
enum class call_id : uint64_t {};

/// A connection to a node, or the attempt to make one. Never reused.
enum class link_id : uint64_t {};

/// A request, as far as it matters where it goes.
struct call {
  enum class type : uint8_t {
    work,     ///< A statement or a transaction: unknown once it was sent.
    harmless, ///< Changes nothing as long as it is not answered, as a checkout: another node may be asked.
    query,    ///< The same, for operators: fails at once while no node can be reached.
    bound,    ///< For a session: goes to its node, or nowhere.
  };

  call_id id{};
  type kind = type::work;
  time_point accepted;
  time_point deadline = time_point::max(); ///< Its own.
  link_id link{};                          ///< Of a `bound` one.
  outcome if_lost = outcome::unknown;      ///< What is known of a `bound` one once it was sent.
  outcome if_unsent = outcome::not_sent;   ///< And if its node is lost before that.
};

/// What the core asks for.
struct connect_to {
  link_id link{};
  size_t node = 0;
};
struct drop_link {
  link_id link{};
};
struct send_call {
  call_id call{};
  link_id link{};
};
struct withdraw_call { ///< It was handed over, and nobody waits for its answer any more. `fail_call` follows.
  call_id call{};
  link_id link{};
};
struct fail_call {
  call_id call{};
  cenote::failure failure;
  std::optional<cenote::failure> if_withdrawn; ///< Instead, if the `withdraw_call` before it has taken it back unsent.
};
struct end_session_links { ///< The sessions on this link have ended.
  link_id link{};
  std::string reason;
};

struct give_up_link { ///< The node lives, and does not answer. It is reported as lost then.
  link_id link{};
  std::string reason;
};

using command =
    std::variant<connect_to, drop_link, send_call, withdraw_call, fail_call, end_session_links, give_up_link>;
using commands = std::vector<command>;

/// Decides for a client which node it uses, when it connects, where each request goes, and what is said about it when a
/// node is lost. Pure: each call reports an event at `now`, and returns the commands that follow.
class remote_core {
public:
  struct rules {
    size_t max_in_flight = 256;
    duration timeout = std::chrono::seconds{30}; ///< Longest wait for a node.
    duration grace = std::chrono::seconds{2};    ///< How late a node may answer after a request's own deadline.
    duration silence = std::chrono::seconds{5};  ///< How late, if it answers nothing else either: then it is given up.
  };

  /// @param nodes their addresses, for texts; at least one.
  remote_core(std::vector<std::string> nodes, const rules& limits, uint64_t seed);

  commands start(time_point now);

  // -- requests ------------------------------------------------------------------

  commands submit(const call& request, time_point now);

  /// It has been handed to the operating system completely: the node may act on it.
  void written(call_id id);

  commands answered(call_id id, time_point now);

  /// Answers arrive on this link, or pieces of one.
  void heard(link_id link, time_point now);

  /// The node has answered that it takes no requests any more: it was not begun.
  commands turned_away(call_id id, time_point now);

  /// Its caller has ended.
  commands cancel(call_id id, time_point now);

  // -- links ---------------------------------------------------------------------

  /// The node has greeted us.
  commands opened(link_id link, time_point now);

  /// The link, or the attempt to make one, has ended.
  /// @param refused whether the node itself has turned us away: wrong token, version.
  commands lost(link_id link, const std::string& reason, bool refused, time_point now);

  /// The node wants no further requests.
  commands leaving(link_id link, time_point now);

  // -- time, and the end ---------------------------------------------------------

  commands tick(time_point now);

  time_point next_event() const;

  /// Takes no new requests; fails those that are left at `until`.
  commands drain(time_point until, time_point now);

  bool is_draining() const noexcept { return draining_; }

  /// Whether a drain has nothing to wait for any more.
  bool is_drained() const noexcept { return draining_ && calls_.empty(); }

  /// The link that new requests take; nothing while there is none.
  std::optional<link_id> current() const noexcept { return current_; }

  /// Whether the request has been handed over on this link: nobody else may answer it.
  bool is_on(call_id id, link_id link) const;

  /// The node that a link leads to; null if there is no such link.
  const std::string* node_of(link_id link) const;

  size_t waiting() const noexcept { return queue_.size(); }
  size_t unanswered() const noexcept { return calls_.size(); }

private:
  enum class stage : uint8_t { waiting, handed_over, written };

  struct entry {
    call request;
    stage at = stage::waiting;
    link_id link{}; ///< Once it was handed over.
    time_point handed_over_at;
    time_point due = time_point::max(); ///< In `due_`.
  };

  struct node {
    std::string address;
    std::optional<link_id> link; ///< To it, or the attempt.
    bool open = false;
    bool refused = false; ///< The last attempt was.
    bool hangs = false;   ///< Its link is about to be given up for that.
    size_t failures = 0;  ///< In a row, links that did not last included.
    time_point retry_at;
    std::string error; ///< Of the last attempt.
    time_point opened_at;
    time_point failed_at = time_point::min();
  };

  using entries = std::map<call_id, entry>;

  bool counts(const entry& x) const;
  bool needs_node() const;
  void connect(commands& out, time_point now);
  void leave(node& x, size_t failures, time_point now);
  void suspect(const entry& x);
  void give_up_silent(commands& out, time_point now);
  void flow(time_point now, commands& out);
  void hand_over(entry& x, link_id link, time_point now, commands& out);
  void wait(entry& x);
  void set_due(entry& x, time_point when);
  void finish(entries::iterator i);
  void fail(entries::iterator i, failure reason, commands& out);
  void withdraw(entries::iterator i, failure reason, time_point now, commands& out);
  void fail_unreachable(commands& out, time_point now);
  void settle_lost(link_id link, const std::string& address, const std::string& reason, commands& out);
  failure not_reached(const call& request, time_point now) const;
  failure too_late(const entry& x, time_point now) const;
  failure unsent(time_point now) const;
  std::string no_answer() const;
  failure lost_answer(const call& request, const std::string& address, const std::string& reason) const;
  failure lost_unsent(const call& request, const std::string& address, const std::string& reason) const;
  node* find(link_id link);
  const node* find(link_id link) const;
  bool all_refused() const;
  bool any_connecting() const;
  bool is_hopeless(const call& query) const;
  std::string errors() const;
  duration delay(size_t failures);

  rules rules_;
  std::vector<node> nodes_;
  std::map<link_id, std::string> leaving_; ///< Links that take no new requests, with their addresses.
  std::optional<link_id> current_;
  time_point heard_at_ = time_point::min();     ///< The last answer of the current node.
  time_point silent_until_ = time_point::max(); ///< When it is given up unless it answers something before.
  entries calls_;
  std::set<call_id> queue_; ///< Those that wait for a node, oldest first.
  size_t in_flight_ = 0;    ///< Handed over on the current link, without bound ones and queries.
  std::set<std::pair<time_point, call_id>> due_;
  uint64_t last_link_ = 0;
  bool draining_ = false;
  time_point cut_at_ = time_point::max(); ///< When a drain gives up.
  std::minstd_rand rng_;
};

} // namespace cenote::node

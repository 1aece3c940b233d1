#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace cenote::node {

/// A client of a pool node. Never reused.
enum class client_id : uint64_t {};

/// A request of a client, in its own counting.
enum class ticket : uint64_t {};

/// What a request takes of the pool.
enum class demand : uint8_t {
  shared,    ///< A place beside others on a connection.
  exclusive, ///< A connection of its own, until it is answered.
  session,   ///< A connection of its own, until its session ends.
};

/// Decides whose request goes to the pool next. The pool serves its queue in order of arrival; so that a client with
/// many requests does not fill that queue, only about as many are let through as the pool works on at a time, and the
/// clients take turns. Pure.
class fair_gate {
public:
  /// What one client may have.
  struct quotas {
    size_t in_flight = 256; ///< Requests with the pool; sessions that are held do not count.
    size_t sessions = 10;   ///< Sessions, held or asked for at the pool.
    size_t waiting = 10'000;
  };

  /// What all may have with the pool together.
  struct capacity {
    size_t shared = 64;
    size_t exclusive = 4; ///< Held sessions included.
  };

  fair_gate(quotas each, capacity all) : quotas_{each}, capacity_{all} {
    // nop
  }

  /// The pool's settings have changed.
  void resize(capacity all) { capacity_ = all; }

  void add(client_id id) { clients_.try_emplace(id); }

  /// The client is gone, with all that it had.
  void remove(client_id id);

  enum class admission : uint8_t { waiting, refused };

  /// A request has arrived; ask `next` whose turn it is. Refused if too many of this client wait already.
  admission request(client_id id, ticket number, demand kind);

  /// A request of the client that was let through has been answered.
  /// @param begins_session it has: a session is held from now on.
  void answered(client_id id, demand kind, bool begins_session = false);

  /// A session that was held has ended.
  void session_ended(client_id id);

  /// Lets none of the client's requests through for the time being, because it does not read its answers.
  void hold(client_id id, bool held);

  /// Nobody waits for the request any more.
  /// @returns whether it was still waiting here; otherwise it is with the pool, or answered.
  bool withdraw(client_id id, ticket number);

  /// A request that is let through.
  struct grant {
    client_id client{};
    ticket number{};
    demand kind = demand::shared;
  };

  /// The next request to be let through, if there is room for one.
  std::optional<grant> next();

  struct counts {
    size_t in_flight = 0;
    size_t waiting = 0;
    size_t sessions = 0; ///< Held.
  };

  counts of(client_id id) const;

private:
  static constexpr size_t demands = 3;

  struct client {
    std::array<std::deque<ticket>, demands> waiting; ///< By demand.
    std::array<size_t, demands> in_flight{};
    size_t held = 0; ///< Sessions.
    bool on_hold = false;

    size_t all_waiting() const;
    size_t all_in_flight() const;
  };

  bool has_room(demand kind) const;
  bool may(const client& who, demand kind) const;

  quotas quotas_;
  capacity capacity_;
  std::map<client_id, client> clients_;
  std::array<client_id, demands> last_{}; ///< Whose turn it was.
  std::array<size_t, demands> waiting_{}; ///< Of all clients.
  bool session_next_ = false;             ///< Before an exclusive request.
  bool shared_next_ = true;               ///< Before either.
  size_t shared_ = 0;                     ///< With the pool.
  size_t exclusive_ = 0;                  ///< Likewise, held sessions included.
};

} // namespace cenote::node

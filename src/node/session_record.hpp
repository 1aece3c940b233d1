#pragma once

#include "cenote/failure.hpp"

#include <cstdint>
#include <string_view>

namespace cenote::node {

/// A request of the holder of a session.
enum class session_step : uint8_t { execute, begin, commit, rollback, savepoint };

/// What a client knows of the transaction of a session that it has on a node: it decides what is said about a request
/// when the node is lost. The node, or the database server, then rolls back what had not been committed. Pure.
class session_record {
public:
  /// What is known of the next request if the node is lost before it is sent. Of a COMMIT, that is what is known of its
  /// transaction: an earlier statement may have ended it.
  outcome if_unsent(session_step step) const;

  /// A request is sent.
  /// @returns what is known of it if its answer never comes.
  outcome send(session_step step, std::string_view sql);

  /// It has been answered. More may have been sent meanwhile; those that begin and end transactions are answered in
  /// their order.
  void answered(session_step step, bool succeeded);

  /// What is known of requests that come after the session has been lost.
  outcome after_loss() const { return transaction_ == state::open ? outcome::rolled_back : outcome::rejected; }

private:
  enum class state : uint8_t {
    none,     ///< No transaction, as far as is known: each statement commits itself.
    open,     ///< One is certainly open, and no COMMIT has been sent.
    doubtful, ///< It may have been ended by a statement, or be about to end.
  };

  state transaction_ = state::none; ///< After all that was sent.
  uint64_t begins_ = 0;             ///< Sent so far.
  uint64_t answered_begins_ = 0;
  uint64_t ended_begins_ = 0; ///< As many had been sent before the last request that may end a transaction.
};

} // namespace cenote::node

#pragma once

#include "support/pool_fixture.hpp"

#include <caf/actor.hpp>

#include <cstdint>
#include <string>

namespace cenote::test {

/// A pool's fixture with the means to disturb its statements, and callers that can be made to vanish.
class chaos_fixture : public pool_fixture {
public:
  using pool_fixture::pool_fixture;

  /// Starts an actor that sends one statement and waits for its answer. The actor ends with the answer, or when it is
  /// made to: `vanish`.
  caf::actor caller_of(const pool_actor& pool, statement query);

  /// Ends such an actor without a word, and waits until it is known to have ended.
  void vanish(caf::actor& caller);

  /// Runs a statement that has to fail.
  /// @throws std::runtime_error if it does not.
  failure fails(const pool_actor& on, statement query);

  /// Which session serves a pool of one connection.
  uint64_t session_of(const pool_actor& pool);

  /// The session that runs a statement like `pattern`. There has to be exactly one.
  uint64_t session_running(const std::string& pattern);

  /// The number that a query gives as the administrator.
  uint64_t count(const std::string& sql);
};

} // namespace cenote::test

#pragma once

#include "support/actor_fixture.hpp"
#include "support/server.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cenote::test {

struct server_owner {
  private_server server;
};

/// A private server, and an actor system whose pools use it. The server outlives the pools.
class pool_fixture : public server_owner, public actor_fixture {
public:
  explicit pool_fixture(std::vector<std::string> server_options = {});
  ~pool_fixture();

  /// A pool of one connection that looks at the server and disturbs it. Started when it is first used.
  const pool_actor& admin();

  /// The server's sessions except those of `admin`.
  std::vector<uint64_t> sessions();

  /// Number of them that run a statement like `pattern` at the moment.
  size_t running(const std::string& pattern);

  /// Waits until `count` sessions run a statement like `pattern`.
  /// @throws std::runtime_error if that never happens.
  void await_running(const std::string& pattern, size_t count);

  /// Ends a session from the server's side and waits until the server has forgotten it.
  void end_session(uint64_t id);

  /// Stops the server's process in the middle of its work. Its sockets stay open, but do not answer.
  void freeze();

  /// Lets it go on.
  void thaw();

  /// The value of one of the server's counters: `Com_admin_commands`.
  uint64_t counter(const std::string& name);

  /// Creates a user without privileges beyond its own data, and returns how to log in as that one.
  server_settings plain_user(const std::string& name, const std::string& password);

private:
  std::optional<pool_actor> admin_;
};

/// Rules for a pool of this size that reconnects and shrinks quickly.
pool_settings rules_for(size_t size, size_t max_overflow = 0);

/// The session that serves a statement.
statement which_session();

/// Time since it was made.
class stopwatch {
public:
  std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - begun_; }

private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

} // namespace cenote::test

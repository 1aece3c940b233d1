#pragma once

#include "net/listener.hpp"
#include "net/stream.hpp"
#include "net/tls_identity.hpp"

#include <initializer_list>
#include <string>

namespace cenote::test {

/// Listens on a free port of 127.0.0.1.
net::listener listen_on_loopback();

/// Waits, 10 seconds at most, until a stream's socket is ready for what the stream wants.
/// @returns whether one was ready in time.
bool wait_for(std::initializer_list<const net::stream*> streams);

/// Both ends of a connection over loopback.
struct stream_pair {
  /// @param host for which the node's certificate has to be.
  stream_pair(const net::tls_identity* client_identity, const net::tls_identity* node_identity,
              const std::string& host = "localhost");

  /// Shakes hands until both ends are through, or both know that they are not. The results are in the outcomes.
  void meet();

  net::stream client;
  net::stream node;
  std::string client_outcome; ///< `done`, or the problem.
  std::string node_outcome;

private:
  explicit stream_pair(std::pair<net::stream, net::stream> ends);
};

} // namespace cenote::test

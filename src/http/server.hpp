#pragma once

#include "http/message.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace cenote::http {

/// The server cannot be started. The text says why, and what to do.
class server_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Limits on the clients of a server.
struct limits {
  /// At a time. When three quarters are taken, each new one ends the oldest connection of the IP address that has the
  /// most: a client that only holds connections does not keep others out.
  unsigned connections = 128;
  size_t memory = 16 << 10; ///< Bytes per connection: its request line and headers must fit.
  size_t body = 4 << 10;    ///< Bytes of a body, which is dropped.
  std::chrono::milliseconds lifetime = std::chrono::seconds{10}; ///< Of a connection, whatever it does.
};

/// Answers HTTP/1.1 on a thread of its own, one request per connection. A client that is slow, or sends garbage, costs
/// one connection for `limits::lifetime` at most.
class server {
public:
  /// Answers a request, on the server's thread; it should not block.
  using handler = std::function<response(const request&)>;

  /// Starts listening.
  /// @param host an IP address in numbers.
  /// @param port zero: any free one, see `port`.
  /// @throws server_error
  server(const std::string& host, uint16_t port, handler answer, limits bounds = {});
  server(const server&) = delete;

  /// Closes all connections.
  ~server();

  /// The port that it listens on.
  uint16_t port() const noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace cenote::http

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace cenote::test {

/// A network between a pool and its server that can be disturbed: forwards TCP connections on the loopback interface,
/// from a thread of its own. All functions may be called from any thread and take effect before they return.
class fault_proxy {
public:
  /// Listens on a free port and forwards to this one.
  explicit fault_proxy(uint16_t server_port);
  fault_proxy(const fault_proxy&) = delete;
  fault_proxy& operator=(const fault_proxy&) = delete;
  ~fault_proxy();

  /// Where clients have to connect to.
  uint16_t port() const noexcept;

  /// Cuts all connections: both sides see a reset.
  void cut_all();

  /// Whether new connections are reset at once.
  void refuse(bool enabled);

  /// Whether nothing is forwarded any more, in either direction; data held back follows when this ends.
  void swallow(bool enabled);

  /// The same in one direction: towards the server, or back.
  void swallow_requests(bool enabled);
  void swallow_replies(bool enabled);

  /// Forwards at most so many bytes of replies in a second, of connections that are made from now on. Zero: no limit.
  void throttle_replies(size_t bytes_per_second);

  /// Delays all data by this span, in order. Zero: no delay.
  void delay(std::chrono::microseconds span);

  /// Each connection forwards this many more bytes of its server's replies, then it is cut. Connections that are made
  /// later are not limited.
  void cut_replies_after(size_t bytes);

  /// Where new connections lead from now on, in turn: a balancer. The others stay where they are.
  void forward_to(std::vector<uint16_t> server_ports);

  /// Connections that are open.
  size_t open_connections() const;

  /// Connections accepted so far, those that were refused included.
  size_t accepted() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace cenote::test

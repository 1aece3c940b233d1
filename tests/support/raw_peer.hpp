#pragma once

#include "net/frame.hpp"
#include "net/unique_fd.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace cenote::test {

/// One end of a TCP connection without TLS, for peers that are written by hand. Nothing throws but the constructor;
/// nothing waits for longer than its limit.
class raw_peer {
public:
  /// Connects to a port of the loopback interface.
  /// @throws std::runtime_error if that is refused.
  explicit raw_peer(uint16_t port);

  /// Takes an accepted connection over.
  explicit raw_peer(net::unique_fd socket) : socket_{std::move(socket)} {
    // nop
  }

  /// Sends all bytes, as far as the peer takes them.
  /// @returns whether all were taken within the time.
  bool send(std::string_view bytes, std::chrono::milliseconds limit = std::chrono::seconds{30});

  /// Sends a message, in as many frames as it takes.
  bool send(net::message_kind kind, uint64_t id, std::string_view content = {});

  /// Sends a message whose content has these parts.
  bool send(net::message_kind kind, uint64_t id, const net::blob& content);

  /// The next message of the peer, pings and pongs left out; pings are answered.
  /// @returns nothing if the connection ends, or if there is none for longer than the limit.
  std::optional<net::message> receive(std::chrono::milliseconds limit = std::chrono::seconds{30});

  /// Reads, and throws away what comes, until the peer ends the connection.
  /// @returns whether it does within the limit.
  bool await_end(std::chrono::milliseconds limit = std::chrono::seconds{30});

  /// The same, without answering pings.
  bool await_end_silently(std::chrono::milliseconds limit = std::chrono::seconds{30});

  /// Ends the connection; with a reset if something is unread.
  void close() { socket_ = net::unique_fd{}; }

  int descriptor() const noexcept { return socket_.get(); }

private:
  bool fill(std::chrono::steady_clock::time_point until);

  net::unique_fd socket_;
  net::frame_reader reader_{net::frame_reader::limits{}};
  std::vector<net::message> inbox_;
};

/// A frame as it should be, or not.
std::string frame(uint32_t length, uint8_t kind, uint8_t flags, uint64_t id, std::string_view piece);

/// The bytes of a message's content.
std::string text_of(const net::blob& content);

/// A listener whose connections are served by a function, each in a thread of its own.
class raw_node {
public:
  using service = std::function<void(raw_peer&)>;

  explicit raw_node(service serve);
  raw_node(const raw_node&) = delete;
  raw_node& operator=(const raw_node&) = delete;

  /// Ends all connections, and waits for their functions.
  ~raw_node();

  uint16_t port() const noexcept { return port_; }

  /// Connections so far.
  size_t accepted() const noexcept { return accepted_; }

private:
  void run();

  service serve_;
  net::unique_fd listener_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> accepted_{0};
  std::mutex mutex_;
  std::list<raw_peer> peers_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

} // namespace cenote::test

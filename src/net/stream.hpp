#pragma once

#include "net/endpoint.hpp"
#include "net/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <tl/expected.hpp>

namespace cenote::net {

class tls_identity;

enum class io_status : uint8_t {
  done,
  again,  ///< Not now: wait until the socket is ready for what `wants_read` and `wants_write` say.
  closed, ///< By the peer, orderly or not.
  failed  ///< For the reason that `problem` tells.
};

struct io_result {
  io_status status;
  size_t bytes = 0; ///< That were read or written; more than zero if and only if the status is `done`.
};

/// A TCP connection, with TLS if this side has an identity. Nothing blocks, and nothing raises SIGPIPE. Not
/// synchronised: one thread at a time.
///
/// Once `closed` or `failed` was returned, every later call returns the same; only after a `write` that has returned
/// `closed` can there be something to read.
class stream {
public:
  /// Begins to connect; `handshake` goes on.
  /// @param host the name or IP address that the peer's certificate has to be for.
  /// @param identity of a client; null: no TLS. Is not needed after the call.
  /// @returns an error if it fails at once, which names the address.
  static tl::expected<stream, std::string> connect(const socket_address& to, const std::string& host,
                                                   const tls_identity* identity);

  /// Takes over a connection from a listener.
  /// @param identity of a node; null: no TLS. Is not needed after the call.
  static tl::expected<stream, std::string> accept(unique_fd socket, const socket_address& peer,
                                                  const tls_identity* identity);

  stream(stream&&) noexcept;
  stream& operator=(stream&&) noexcept;
  ~stream();

  /// Goes on to connect, and with TLS. To be called once at first, and whenever the socket is ready, until it is
  /// `done`.
  /// @note A client is done before the node has looked at its certificate: a refusal is then the result of the first
  ///       `read`.
  io_status handshake();

  /// Reads what has arrived. Fewer bytes than have room: there is nothing more at present, and the socket will be
  /// readable when there is.
  /// @pre `handshake` is done, and the buffer is not empty.
  io_result read(std::span<std::byte> buffer);

  /// Writes as much as the socket takes, which may be less than all.
  /// @pre `handshake` is done, and there is something to write. What was not written before comes first, and is not
  ///      shorter: with TLS it may already be encrypted.
  io_result write(std::span<const std::byte> bytes);

  /// Whether a handshake, read or write whose latest result was `again`, or an incomplete write, waits until the socket
  /// is readable. With TLS this need not be the read.
  bool wants_read() const noexcept;

  /// Likewise, until it is writable.
  bool wants_write() const noexcept;

  /// Whether `read` has something to return, bytes or an end, that epoll will not report.
  bool has_buffered() const noexcept;

  int descriptor() const noexcept;

  /// What was wrong, in words that say what to check, and on which side. Empty unless a call has returned `closed` or
  /// `failed`.
  const std::string& problem() const noexcept;

  /// The common name in the peer's certificate, once the handshake is done: printable characters only, 64 at most.
  /// Empty without TLS.
  const std::string& subject() const noexcept;

  /// The peer's address: `127.0.0.1:4243`.
  std::string peer() const;

  /// Tells the peer that nothing more will be written, as far as that is possible at once. To be called before the
  /// stream is destroyed: what the peer was told last, such as why it was refused, could be lost otherwise.
  void shut_down();

private:
  struct connection;
  explicit stream(std::unique_ptr<connection> impl) noexcept;

  std::unique_ptr<connection> impl_;
};

} // namespace cenote::net

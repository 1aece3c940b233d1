#pragma once

#include "net/openssl.hpp"
#include "net/stream.hpp"
#include "net/tls_identity.hpp"
#include "net/tls_problem.hpp"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <tl/expected.hpp>

namespace cenote::net {

/// What the socket has to be ready for, before an operation can go on.
enum class readiness : uint8_t { none, readable, writable };

/// TLS on a connected socket, which it neither owns nor closes. Its address must not change: OpenSSL knows it.
///
/// It reads and writes the socket itself instead of leaving that to OpenSSL, which would raise SIGPIPE, and would call
/// recv twice for each record.
class tls_session {
public:
  /// @param host that the peer's certificate has to be for; not used by a node.
  static tl::expected<std::unique_ptr<tls_session>, std::string> make(int socket, const tls_identity& identity,
                                                                      const std::string& host);

  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  io_status handshake(readiness& waits);
  io_result read(std::span<std::byte> buffer, readiness& waits);
  io_result write(std::span<const std::byte> bytes, readiness& waits);

  /// Sends close_notify, if the socket takes it at once.
  void shut_down();

  bool has_buffered() const noexcept;
  const std::string& problem() const noexcept { return problem_; }

  /// The common name in the peer's certificate; after the handshake.
  std::string subject() const;

private:
  tls_session(int socket, tls_role role, std::string host);

  /// What a call of OpenSSL that did not succeed means.
  io_status status_of(int result, readiness& waits);
  std::string closed_text() const;
  void allow_receiving(size_t bytes);

  /// OpenSSL's callback for every certificate of the peer's chain.
  static int check_peer(int accepted, X509_STORE_CTX* context);

  // OpenSSL's interface to the socket.
  static BIO_METHOD* socket_method();
  static int send_some(BIO* bio, const char* bytes, int size);
  static int receive_some(BIO* bio, char* buffer, int size);
  static long control(BIO* bio, int command, long number, void* pointer);
  /// Fills `input_`. @returns as recv does.
  ssize_t fill_input();

  int socket_;
  tls_role role_;
  std::string host_;
  ssl_ptr ssl_;
  std::string problem_;
  certificate_refusal refusal_;
  bool connected_ = false;                   ///< The handshake is done.
  bool broken_ = false;                      ///< OpenSSL must not be called any more.
  std::optional<io_status> unreported_ = {}; ///< An end that was found after bytes that had to be returned first.
  int socket_error_ = 0;
  size_t receives_ = 0; ///< Calls of recv that one operation may still make: nobody keeps a thread busy for ever.
  size_t input_begin_ = 0;
  size_t input_end_ = 0;
  std::array<std::byte, 16'384> input_; ///< Arrived, and not yet read by OpenSSL.
};

} // namespace cenote::net

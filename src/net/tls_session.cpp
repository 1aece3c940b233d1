#include "net/tls_session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

namespace cenote::net {

namespace {

/// Makes the handshake fail unless the peer's certificate is for the host.
bool expect_host(SSL* ssl, std::string host) {
  auto* parameters = SSL_get0_param(ssl);
  // Without alternative names, OpenSSL would look at the common name; cenote needs that for something else.
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (numeric_address({host, 0})) {
    host = host.substr(0, host.find('%')); // A zone has a meaning on this machine only.
    return X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1;
  }
  if (host.ends_with('.')) // The DNS's mark of a full name is in no certificate.
    host.pop_back();
  return X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size()) == 1
         && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

} // namespace

tls_session::tls_session(int socket, tls_role role, std::string host)
    : socket_{socket}, role_{role}, host_{std::move(host)} {
  // nop
}

tl::expected<std::unique_ptr<tls_session>, std::string> tls_session::make(int socket, const tls_identity& identity,
                                                                          const std::string& host) {
  ERR_clear_error();
  auto client = identity.role() == tls_role::client;
  std::unique_ptr<tls_session> out{new tls_session(socket, identity.role(), client ? host : "")};
  out->ssl_.reset(SSL_new(identity.context()));
  auto* method = socket_method();
  auto* bio = method == nullptr ? nullptr : BIO_new(method);
  if (!out->ssl_ || bio == nullptr) {
    BIO_free(bio);
    return tl::unexpected{"OpenSSL cannot begin a connection: " + openssl_reason()};
  }
  BIO_set_data(bio, out.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(out->ssl_.get(), bio, bio);
  SSL_set_app_data(out->ssl_.get(), out.get());
  SSL_set_verify(out->ssl_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, &tls_session::check_peer);
  if (!client) {
    SSL_set_accept_state(out->ssl_.get());
    return out;
  }
  SSL_set_connect_state(out->ssl_.get());
  if (host.empty() || host.find('\0') != std::string::npos || !expect_host(out->ssl_.get(), host))
    return tl::unexpected{std::string{"no certificate can be for the host \"" + host + "\""}};
  return out;
}

io_status tls_session::handshake(readiness& waits) {
  allow_receiving(0);
  ERR_clear_error();
  auto result = SSL_do_handshake(ssl_.get());
  if (result != 1)
    return status_of(result, waits);
  connected_ = true;
  waits = readiness::none;
  return io_status::done;
}

io_result tls_session::read(std::span<std::byte> buffer, readiness& waits) {
  if (unreported_) {
    broken_ = true;
    return {*std::exchange(unreported_, std::nullopt)};
  }
  allow_receiving(buffer.size());
  size_t filled = 0;
  while (filled < buffer.size()) {
    ERR_clear_error();
    size_t count = 0;
    auto result = SSL_read_ex(ssl_.get(), buffer.data() + filled, buffer.size() - filled, &count);
    if (result == 1) {
      filled += count;
      continue;
    }
    auto status = status_of(0, waits);
    if (filled == 0)
      return {status};
    if (status != io_status::again)
      unreported_ = status;
    else if (waits == readiness::readable)
      waits = readiness::none; // Of a read that has returned something.
    return {io_status::done, filled};
  }
  waits = readiness::none;
  return {io_status::done, filled};
}

io_result tls_session::write(std::span<const std::byte> bytes, readiness& waits) {
  allow_receiving(0);
  size_t written = 0;
  while (written < bytes.size()) { // OpenSSL writes one record at a time.
    ERR_clear_error();
    size_t count = 0;
    auto result = SSL_write_ex(ssl_.get(), bytes.data() + written, bytes.size() - written, &count);
    if (result == 1) {
      written += count;
      continue;
    }
    auto status = status_of(0, waits);
    if (status == io_status::again && written > 0)
      break;
    if (status == io_status::closed && !broken_) {
      // Why it has closed the connection, the peer may have said before.
      ERR_clear_error();
      char ignored = 0;
      readiness unused{};
      allow_receiving(0);
      if (auto peeked = SSL_peek(ssl_.get(), &ignored, 1);
          peeked <= 0 && status_of(peeked, unused) == io_status::failed)
        status = io_status::failed;
    }
    return {status};
  }
  if (written == bytes.size())
    waits = readiness::none;
  return {io_status::done, written};
}

void tls_session::shut_down() {
  if (!connected_ || broken_)
    return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool tls_session::has_buffered() const noexcept {
  return unreported_ || input_begin_ < input_end_ || SSL_pending(ssl_.get()) > 0;
}

std::string tls_session::subject() const {
  const auto* certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate == nullptr ? "" : common_name(certificate);
}

io_status tls_session::status_of(int result, readiness& waits) {
  switch (SSL_get_error(ssl_.get(), result)) {
  case SSL_ERROR_WANT_READ:
    waits = readiness::readable;
    return io_status::again;
  case SSL_ERROR_WANT_WRITE:
    waits = readiness::writable;
    return io_status::again;
  case SSL_ERROR_ZERO_RETURN:
  case SSL_ERROR_SYSCALL:
    problem_ = closed_text();
    return io_status::closed;
  default:
    broken_ = true;
    problem_ = tls_problem(role_, host_, refusal_);
    return io_status::failed;
  }
}

int tls_session::check_peer(int accepted, X509_STORE_CTX* context) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& self = *static_cast<tls_session*>(SSL_get_app_data(ssl));
  auto* certificate = X509_STORE_CTX_get0_cert(context);
  auto depth = X509_STORE_CTX_get_error_depth(context);
  auto peer = self.role_ == tls_role::node ? tls_role::client : tls_role::node;
  if (accepted == 1 && depth == 0 && !is_for(certificate, peer)) {
    X509_STORE_CTX_set_error(context, X509_V_ERR_INVALID_PURPOSE);
    accepted = 0;
  }
  if (accepted != 1) {
    // The connection itself knows a certificate only once it has been accepted.
    X509_up_ref(certificate);
    self.refusal_ = {certificate_ptr{certificate}, X509_STORE_CTX_get_error(context), depth > 0};
  }
  return accepted;
}

std::string tls_session::closed_text() const {
  std::string peer = role_ == tls_role::node ? "the client" : "the node";
  std::string reason = socket_error_ == 0 ? "" : " (" + std::generic_category().message(socket_error_) + ")";
  if (connected_)
    return peer + " has closed the connection" + reason;
  return peer + " has closed the connection during the TLS handshake" + reason
         + (role_ == tls_role::node ? "" : ": check that it is a node, and that it serves with TLS");
}

// -- the socket ------------------------------------------------------------------

void tls_session::allow_receiving(size_t bytes) {
  constexpr size_t records_of_handshake = 16; // Also of what is not for the caller, such as updates of keys.
  receives_ = records_of_handshake + bytes / input_.size();
}

ssize_t tls_session::fill_input() {
  if (receives_ == 0) {
    errno = EAGAIN;
    return -1;
  }
  ssize_t count = 0;
  do
    count = ::recv(socket_, input_.data(), input_.size(), 0);
  while (count < 0 && errno == EINTR);
  // With less than there was room for, all has been read: no further call has to find that out.
  receives_ = count == static_cast<ssize_t>(input_.size()) ? receives_ - 1 : 0;
  input_begin_ = 0;
  input_end_ = count > 0 ? static_cast<size_t>(count) : 0;
  return count;
}

int tls_session::receive_some(BIO* bio, char* buffer, int size) {
  auto& self = *static_cast<tls_session*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.input_begin_ == self.input_end_) {
    if (auto count = self.fill_input(); count <= 0) {
      if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        BIO_set_retry_read(bio);
      else if (count < 0)
        self.socket_error_ = errno;
      return static_cast<int>(count);
    }
  }
  auto count = std::min(static_cast<size_t>(size), self.input_end_ - self.input_begin_);
  std::memcpy(buffer, self.input_.data() + self.input_begin_, count);
  self.input_begin_ += count;
  return static_cast<int>(count);
}

int tls_session::send_some(BIO* bio, const char* bytes, int size) {
  auto& self = *static_cast<tls_session*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t count = 0;
  do
    count = ::send(self.socket_, bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
  while (count < 0 && errno == EINTR);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    BIO_set_retry_write(bio);
  else if (count < 0)
    self.socket_error_ = errno;
  return static_cast<int>(count);
}

long tls_session::control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0; // Nothing is held back, and OpenSSL asks for nothing else that is needed.
}

BIO_METHOD* tls_session::socket_method() {
  static BIO_METHOD* method = [] { // Never freed: connections may outlive other static objects.
    auto* out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cenote socket");
    if (out != nullptr) {
      BIO_meth_set_write(out, &tls_session::send_some);
      BIO_meth_set_read(out, &tls_session::receive_some);
      BIO_meth_set_ctrl(out, &tls_session::control);
    }
    return out;
  }();
  return method;
}

} // namespace cenote::net

#include "net/stream.hpp"
#include "net/tls_identity.hpp"
#include "net/tls_session.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace cenote::net {

namespace {

/// Bytes that the kernel holds unsent for a connection: a sign of life waits behind no more.
constexpr int max_unsent = 128 * 1024;

/// Bytes of the header of a TLS record.
constexpr size_t tls_head = 5;

void set_option(int socket, int level, int name, int value) {
  // Without any of them it works, only not as well.
  ::setsockopt(socket, level, name, &value, sizeof(value));
}

void set_options(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, max_unsent);
}

std::string cannot_connect(const socket_address& to, int error) {
  std::string advice;
  switch (error) {
  case ECONNREFUSED:
    advice = ": no node listens there: check address and port, and that the node runs";
    break;
  case ETIMEDOUT:
  case EHOSTUNREACH:
  case ENETUNREACH:
    advice = ": check the address, the network, and firewalls between";
    break;
  case EADDRNOTAVAIL:
    advice = ": the address cannot be connected to, or this machine has no local port left";
    break;
  default:
    break;
  }
  return "cannot connect to " + to_string(to) + ": " + std::generic_category().message(error) + advice;
}

/// Whether bytes begin a TLS connection, or are an alert that refuses to: type, version 3.x, and a length that a first
/// record can have.
bool look_like_tls(std::span<const std::byte> bytes) {
  constexpr auto alert = std::byte{0x15};
  constexpr auto handshake = std::byte{0x16};
  return bytes.size() >= tls_head && (bytes[0] == alert || bytes[0] == handshake) && bytes[1] == std::byte{3}
         && bytes[2] <= std::byte{4} && bytes[3] < std::byte{0x41}
         && (bytes[0] == handshake || (bytes[3] == std::byte{0} && bytes[4] == std::byte{2}));
}

/// Whether a socket has been connected to itself, as happens when a client tries to reach a local port in the range
/// from which the operating system has just taken the client's own.
bool is_connected_to_itself(int socket, const socket_address& to) {
  socket_address own;
  own.length = sizeof(own.storage);
  return ::getsockname(socket, own.get(), &own.length) == 0 && to_string(own) == to_string(to);
}

} // namespace

struct stream::connection {
  enum class phase : uint8_t { connecting, tls_handshake, ready };

  io_status handshake();
  io_result read(std::span<std::byte> buffer);
  io_result write(std::span<const std::byte> bytes);
  io_status finish_connecting();
  io_result read_clear_text(std::span<std::byte> buffer);
  io_result write_clear_text(std::span<const std::byte> bytes);
  std::string closed_text(int error) const; ///< Without TLS. Zero: it was no error.
  io_status end_with(io_status status, std::string text);

  unique_fd socket;
  socket_address peer;
  std::unique_ptr<tls_session> tls; ///< Null: no TLS.
  phase now = phase::connecting;
  bool client = false;
  bool heard = false;           ///< Something has been read.
  std::optional<io_status> end; ///< Of everything.
  std::optional<io_status> end_of_writes;
  readiness read_waits = readiness::none; ///< Also for a handshake.
  readiness write_waits = readiness::none;
  std::string problem;
  std::string subject;
};

io_status stream::connection::end_with(io_status status, std::string text) {
  problem = std::move(text);
  read_waits = write_waits = readiness::none;
  end = status;
  return status;
}

io_status stream::connection::handshake() {
  if (end)
    return *end;
  if (now == phase::connecting)
    if (auto status = finish_connecting(); status != io_status::done)
      return status;
  if (now == phase::tls_handshake) {
    auto status = tls->handshake(read_waits);
    if (status == io_status::again)
      return status;
    if (status != io_status::done)
      return end_with(status, tls->problem());
    now = phase::ready;
    subject = tls->subject();
  }
  return io_status::done;
}

io_status stream::connection::finish_connecting() {
  pollfd ready{socket.get(), POLLOUT, 0};
  if (::poll(&ready, 1, 0) <= 0) {
    read_waits = readiness::writable;
    return io_status::again;
  }
  auto error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    error = errno;
  if (error == 0 && is_connected_to_itself(socket.get(), peer))
    error = ECONNREFUSED;
  if (error != 0)
    return end_with(io_status::failed, cannot_connect(peer, error));
  now = tls ? phase::tls_handshake : phase::ready;
  read_waits = readiness::none;
  return io_status::done;
}

io_result stream::connection::read(std::span<std::byte> buffer) {
  if (end)
    return {*end};
  assert(now == phase::ready && !buffer.empty());
  auto result = tls ? tls->read(buffer, read_waits) : read_clear_text(buffer);
  if (tls && (result.status == io_status::closed || result.status == io_status::failed))
    end_with(result.status, tls->problem());
  return result;
}

io_result stream::connection::read_clear_text(std::span<std::byte> buffer) {
  if (!heard) {
    std::array<std::byte, tls_head> head;
    auto count = ::recv(socket.get(), head.data(), head.size(), MSG_PEEK);
    if (count > 0 && look_like_tls(std::span{head}.first(static_cast<size_t>(count))))
      return {
          end_with(io_status::failed, std::string{client ? "the node" : "the client"}
                                          + " speaks TLS, and this side does not: name certificate, key and CA here")};
  }
  ssize_t count = 0;
  do
    count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    read_waits = readiness::readable;
    return {io_status::again};
  }
  if (count <= 0)
    return {end_with(io_status::closed, closed_text(count == 0 ? 0 : errno))};
  heard = true;
  read_waits = readiness::none;
  return {io_status::done, static_cast<size_t>(count)};
}

std::string stream::connection::closed_text(int error) const {
  auto out = std::string{client ? "the node" : "the client"} + " has closed the connection";
  if (error != 0)
    out += " (" + std::generic_category().message(error) + ")";
  // What is refused without a word is most likely the lack of TLS.
  if (client && !heard)
    out +=
        " before it has said anything: check that it is a node; if it demands TLS, name certificate, key and CA here";
  return out;
}

io_result stream::connection::write(std::span<const std::byte> bytes) {
  if (end)
    return {*end};
  if (end_of_writes)
    return {*end_of_writes};
  assert(now == phase::ready && !bytes.empty());
  auto result = tls ? tls->write(bytes, write_waits) : write_clear_text(bytes);
  if (result.status == io_status::failed)
    end_with(result.status, tls ? tls->problem() : problem);
  if (result.status == io_status::closed) {
    end_of_writes = io_status::closed;
    write_waits = readiness::none;
    if (tls)
      problem = tls->problem();
  }
  return result;
}

io_result stream::connection::write_clear_text(std::span<const std::byte> bytes) {
  ssize_t count = 0;
  do
    count = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  while (count < 0 && errno == EINTR);
  if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    problem = closed_text(errno);
    return {io_status::closed};
  }
  auto written = count < 0 ? 0 : static_cast<size_t>(count);
  write_waits = written < bytes.size() ? readiness::writable : readiness::none;
  return {written > 0 ? io_status::done : io_status::again, written};
}

// -- the outside -------------------------------------------------------------------

stream::stream(std::unique_ptr<connection> impl) noexcept : impl_{std::move(impl)} {
  // nop
}

stream::stream(stream&&) noexcept = default;

stream& stream::operator=(stream&&) noexcept = default;

stream::~stream() = default;

tl::expected<stream, std::string> stream::connect(const socket_address& to, const std::string& host,
                                                  const tls_identity* identity) {
  if (identity != nullptr && identity->role() != tls_role::client)
    return tl::unexpected{std::string{"the identity of a node cannot be used to connect"}};
  auto out = std::make_unique<connection>();
  out->client = true;
  out->peer = to;
  out->socket = unique_fd{::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!out->socket)
    return tl::unexpected{cannot_connect(to, errno)};
  set_options(out->socket.get());
  if (identity != nullptr) {
    auto tls = tls_session::make(out->socket.get(), *identity, host);
    if (!tls)
      return tl::unexpected{std::move(tls.error())};
    out->tls = std::move(*tls);
  }
  if (::connect(out->socket.get(), to.get(), to.length) != 0 && errno != EINPROGRESS && errno != EINTR)
    return tl::unexpected{cannot_connect(to, errno)};
  return stream{std::move(out)};
}

tl::expected<stream, std::string> stream::accept(unique_fd socket, const socket_address& peer,
                                                 const tls_identity* identity) {
  if (identity != nullptr && identity->role() != tls_role::node)
    return tl::unexpected{std::string{"the identity of a client cannot be used to accept connections"}};
  auto flags = ::fcntl(socket.get(), F_GETFL);
  if (flags == -1 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) == -1)
    return tl::unexpected{"the socket of a connection cannot be used: " + std::generic_category().message(errno)};
  set_options(socket.get());
  auto out = std::make_unique<connection>();
  out->peer = peer;
  out->socket = std::move(socket);
  out->now = connection::phase::ready;
  if (identity != nullptr) {
    auto tls = tls_session::make(out->socket.get(), *identity, "");
    if (!tls)
      return tl::unexpected{std::move(tls.error())};
    out->tls = std::move(*tls);
    out->now = connection::phase::tls_handshake;
  }
  return stream{std::move(out)};
}

io_status stream::handshake() {
  return impl_->handshake();
}

io_result stream::read(std::span<std::byte> buffer) {
  return impl_->read(buffer);
}

io_result stream::write(std::span<const std::byte> bytes) {
  return impl_->write(bytes);
}

bool stream::wants_read() const noexcept {
  return impl_->read_waits == readiness::readable || impl_->write_waits == readiness::readable;
}

bool stream::wants_write() const noexcept {
  return impl_->read_waits == readiness::writable || impl_->write_waits == readiness::writable;
}

bool stream::has_buffered() const noexcept {
  return !impl_->end && impl_->tls && impl_->tls->has_buffered();
}

int stream::descriptor() const noexcept {
  return impl_->socket.get();
}

const std::string& stream::problem() const noexcept {
  return impl_->problem;
}

const std::string& stream::subject() const noexcept {
  return impl_->subject;
}

std::string stream::peer() const {
  return to_string(impl_->peer);
}

void stream::shut_down() {
  if (impl_->tls && impl_->now == connection::phase::ready)
    impl_->tls->shut_down();
  if (::shutdown(impl_->socket.get(), SHUT_WR) == 0) {
    // A socket that is closed with bytes unread resets the connection, and the peer may lose what it has not read yet.
    std::byte ignored[4096];
    for (auto i = 0; i < 16 && ::recv(impl_->socket.get(), ignored, sizeof(ignored), MSG_DONTWAIT) > 0; ++i) {
      // nop
    }
  }
  if (!impl_->end)
    impl_->end_with(io_status::closed, "this side has closed the connection");
}

} // namespace cenote::net

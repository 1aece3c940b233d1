#include "net/listener.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <netinet/in.h>

namespace cenote::net {

namespace {

constexpr int true_value = 1;

tl::unexpected<std::string> cannot_listen(const socket_address& where, int error) {
  std::string advice;
  switch (error) {
  case EADDRINUSE:
    advice = ": another program listens there, or this one does already: choose another port, or stop that program";
    break;
  case EACCES:
    advice = ": ports below 1024 need privileges: choose a higher one";
    break;
  case EADDRNOTAVAIL:
    advice = ": no network interface of this machine has this address";
    break;
  case EAFNOSUPPORT:
    advice = ": this machine has no IPv6: choose an IPv4 address";
    break;
  default:
    break;
  }
  return tl::unexpected{"cannot listen on " + to_string(where) + ": " + std::generic_category().message(error)
                        + advice};
}

/// Whether the failure is that of the connection which was to be accepted, and the next one may be better: see the
/// manual page of accept, "error handling".
bool is_failure_of_peer(int error) {
  switch (error) {
  case ECONNABORTED:
  case EINTR:
  case EPROTO:
  case ENETDOWN:
  case ENOPROTOOPT:
  case EHOSTDOWN:
  case ENONET:
  case EHOSTUNREACH:
  case EOPNOTSUPP:
  case ENETUNREACH:
    return true;
  default:
    return false;
  }
}

} // namespace

listener::listener(unique_fd socket, const socket_address& address) noexcept
    : socket_{std::move(socket)}, address_{address} {
  // nop
}

listener::~listener() {
  if (socket_)
    ::shutdown(socket_.get(), SHUT_RDWR);
}

tl::expected<listener, std::string> listener::open(const socket_address& where) {
  auto family = where.storage.ss_family;
  unique_fd socket{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket)
    return cannot_listen(where, errno);
  // Connections of an earlier process that linger in TIME_WAIT do not keep the port.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &true_value, sizeof(true_value)) != 0)
    return cannot_listen(where, errno);
  if (family == AF_INET6 && ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &true_value, sizeof(true_value)) != 0)
    return cannot_listen(where, errno);
  if (::bind(socket.get(), where.get(), where.length) != 0 || ::listen(socket.get(), SOMAXCONN) != 0)
    return cannot_listen(where, errno);
  socket_address real;
  real.length = sizeof(real.storage);
  if (::getsockname(socket.get(), real.get(), &real.length) != 0)
    return cannot_listen(where, errno);
  return listener{std::move(socket), real};
}

tl::expected<std::optional<listener::accepted>, std::string> listener::accept() {
  for (;;) {
    accepted out;
    out.peer.length = sizeof(out.peer.storage);
    out.descriptor =
        unique_fd{::accept4(socket_.get(), out.peer.get(), &out.peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (out.descriptor)
      return std::optional{std::move(out)};
    auto error = errno;
    if (error == EAGAIN || error == EWOULDBLOCK)
      return std::optional<accepted>{};
    if (is_failure_of_peer(error))
      continue; // Each attempt takes one connection from the queue.
    std::string advice;
    if (error == EMFILE)
      advice = ": raise the limit of open files of this process (ulimit -n, LimitNOFILE)";
    else if (error == ENFILE)
      advice = ": the whole machine has too many open files (fs.file-max)";
    return tl::unexpected{"cannot accept a connection on " + to_string(address_) + ": "
                          + std::generic_category().message(error) + advice};
  }
}

} // namespace cenote::net

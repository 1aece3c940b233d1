#include "support/silent_listener.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace cenote::test {

silent_listener::silent_listener() : fd_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  // The kernel completes the handshake for connections in the backlog: nothing has to accept them.
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd_, 64) != 0
      || getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::system_error{errno, std::generic_category(), "cannot listen"};
  port_ = ntohs(address.sin_port);
}

silent_listener::~silent_listener() {
  close(fd_);
}

} // namespace cenote::test

#pragma once

#include "net/endpoint.hpp"
#include "net/unique_fd.hpp"

#include <optional>
#include <string>

#include <tl/expected.hpp>

namespace cenote::net {

/// A listening TCP socket that never blocks, for epoll. Closed with the object, its duplicates included: nobody is let
/// wait for a listener that is gone.
class listener {
public:
  listener(listener&&) noexcept = default;
  listener& operator=(listener&&) noexcept = default;
  ~listener();

  /// Listens on an address; port 0: any free one. `::` takes IPv6 only, so that `0.0.0.0` can be listened on as well.
  /// @returns an error that names the address.
  static tl::expected<listener, std::string> open(const socket_address& where);

  /// A new connection; for `stream::accept`.
  struct accepted {
    unique_fd descriptor; ///< Non-blocking, closed on exec.
    socket_address peer;
  };

  /// Takes the next connection that waits.
  /// @returns nothing if none waits; an error if the process or the machine is short of descriptors or memory. The
  ///          connection waits on then, and the socket stays readable: pause before the next attempt.
  tl::expected<std::optional<accepted>, std::string> accept();

  int descriptor() const noexcept { return socket_.get(); }

  /// With the real port.
  const socket_address& address() const noexcept { return address_; }

private:
  listener(unique_fd socket, const socket_address& address) noexcept;

  unique_fd socket_;
  socket_address address_;
};

} // namespace cenote::net

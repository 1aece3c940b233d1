#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <tl/expected.hpp>

namespace cenote::net {

/// Where a node is, as people write it: a host name or an IP address, and a port.
struct endpoint {
  std::string host; ///< A name in lower case, or an IP address without brackets.
  uint16_t port = 0;

  /// `node1:4243`, `[::1]:4243`.
  std::string to_string() const;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Reads a list such as `node1:4243, [::1]:4243`. Duplicates are removed. Names are not looked up.
/// @returns at least one, in the order of the list; or what is wrong with the list, and what would be right.
tl::expected<std::vector<endpoint>, std::string> parse_endpoints(std::string_view text);

/// The address of a socket, as the operating system has it.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t length = 0; ///< Of what is used of `storage`; zero: no address.

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

/// The address of an endpoint whose host is an IP address; nothing if it is a name. Never blocks.
std::optional<socket_address> numeric_address(const endpoint& where);

/// Looks the host up. Blocks, for as long as the resolver of the operating system takes.
/// @returns at least one address, in the order of the resolver; or an error that names the host.
tl::expected<std::vector<socket_address>, std::string> resolve(const endpoint& where);

/// Whether only this machine reaches the address: 127.0.0.0/8, ::1, and the former written as IPv6.
bool is_loopback(const socket_address& address);

/// `127.0.0.1:4243`, `[::1]:4243`. An IPv4 address that is written as IPv6 is shown as what it is.
std::string to_string(const socket_address& address);

} // namespace cenote::net

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cenote::config {

/// The address that a program listens on.
struct listen_address {
  std::string host;   ///< An IP address in numbers, without brackets.
  uint16_t port = 0;  ///< Zero: any free one.
  bool ipv6 = false;  ///< Whether `host` is an IPv6 address.
  bool local = false; ///< Whether only this machine reaches it.

  /// `http://127.0.0.1:9180`, `http://[::1]:9180`.
  std::string url() const { return "http://" + (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port); }
};

/// Reads `127.0.0.1:9180`, `[::1]:9180`, `localhost:9180`. Other names are not looked up: they are refused.
std::optional<listen_address> parse_listen_address(std::string_view text);

} // namespace cenote::config

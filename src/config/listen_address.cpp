#include "config/listen_address.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <netinet/in.h>

namespace cenote::config {

namespace {

bool is_loopback(const listen_address& address) {
  if (!address.ipv6)
    return address.host.starts_with("127.");
  in6_addr parsed{};
  return inet_pton(AF_INET6, address.host.c_str(), &parsed) == 1 && IN6_IS_ADDR_LOOPBACK(&parsed) != 0;
}

bool is_address(const listen_address& address) {
  if (address.host.find('\0') != std::string::npos)
    return false; // C would see less of it.
  in6_addr parsed{};
  return inet_pton(address.ipv6 ? AF_INET6 : AF_INET, address.host.c_str(), &parsed) == 1;
}

} // namespace

std::optional<listen_address> parse_listen_address(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  listen_address out;
  auto host = text.substr(0, colon);
  auto port = text.substr(colon + 1);
  auto [rest, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc{} || rest != port.data() + port.size())
    return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    out.ipv6 = true;
  }
  out.host = host == "localhost" ? "127.0.0.1" : host;
  if (!is_address(out))
    return std::nullopt;
  out.local = is_loopback(out);
  return out;
}

} // namespace cenote::config

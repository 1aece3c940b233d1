#include "net/endpoint.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

namespace cenote::net {

namespace {

struct address_info_deleter {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

using address_info = std::unique_ptr<addrinfo, address_info_deleter>;

/// @returns the addresses, or the code of getaddrinfo.
tl::expected<address_info, int> look_up(const endpoint& where, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (auto code = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &list); code != 0)
    return tl::unexpected{code};
  return address_info{list};
}

socket_address address_of(const addrinfo& info) {
  socket_address out;
  out.length = info.ai_addrlen;
  std::memcpy(&out.storage, info.ai_addr, info.ai_addrlen);
  return out;
}

bool is_same(const socket_address& a, const socket_address& b) {
  return a.length == b.length && std::memcmp(&a.storage, &b.storage, a.length) == 0;
}

/// The last four bytes of `::ffff:192.0.2.7`; nothing if the address is another one.
std::optional<in_addr> mapped_ipv4(const socket_address& address) {
  in6_addr ipv6 = reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr;
  if (address.storage.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&ipv6))
    return std::nullopt;
  in_addr out{};
  std::memcpy(&out, ipv6.s6_addr + 12, sizeof(out));
  return out;
}

bool is_loopback(const in_addr& address) {
  return (ntohl(address.s_addr) >> 24) == 127;
}

} // namespace

std::optional<socket_address> numeric_address(const endpoint& where) {
  if (where.host.find('\0') != std::string::npos)
    return std::nullopt;
  socket_address out;
  auto& ipv4 = reinterpret_cast<sockaddr_in&>(out.storage);
  // getaddrinfo would also take "127.1" and "0x7f.1".
  if (inet_pton(AF_INET, where.host.c_str(), &ipv4.sin_addr) == 1) {
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(where.port);
    out.length = sizeof(ipv4);
    return out;
  }
  if (where.host.find(':') == std::string::npos)
    return std::nullopt;
  auto found = look_up(where, AI_NUMERICHOST); // Knows about zones: fe80::1%eth0.
  if (!found)
    return std::nullopt;
  return address_of(**found);
}

tl::expected<std::vector<socket_address>, std::string> resolve(const endpoint& where) {
  if (auto address = numeric_address(where))
    return std::vector{*address};
  // Of a name with a NUL byte, C would see only the beginning; of an empty one it would make this machine.
  if (where.host.empty() || where.host.find('\0') != std::string::npos)
    return tl::unexpected{std::string{"the host name is empty or contains a NUL byte"}};
  errno = 0;
  auto found = look_up(where, 0);
  if (!found) {
    auto reason = found.error() == EAI_SYSTEM ? std::generic_category().message(errno) : gai_strerror(found.error());
    return tl::unexpected{"the host name \"" + where.host + "\" cannot be looked up: " + reason};
  }
  std::vector<socket_address> out;
  for (const auto* info = found->get(); info != nullptr; info = info->ai_next) {
    auto address = address_of(*info);
    auto known = false;
    for (auto& other : out)
      known = known || is_same(other, address);
    if (!known)
      out.push_back(address);
  }
  return out;
}

bool is_loopback(const socket_address& address) {
  if (address.storage.ss_family == AF_INET)
    return is_loopback(reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr);
  if (address.storage.ss_family != AF_INET6)
    return false;
  if (auto ipv4 = mapped_ipv4(address))
    return is_loopback(*ipv4);
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr) != 0;
}

std::string to_string(const socket_address& address) {
  endpoint out;
  if (auto ipv4 = mapped_ipv4(address)) {
    char buffer[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, &*ipv4, buffer, sizeof(buffer));
    out.host = buffer;
    out.port = ntohs(reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port);
    return out.to_string();
  }
  char host[NI_MAXHOST] = {};
  char port[NI_MAXSERV] = {};
  if (getnameinfo(address.get(), address.length, host, sizeof(host), port, sizeof(port),
                  NI_NUMERICHOST | NI_NUMERICSERV)
      != 0)
    return "an unknown address";
  out.host = host;
  return (out.host.find(':') == std::string::npos ? out.host : "[" + out.host + "]") + ":" + port;
}

} // namespace cenote::net

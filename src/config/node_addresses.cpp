#include "config/node_addresses.hpp"

#include "config/listen_address.hpp"
#include "config/server_rules.hpp"

#include <charconv>
#include <string>

#include <arpa/inet.h>

namespace cenote::config {

namespace {

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

bool is_ipv6(const std::string& host) {
  in6_addr parsed{};
  return inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

std::optional<server_address> parse_one(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  server_address out;
  out.host = text.substr(0, colon);
  auto port = text.substr(colon + 1);
  auto [rest, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc{} || rest != port.data() + port.size() || out.port == 0)
    return std::nullopt;
  if (out.host.find('\0') != std::string::npos)
    return std::nullopt; // C would see less of it.
  if (out.host.starts_with('[') && out.host.ends_with(']')) {
    out.host = out.host.substr(1, out.host.size() - 2);
    return is_ipv6(out.host) ? std::optional{out} : std::nullopt;
  }
  auto is_name = !out.host.empty() && out.host.find(':') == std::string::npos && host_problem(out.host).empty();
  return is_name ? std::optional{out} : std::nullopt;
}

} // namespace

std::optional<std::vector<server_address>> parse_node_addresses(std::string_view text) {
  std::vector<server_address> out;
  for (;;) {
    auto comma = text.find(',');
    auto one = parse_one(trimmed(text.substr(0, comma)));
    if (!one)
      return std::nullopt;
    out.push_back(std::move(*one));
    if (comma == std::string_view::npos)
      return out;
    text.remove_prefix(comma + 1);
  }
}

bool is_loopback(std::string_view host) {
  auto text = std::string{host};
  auto address = parse_listen_address((is_ipv6(text) ? "[" + text + "]" : text) + ":0");
  return address && address->local;
}

} // namespace cenote::config

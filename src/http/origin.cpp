#include "http/origin.hpp"

#include "http/router.hpp"

#include <algorithm>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace cenote::http {

namespace {

bool is_loopback(const std::string& address) {
  in_addr four{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1)
    return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six{};
  return inet_pton(AF_INET6, address.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six) != 0;
}

/// Without the port, and without the brackets of an IPv6 address.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    auto end = host.find(']');
    return end == std::string_view::npos ? std::string_view{} : host.substr(1, end - 1);
  }
  if (std::ranges::count(host, ':') > 1)
    return host; // An IPv6 address without brackets.
  return host.substr(0, host.find(':'));
}

} // namespace

bool names_this_machine(std::string_view host) {
  auto name = without_port(host);
  return same_ignoring_case(name, "localhost") || is_loopback(std::string{name});
}

bool has_same_origin(const request& received) {
  if (received.origin.empty())
    return true;
  constexpr std::string_view end_of_scheme = "://";
  auto scheme = received.origin.find(end_of_scheme);
  return scheme != std::string::npos && !received.host.empty()
         && same_ignoring_case(std::string_view{received.origin}.substr(scheme + end_of_scheme.size()), received.host);
}

} // namespace cenote::http

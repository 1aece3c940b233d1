#include "net/endpoint.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

namespace cenote::net {

namespace {

constexpr size_t max_host = 253; // RFC 1035, as text.
constexpr size_t max_label = 63;
constexpr size_t max_shown = 80;

tl::unexpected<std::string> wrong(std::string text) {
  return tl::unexpected{std::move(text)};
}

/// The text in quotes, safe for a terminal, and not too long for a line.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (auto c : text.substr(0, max_shown))
    out += c < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > max_shown ? "...\"" : "\"");
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view trimmed(std::string_view text) {
  constexpr auto spaces = " \t\r\n";
  auto start = text.find_first_not_of(spaces);
  return start == std::string_view::npos ? "" : text.substr(start, text.find_last_not_of(spaces) - start + 1);
}

/// The usual form of an IPv6 address, with which duplicates are found; empty if it is none.
std::string ipv6_of(std::string_view text) {
  auto percent = text.find('%');
  std::string address{text.substr(0, percent)};
  std::string zone{percent == std::string_view::npos ? "" : text.substr(percent)};
  in6_addr parsed{};
  if (address.find('\0') != std::string::npos || inet_pton(AF_INET6, address.c_str(), &parsed) != 1)
    return "";
  if (percent != std::string_view::npos
      && (zone.size() < 2 || zone.size() > IF_NAMESIZE || !std::ranges::all_of(zone.substr(1), [](char c) {
            return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
          })))
    return "";
  char buffer[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &parsed, buffer, sizeof(buffer));
  return buffer + zone;
}

/// What is wrong with a host that is not in brackets; empty if nothing is.
std::string problem_of_host(std::string_view host) {
  if (host.size() > max_host)
    return "is longer than 253 characters";
  for (size_t start = 0; start <= host.size();) {
    auto end = std::min(host.find('.', start), host.size());
    auto label = host.substr(start, end - start);
    if (label.empty() && (end != host.size() || start == 0))
      return "has two dots in a row, or begins with one";
    if (label.size() > max_label)
      return "has a part of more than 63 characters";
    if (label.starts_with('-') || label.ends_with('-'))
      return "has a part that begins or ends with a hyphen";
    start = end + 1;
  }
  for (auto c : host) {
    if (static_cast<unsigned char>(c) >= 0x80)
      return "has letters other than a-z: write it as the DNS has it, xn--...";
    if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '_')
      return "has a character that no host name has: write host:port, such as node1:4243";
  }
  // A name whose last part is a number would be taken for an address by some programs, and not by others.
  auto end = host.ends_with('.') ? host.size() - 1 : host.size();
  auto last = host.substr(0, end);
  last = last.substr(last.rfind('.') + 1);
  in_addr parsed{};
  if (std::ranges::all_of(last, is_digit) && inet_pton(AF_INET, std::string{host}.c_str(), &parsed) != 1)
    return "is no IPv4 address: write four numbers up to 255, such as 192.0.2.7";
  return "";
}

tl::expected<uint16_t, std::string> parse_port(std::string_view text, std::string_view entry) {
  uint16_t port = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || rest != text.data() + text.size() || port == 0)
    return wrong(quoted(entry) + ": the port has to be a number from 1 to 65535, such as 4243");
  return port;
}

tl::expected<endpoint, std::string> parse_in_brackets(std::string_view entry) {
  auto end = entry.find(']');
  if (end == std::string_view::npos)
    return wrong(quoted(entry) + ": the bracket ] is missing: write [::1]:4243");
  endpoint out;
  out.host = ipv6_of(entry.substr(1, end - 1));
  if (out.host.empty())
    return wrong(quoted(entry) + ": no IPv6 address is in the brackets: write [::1]:4243");
  auto rest = entry.substr(end + 1);
  if (!rest.starts_with(':'))
    return wrong(quoted(entry) + " has no port: write [" + out.host + "]:4243");
  auto port = parse_port(rest.substr(1), entry);
  if (!port)
    return tl::unexpected{std::move(port.error())};
  out.port = *port;
  return out;
}

tl::expected<endpoint, std::string> parse_endpoint(std::string_view entry) {
  // Not quoted: it may be a database URI with its password.
  if (entry.find("://") != std::string_view::npos || entry.find('@') != std::string_view::npos)
    return wrong("write host:port, without a scheme and without a user");
  if (entry.starts_with('['))
    return parse_in_brackets(entry);
  if (!ipv6_of(entry).empty())
    return wrong(quoted(entry) + ": an IPv6 address needs brackets, and a port: write [" + std::string{entry}
                 + "]:4243");
  auto colon = entry.rfind(':');
  auto host = entry.substr(0, colon);
  if (!ipv6_of(host).empty())
    return wrong(quoted(entry) + ": an IPv6 address needs brackets: write [" + std::string{host}
                 + "]:" + std::string{entry.substr(colon + 1)});
  if (auto problem = problem_of_host(host); !host.empty() && !problem.empty())
    return wrong(quoted(entry) + ": the host " + problem);
  if (host.empty())
    return wrong(quoted(entry) + ": the host is missing: write host:port, such as node1:4243");
  if (colon == std::string_view::npos)
    return wrong(quoted(entry) + " has no port: write " + std::string{host} + ":4243");
  auto port = parse_port(entry.substr(colon + 1), entry);
  if (!port)
    return tl::unexpected{std::move(port.error())};
  endpoint out{std::string{host}, *port};
  std::ranges::transform(out.host, out.host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

} // namespace

std::string endpoint::to_string() const {
  auto ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

tl::expected<std::vector<endpoint>, std::string> parse_endpoints(std::string_view text) {
  if (trimmed(text).empty())
    return wrong("the list is empty: write host:port, with commas between, such as node1:4243, node2:4243");
  std::vector<endpoint> out;
  for (size_t start = 0; start <= text.size();) {
    auto end = std::min(text.find(',', start), text.size());
    auto entry = trimmed(text.substr(start, end - start));
    start = end + 1;
    if (entry.empty())
      return wrong("nothing is before or after a comma: write host:port, with single commas between");
    auto parsed = parse_endpoint(entry);
    if (!parsed)
      return tl::unexpected{std::move(parsed.error())};
    if (std::ranges::find(out, *parsed) == out.end())
      out.push_back(std::move(*parsed));
  }
  return out;
}

} // namespace cenote::net

#include "config/server_rules.hpp"

#include <algorithm>
#include <cctype>

namespace cenote::config {

namespace {

using namespace std::chrono_literals;

constexpr auto max_host_length = size_t{255};
constexpr auto max_socket_length = size_t{107}; // sizeof(sockaddr_un::sun_path) minus the NUL.
constexpr auto max_wait = std::chrono::nanoseconds{24h};
constexpr auto max_packet = uint64_t{1} << 30;

bool is_word_char(unsigned char c) {
  return std::isalnum(c) != 0 || c == '_';
}

bool is_host_char(unsigned char c) {
  return c < 0x80 && (is_word_char(c) || c == '.' || c == '-');
}

bool is_address_char(unsigned char c) {
  return std::isxdigit(c) != 0 || c == ':' || c == '.';
}

} // namespace

std::string host_problem(std::string_view host) {
  // An IPv6 address; it may name its interface after a '%'.
  auto address = host.substr(0, host.find('%'));
  if (address.find(':') != std::string_view::npos) {
    auto zone = host.substr(std::min(address.size() + 1, host.size()));
    if (!std::all_of(address.begin(), address.end(), is_address_char)
        || !std::all_of(zone.begin(), zone.end(), is_host_char))
      return "host is not an IPv6 address";
  } else if (!std::all_of(host.begin(), host.end(), is_host_char)) {
    return "host has a character that is not allowed in one (in the user name and the password write '@' as %40, '/' "
           "as %2F, "
           "'?' as %3F)";
  }
  return host.size() > max_host_length ? "host is longer than 255 bytes" : "";
}

std::string find_problem(const server_settings& server) {
  if (server.host.empty() && server.unix_socket.empty())
    return "host is missing";
  if (auto problem = host_problem(server.host); !problem.empty())
    return problem;
  if (server.port == 0)
    return "port must be a number from 1 to 65535";
  if (!server.other_hosts.empty() && !server.unix_socket.empty())
    return "unix_socket leads to one server: name several hosts, or the socket";
  for (auto& other : server.other_hosts) {
    if (other.host.empty())
      return "list of hosts has an empty entry: write host1:3306,host2:3306";
    if (auto problem = host_problem(other.host); !problem.empty())
      return problem;
    if (other.port == 0)
      return "port must be a number from 1 to 65535";
  }
  if (server.unix_socket.size() > max_socket_length)
    return "unix_socket is longer than 107 bytes, the most that a socket's path can have";
  if (server.charset != "utf8mb4" && server.charset != "utf8" && server.charset != "utf8mb3")
    return "charset must be utf8mb4, or utf8, which means the same: all text is UTF-8 at the caller's side";
  if (!server.tls_key_passphrase_file.empty() && server.tls_key.empty() && server.tls_cert.empty())
    return "ssl_key_passphrase_file is given without the ssl_key that it belongs to";
  if (server.read_timeout < 0s || server.read_timeout > max_wait)
    return "read_timeout must be from 0 to 24h";
  if (server.write_timeout < 0s || server.write_timeout > max_wait)
    return "write_timeout must be from 0 to 24h";
  if (server.max_allowed_packet > max_packet)
    return "max_allowed_packet must be a number of bytes from 0 to 1073741824";
  struct {
    const char* name;
    const std::string& text;
  } texts[] = {{"user", server.user},
               {"password", server.password.reveal()},
               {"database", server.database},
               {"unix_socket", server.unix_socket},
               {"ssl_ca", server.tls_ca},
               {"ssl_capath", server.tls_capath},
               {"ssl_cert", server.tls_cert},
               {"ssl_key", server.tls_key},
               {"ssl_key_passphrase_file", server.tls_key_passphrase_file},
               {"ssl_cipher", server.tls_cipher},
               {"init_command", server.init_command},
               {"sql_mode", server.sql_mode},
               {"program_name", server.program_name},
               {"bind_address", server.bind_address}};
  for (auto& [name, text] : texts)
    if (text.find('\0') != std::string::npos)
      return std::string{name} + " contains a NUL byte";
  return {};
}

} // namespace cenote::config

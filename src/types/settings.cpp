#include "cenote/settings.hpp"

namespace cenote {

namespace {

std::string address_text(const std::string& host, uint16_t port) {
  auto name = host.find(':') == std::string::npos ? host : '[' + host + ']';
  return name + ':' + std::to_string(port);
}

} // namespace

std::string server_settings::endpoint() const {
  auto addresses = unix_socket.empty() ? address_text(host, port) : unix_socket;
  for (auto& other : other_hosts)
    addresses += ',' + address_text(other.host, other.port);
  return database.empty() ? addresses : addresses + '/' + database;
}

server_settings server_settings::server(size_t n) const {
  auto result = *this;
  result.other_hosts.clear();
  if (n > 0) {
    result.host = other_hosts.at(n - 1).host;
    result.port = other_hosts[n - 1].port;
  }
  return result;
}

} // namespace cenote

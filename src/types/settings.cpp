#include "cenote/settings.hpp"

namespace cenote {

namespace {

std::string place_of(const std::string& host, uint16_t port) {
  auto name = host.find(':') == std::string::npos ? host : '[' + host + ']';
  return name + ':' + std::to_string(port);
}

} // namespace

std::string server_settings::endpoint() const {
  auto places = unix_socket.empty() ? place_of(host, port) : unix_socket;
  for (auto& other : other_hosts)
    places += ',' + place_of(other.host, other.port);
  return database.empty() ? places : places + '/' + database;
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

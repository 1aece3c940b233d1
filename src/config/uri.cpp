#include "config/uri.hpp"

#include "cenote/configuration.hpp"

#include "config/query.hpp"
#include "config/server_rules.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace cenote::config {

namespace {

constexpr auto npos = std::string_view::npos;

bool is_digit(unsigned char c) {
  return std::isdigit(c) != 0;
}

/// Removes `mysql+pymysql://`.
void skip_scheme(std::string_view& rest) {
  auto end = rest.find("://");
  std::string scheme{rest.substr(0, end)};
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) { return std::tolower(c); });
  auto plus = scheme.find('+');
  auto driver = plus == std::string::npos ? "x" : scheme.substr(plus + 1);
  auto is_driver_char = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; };
  scheme.resize(std::min(plus, scheme.size()));
  // The text is not shown: it may be the password alone.
  if (end == npos || (scheme != "mysql" && scheme != "mariadb") || driver.empty()
      || !std::all_of(driver.begin(), driver.end(), is_driver_char))
    throw uri_error{"URI must begin with mysql:// or mariadb:// (no blank or quote before it)"};
  rest.remove_prefix(end + 3);
}

/// Whether `rest` begins with a complete `host:port`: the colon is followed by a number or nothing.
bool begins_with_host_and_port(std::string_view rest) {
  auto address = rest.substr(0, rest.find_first_of("/?"));
  auto colon = address.rfind(':');
  return colon == npos || std::all_of(address.begin() + static_cast<ptrdiff_t>(colon) + 1, address.end(), is_digit);
}

/// Removes `user:password@`. An '@' in the password needs no encoding; nor does a '/' or '?' that clearly does not end
/// the host, as in SQLAlchemy.
std::string_view take_login(std::string_view& rest) {
  auto end = rest.find_first_of("/?");
  auto at = rest.substr(0, end).rfind('@');
  if (at == npos && end != npos && !begins_with_host_and_port(rest))
    at = rest.find('@', end);
  if (at == npos)
    return {};
  auto login = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return login;
}

void read_login(server_settings& target, std::string_view login) {
  auto colon = login.find(':');
  target.user = decode(login.substr(0, colon), false);
  target.password = secret{colon == npos ? std::string{} : decode(login.substr(colon + 1), false)};
}

uint16_t read_port(std::string_view text) {
  uint16_t out = 0;
  auto end = text.data() + text.size();
  auto [rest, err] = std::from_chars(text.data(), end, out);
  if (err != std::errc{} || rest != end || out == 0)
    throw uri_error{"port must be a number from 1 to 65535 (in the password write '@' as %40, '/' as %2F, '?' as %3F, "
                    "and an IPv6 address in brackets)"};
  return out;
}

server_address read_address(std::string_view address, uint16_t default_port) {
  server_address out{{}, default_port};
  if (address.starts_with('[')) {
    auto end = address.find(']');
    if (end == npos)
      throw uri_error{"host has a '[' but no ']'"};
    out.host = decode(address.substr(1, end - 1), false); // %25 separates the name of an interface.
    address.remove_prefix(end + 1);
    if (out.host.find(':') == std::string::npos)
      throw uri_error{"host in brackets is not an IPv6 address"};
    if (!address.empty() && !address.starts_with(':'))
      throw uri_error{"host in brackets must be followed by ':' and the port, or nothing"};
  } else {
    out.host = address.substr(0, address.find(':'));
    address.remove_prefix(out.host.size());
    if (out.host.find('%') != std::string::npos)
      throw uri_error{"host must not be percent-encoded; for a unix socket write ?unix_socket=/path"};
  }
  if (auto problem = host_problem(out.host); !problem.empty())
    throw uri_error{problem};
  if (address.size() > 1)
    out.port = read_port(address.substr(1));
  return out;
}

/// Reads one host, or several with commas between them.
void read_addresses(server_settings& target, std::string_view addresses) {
  auto comma = std::min(addresses.find(','), addresses.size());
  auto first = read_address(addresses.substr(0, comma), target.port);
  if (!first.host.empty())
    target.host = first.host;
  else if (comma < addresses.size())
    throw uri_error{"list of hosts has an empty entry: write host1:3306,host2:3306"};
  target.port = first.port;
  target.other_hosts.clear();
  while (comma < addresses.size()) {
    addresses.remove_prefix(comma + 1);
    comma = std::min(addresses.find(','), addresses.size());
    target.other_hosts.push_back(read_address(addresses.substr(0, comma), 3306));
  }
}

void read_database(server_settings& target, std::string_view path) {
  if (path.find('@') != npos)
    throw uri_error{"database has an '@': write it as %40; in the password write '@' as %40, '/' as %2F, '?' as %3F"};
  if (path.find('/') != npos)
    throw uri_error{"database has a '/': write it as %2F, or leave out what follows"};
  target.database = decode(path, false);
}

server_settings read_uri(server_settings target, std::string_view uri) {
  if (std::any_of(uri.begin(), uri.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    throw uri_error{"URI has a control character, such as a line end, in it"};
  auto rest = uri;
  skip_scheme(rest);
  auto has_colon = rest.find(':') != npos;
  auto login = take_login(rest);
  read_login(target, login);
  auto addresses = rest.substr(0, rest.find_first_of("/?"));
  read_addresses(target, addresses);
  rest.remove_prefix(addresses.size());
  auto question = rest.find('?');
  if (rest.starts_with('/'))
    read_database(target, rest.substr(1, std::min(question, rest.size()) - 1));
  if (question != npos) {
    // There is no password behind the last '@', and none without a colon.
    auto query = rest.substr(question + 1);
    auto show_names = !has_colon || (login.data() != nullptr && query.find('@') == npos);
    apply_query(target, query, show_names);
  }
  if (auto problem = find_problem(target); !problem.empty())
    throw uri_error{problem};
  return target;
}

} // namespace

void apply_uri(server_settings& target, std::string_view uri, const std::string& origin) {
  try {
    target = read_uri(target, uri);
  } catch (uri_error& err) {
    throw configuration_error{origin + ": the " + err.what()};
  }
}

} // namespace cenote::config

namespace cenote {

server_settings parse_uri(std::string_view uri) {
  server_settings out;
  config::apply_uri(out, uri, "database URI");
  return out;
}

} // namespace cenote

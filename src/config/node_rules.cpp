#include "config/node_rules.hpp"

#include "config/duration.hpp"
#include "config/listen_address.hpp"
#include "net/endpoint.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace cenote::config {

namespace {

/// Longest name of a table or a schema.
constexpr auto max_name = size_t{64};

/// A file given as a URI would look as if it were somewhere else. The value is not shown: a URI may hold a password.
std::string find_file_problem(const std::string& key, const std::string& file) {
  return file.find("://") == std::string::npos ? std::string{} : key + " must name a file, not a URI";
}

/// Certificate, key and CA: of use only together.
struct tls_files {
  const std::string& section;
  const std::string& certificate;
  const std::string& key;
  const std::string& ca;

  bool complete() const { return !certificate.empty() && !key.empty() && !ca.empty(); }

  std::string all() const { return section + ".certificate, " + section + ".key and " + section + ".ca"; }

  /// The problem if one cannot be a file, or only some of them are there.
  std::string find_problem() const {
    std::vector<std::string> missing;
    for (auto [name, file] : {std::pair{".certificate", &certificate}, {".key", &key}, {".ca", &ca}}) {
      if (auto problem = find_file_problem(section + name, *file); !problem.empty())
        return problem;
      if (file->empty())
        missing.push_back(section + name);
    }
    if (missing.empty() || missing.size() == 3)
      return {};
    return "TLS needs " + all() + ": " + missing.front()
           + (missing.size() > 1 ? " and " + missing.back() + " are missing" : " is missing");
  }
};

/// A sign of life may be late, and one may be lost with a connection's first retransmission.
std::string find_heartbeat_problem(const std::string& section, std::chrono::nanoseconds heartbeat,
                                   std::chrono::nanoseconds give_up) {
  if (give_up >= 2 * heartbeat)
    return {};
  return section + ".give-up is " + format_duration(give_up) + ", but must be at least two times " + section
         + ".heartbeat, which is " + format_duration(heartbeat);
}

/// Whether only this machine can be meant.
bool is_here(const net::endpoint& node) {
  auto address = net::numeric_address(node);
  return address ? net::is_loopback(*address) : node.host == "localhost";
}

/// Whether it can be written in SQL without quotes.
bool is_identifier(std::string_view name) {
  auto permitted = [](unsigned char c) { return c < 0x80 && (std::isalnum(c) != 0 || c == '_' || c == '$'); };
  auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  return !name.empty() && name.size() <= max_name && std::ranges::all_of(name, permitted)
         && !std::ranges::all_of(name, is_digit);
}

} // namespace

std::string find_problem(const node_settings& node) {
  const std::string section = "node";
  tls_files files{section, node.certificate, node.key, node.ca};
  auto where = node.enabled() ? parse_listen_address(node.listen) : std::nullopt;
  if (node.enabled() && !where)
    return "node.listen must be an address and a port such as 127.0.0.1:4243, [::1]:4243 or 0.0.0.0:4243, or off";
  if (auto problem = files.find_problem(); !problem.empty())
    return problem;
  for (auto [key, file] :
       {std::pair{"node.token-file", &node.token_file}, {"node.admin-token-file", &node.admin_token_file}})
    if (auto problem = find_file_problem(key, *file); !problem.empty())
      return problem;
  if (where && !where->local && !files.complete())
    return "node.listen is \"" + node.listen + "\", which other machines reach: set " + files.all()
           + ", or listen on 127.0.0.1";
  return find_heartbeat_problem(section, node.heartbeat, node.give_up);
}

std::string find_problem(const remote_settings& remote) {
  const std::string section = "remote";
  tls_files files{section, remote.certificate, remote.key, remote.ca};
  if (auto problem = files.find_problem(); !problem.empty())
    return problem;
  if (auto problem = find_file_problem("remote.token-file", remote.token_file); !problem.empty())
    return problem;
  if (!remote.nodes.empty()) {
    auto nodes = net::parse_endpoints(remote.nodes);
    if (!nodes)
      return "remote.nodes: " + nodes.error();
    auto other = std::ranges::find_if_not(*nodes, is_here);
    if (other != nodes->end() && !files.complete())
      return "remote.nodes names " + other->host + ", which is not this machine: set " + files.all();
  }
  return find_heartbeat_problem(section, remote.heartbeat, remote.give_up);
}

std::string find_problem(const budget_settings& budget) {
  if (budget.connections == 1)
    return "budget.connections must be at least 2, one for callers and one that stops statements; 0 means no budget";
  auto name = std::string_view{budget.table};
  auto dot = name.find('.');
  auto valid = dot == std::string_view::npos
                   ? is_identifier(name)
                   : is_identifier(name.substr(0, dot)) && is_identifier(name.substr(dot + 1));
  return valid ? ""
               : "budget.table must be a table's name, or schema.table, of letters, digits, _ and $, each of at "
                 "most 64 characters and not of digits alone";
}

} // namespace cenote::config

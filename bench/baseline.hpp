#pragma once

#include "workload.hpp"

#include "cenote/settings.hpp"

#include <cstdint>
#include <string>

namespace cenote::bench {

/// What the server says about itself.
struct server_facts {
  std::string version;
  std::string unix_socket;
  uint16_t port = 0;
};

/// @throws std::runtime_error if the server cannot be reached.
server_facts ask_server(const server_settings& where);

/// Makes and fills the table `bench_point`, replacing it if there is one.
/// @throws std::runtime_error with what the server said.
void load_table(const server_settings& where, const catalogue& all);

/// Removes the table.
void drop_table(const server_settings& where);

/// Version of Connector/C.
std::string client_version();

} // namespace cenote::bench

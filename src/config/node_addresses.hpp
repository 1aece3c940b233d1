#pragma once

#include "cenote/settings.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace cenote::config {

/// Reads the addresses of pool nodes, `pool1.example:4243,10.0.0.2:4243,[::1]:4243`: names or addresses, each with its
/// port. Spaces around the commas are permitted. Nothing is looked up.
/// @returns at least one; nothing if the text is of another form.
std::optional<std::vector<server_address>> parse_node_addresses(std::string_view text);

/// Whether only this machine can be meant: `localhost`, 127.0.0.0/8 or ::1.
bool is_loopback(std::string_view host);

} // namespace cenote::config

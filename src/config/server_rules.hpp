#pragma once

#include "cenote/settings.hpp"

#include <string>
#include <string_view>

namespace cenote::config {

/// The problem with a host's name or address; empty: none. Connector/C accepts more than a host as its argument: `;`
/// and
/// `=` make it a connection string, `://` loads a plugin, `,` separates several hosts.
std::string host_problem(std::string_view host);

/// The problem with the settings of a URI, to be continued after "the"; empty: none. Never shows a value: it could be
/// the password in the wrong place.
std::string find_problem(const server_settings& server);

} // namespace cenote::config

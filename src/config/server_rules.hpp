#pragma once

#include "cenote/settings.hpp"

#include <string>
#include <string_view>

namespace cenote::config {

/// What is wrong with a host's name or address; empty: nothing. Connector/C reads more than a host out of its argument:
/// `;` and `=` make it a connection string, `://` loads a plugin, `,` separates several hosts.
std::string host_problem(std::string_view host);

/// What is wrong with what a URI can set, to be continued after "the"; empty: nothing. Never shows a value: it could be
/// the password at the wrong place.
std::string find_problem(const server_settings& x);

} // namespace cenote::config

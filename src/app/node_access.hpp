#pragma once

#include "app/commands.hpp"
#include "app/pool_host.hpp"
#include "cenote/settings.hpp"

#include <optional>
#include <string>

namespace cenote::app {

/// The settings for using a pool node once, for somebody who waits for the answer: `remote.timeout` is short, unless
/// the command line names it.
remote_settings for_one_command(const invocation& x);

/// Why no pool node can be used, if that is so: one line that says what to look at. Asks nothing of the database.
/// @param host with the pool of the nodes.
std::optional<std::string> find_node_problem(pool_host& host);

} // namespace cenote::app

#pragma once

#include "app/commands.hpp"
#include "app/pool_host.hpp"
#include "cenote/failure.hpp"
#include "cenote/settings.hpp"

#include <optional>
#include <string>

namespace cenote::app {

/// The settings for using a pool node once, for somebody who waits for the answer: `remote.timeout` is short, unless
/// the command line names it.
remote_settings for_one_command(const job& x);

/// Why no pool node can be used, if that is so: one line that says what to look at.
/// @param host with the pool of the nodes.
std::optional<std::string> find_node_problem(pool_host& host, const remote_settings& nodes);

/// Why no pool node can be used, and what to look at. Pure.
std::string with_advice(const failure& why);

/// The same as one line of a log, with the nodes.
std::string explain_no_node(const failure& why, const remote_settings& nodes);

} // namespace cenote::app

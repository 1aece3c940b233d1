#pragma once

#include "app/commands.hpp"
#include "cenote/settings.hpp"

#include <optional>
#include <string>

namespace cenote::app {

/// The URL of the `cenote serve` that a command asks: what the command line says, otherwise where a `serve` with the
/// same settings listens. If that is nowhere, or at a port that only its log tells, it logs that; then there is none.
/// @param command its name, for an example in the log.
std::optional<std::string> url_to_ask(const invocation& given, const std::string& command);

} // namespace cenote::app

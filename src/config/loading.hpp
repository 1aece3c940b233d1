#pragma once

#include "cenote/configuration.hpp"

#include "config/config_file.hpp"

#include <map>
#include <optional>
#include <string>

namespace cenote::config {

/// `load_settings` with a config file that has been read already: one that is a pipe can be read once only.
/// @param from its `file` is not looked at.
settings load_settings(const std::optional<config_file>& file, const configuration_sources& from, bool need_server);

/// What file and command line say about the log, as far as they can be used; the defaults otherwise. For telling of
/// mistakes in the rest of them.
log_settings log_settings_in(const outline& keys, const std::map<std::string, std::string>& command_line);

} // namespace cenote::config

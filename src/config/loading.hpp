#pragma once

#include "cenote/configuration.hpp"

#include "config/config_file.hpp"

#include <map>
#include <optional>
#include <string>

namespace cenote::config {

/// `load_settings` with a config file that has been read already: one that is a pipe can be read once only.
/// @param sources its `file` is not looked at.
settings load_settings(const std::optional<config_file>& file, const configuration_sources& sources, bool need_server);

/// The log settings in file and command line, as far as they are valid; the defaults otherwise. For reporting mistakes
/// in the rest of them.
log_settings log_settings_in(const outline& keys, const std::map<std::string, std::string>& command_line);

} // namespace cenote::config

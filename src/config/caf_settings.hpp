#pragma once

#include <string>

#include <caf/settings.hpp>

namespace cenote::config {

struct config_file;

/// Checks the part `caf { ... }` of a config file against the options that CAF's core and its modules io and openssl
/// have registered. CAF itself silently ignores unknown keys and wrong types.
/// @throws configuration_error for the first mistake.
void check_caf_settings(const config_file& file);

/// The part `caf { ... }` of a config file, checked, for the configuration of the program's actor system; keys begin
/// with `caf`. Only what config/caf-application.conf documents may be set: a file that happens to lie in the current
/// folder must not make the program open a port or write files.
/// @throws configuration_error if that part cannot be used, or sets something else.
caf::settings caf_settings(const config_file& file);

/// The same for a file that has not been read yet.
/// @param file as `configuration_sources::file`.
/// @throws configuration_error also if the file cannot be read or is not well-formed.
caf::settings caf_settings(const std::string& file);

} // namespace cenote::config

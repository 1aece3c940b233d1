#pragma once

#include <string>

#include <caf/settings.hpp>

namespace cenote::config {

struct config_file;

/// Checks the part `caf { ... }` of a config file against the options that CAF's core and its modules io and openssl
/// have registered. CAF itself passes over unknown keys and wrong types in silence.
/// @throws configuration_error for the first mistake.
void check_caf_settings(const config_file& file);

/// The part `caf { ... }` of a config file, checked, for the configuration of an actor system; keys begin with `caf`.
/// @param file as `configuration_sources::file`.
/// @throws configuration_error if the file cannot be read, is not well-formed, or that part cannot be used.
caf::settings caf_settings(const std::string& file);

} // namespace cenote::config

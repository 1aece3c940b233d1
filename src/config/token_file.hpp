#pragma once

#include <string>

namespace cenote::config {

/// Reads the token in a file that a setting names.
/// @param key of the setting, for errors.
/// @param file empty: there is no token, and an empty text is returned.
/// @throws configuration_error if the file cannot be read, or holds no token.
std::string read_token(const std::string& key, const std::string& file);

} // namespace cenote::config

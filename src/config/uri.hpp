#pragma once

#include "cenote/settings.hpp"

#include <string>
#include <string_view>

namespace cenote::config {

/// Overwrites `target` with the settings of the URI; others are kept.
/// @param origin the beginning of error texts: `DATABASE_URI`.
/// @throws configuration_error if it is not of the right form. Then `target` is unchanged.
void apply_uri(server_settings& target, std::string_view uri, const std::string& origin);

} // namespace cenote::config

#pragma once

#include <string_view>

namespace cenote::net {

/// Whether two secrets are the same. How long it takes tells nothing but their lengths.
bool same_secret(std::string_view expected, std::string_view shown);

} // namespace cenote::net

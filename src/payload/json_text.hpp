#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace cenote::payload {

/// Parses a text from anywhere. Of members with the same name the last one counts.
/// @returns why it is no JSON, or is refused; empty if it was parsed.
std::string parse(std::string_view text, nlohmann::json& out);

} // namespace cenote::payload

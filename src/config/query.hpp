#pragma once

#include "cenote/settings.hpp"

#include <stdexcept>
#include <string_view>

namespace cenote::config {

/// A mistake in a URI. The text continues "the ...", and shows nothing that could be part of the password.
struct uri_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Decodes `%40`. A `%` that is not followed by two digits is kept, as in Python.
/// @param plus_is_space whether `+` means a space.
std::string decode(std::string_view text, bool plus_is_space);

/// Applies a URI's query: `charset=utf8mb4&connect_timeout=5`.
/// @param show_names whether an unknown key may be named. Not if the password could reach into the query.
/// @throws uri_error for the first mistake.
void apply_query(server_settings& target, std::string_view query, bool show_names);

} // namespace cenote::config

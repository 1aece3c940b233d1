#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Where in a payload something is: `chapters[3].title`.

namespace cenote::payload {

/// Appends the name of a field or the key of a map. Keys that are no simple names stand in brackets.
void add_name(std::string& path, std::string_view name);

/// Appends the position in a list.
void add_index(std::string& path, size_t index);

} // namespace cenote::payload

#pragma once

#include <string>

namespace cenote {

/// A name for a node that no other has ever had: the given one, or host and process, with a random suffix.
std::string make_node_name(const std::string& given);

} // namespace cenote

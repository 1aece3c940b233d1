#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cenote::config {

/// The number of letters that have to be changed, added, left out or swapped with their neighbour to get from one word
/// to the other. Case is ignored, and so is the difference between `-`, `_` and `.`.
size_t edit_distance(std::string_view first, std::string_view second);

/// The word that was probably meant: the nearest of those that are known, or empty if none is near. A word that a
/// known one begins or ends with is near, too: `warn` for `warning`, `size` for `pool.size`.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// `; did you mean --pool-size?`, or nothing. For the end of an error's text.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

} // namespace cenote::config

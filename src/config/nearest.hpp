#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cenote::config {

/// How many letters have to be changed, added, left out or swapped with their neighbour to get from one word to the
/// other. Case does not count, nor which of `-`, `_`, `.` separates.
size_t edit_distance(std::string_view a, std::string_view b);

/// The word that was probably meant: the nearest of those that are known, or empty if none is near. A word that a
/// known one begins or ends with is near, too: `warn` for `warning`, `size` for `pool.size`.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// `; did you mean --pool-size?`, or nothing. For the end of an error's text.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

} // namespace cenote::config

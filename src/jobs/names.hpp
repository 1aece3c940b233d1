#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cenote::jobs {

/// What is wrong with the name of a kind, a queue or a periodic job: it has to be printable ASCII, without spaces at
/// its ends, for the database compares names without those at the end.
/// @param field what it is the name of, for the text.
std::optional<std::string> find_name_problem(std::string_view field, std::string_view name, size_t max_length);

} // namespace cenote::jobs

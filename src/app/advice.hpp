#pragma once

#include "cenote/failure.hpp"

#include <string>

namespace cenote::app {

/// One line that says why no connection could be made and what to do about it. For other failures `to_string`.
std::string explain_no_connection(const failure& why);

/// A failed statement as database people know it: `1146 (42S02): Table 'bato.x' doesn't exist`, with what is known
/// about its outcome where that is not obvious.
std::string explain_failed_statement(const failure& why);

} // namespace cenote::app

#pragma once

#include "app/signals.hpp"

#include <string_view>

namespace cenote::app {

/// Writes a command's result to standard output once no `clean_up_scope` is open. From then on a signal ends the
/// process at once. One that came before, too late to stop the work, does not take the result away; but it does not
/// wait for a reader that has stopped either.
/// @returns false if such a reader has not got all of it.
/// @throws output_error
bool print_result(std::string_view text, const signal_watch& signals);

} // namespace cenote::app

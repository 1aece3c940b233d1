#pragma once

#include "app/styled_text.hpp"
#include "app/top_view.hpp"

#include <string>
#include <vector>

namespace cenote::app {

/// What `cenote top` shows: at most so many lines, none of them wider than the terminal, all of them safe for it. Pure.
/// @note What matters most stands first, and lists are cut so that each keeps some of its lines.
std::vector<styled_line> draw_screen(const top_view& view, screen_size size);

/// The same as one line for a log or a pipe: the local time, the state, then `name=value` each.
std::string draw_line(const top_view& view);

} // namespace cenote::app

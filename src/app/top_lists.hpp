#pragma once

#include "app/styled_text.hpp"
#include "app/top_view.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cenote::app {

/// From this width on everything is shown.
inline constexpr size_t full_width = 100;

/// The lower part of what `cenote top` shows: lists, each cut so that all keep some of their lines, the first ones
/// first. Pure.
void add_lists(std::vector<styled_line>& out, const top_view& view, screen_size size);

/// Adds what fits of a text from elsewhere.
void add_within(styled_line& to, const std::string& text, size_t width, style look = style::plain);

/// The local time.
/// @param at Unix time in seconds.
/// @param format of `strftime`.
std::string local_time(double at, const char* format);

} // namespace cenote::app

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cenote {

/// A text made safe for a terminal, and its width in columns.
struct shown {
  std::string text;
  size_t width = 0;
};

/// Escapes characters that could move the cursor, change colours, break the line or reorder the text: `\n`, `\x1b`,
/// `\u{202e}`. Bytes that are not UTF-8 become `\xff`.
shown show(std::string_view text);

/// The beginning of `show(text)` that fits into so many columns; two dots stand for the rest if there is one.
shown show_within(std::string_view text, size_t width);

/// `show(text).text`.
std::string printable(std::string_view text);

/// Whether the text is valid UTF-8.
bool is_utf8(std::string_view text);

} // namespace cenote

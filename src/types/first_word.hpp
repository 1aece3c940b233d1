#pragma once

#include <string>
#include <string_view>

namespace cenote::detail {

/// In upper case; keywords are ASCII, whatever the locale.
constexpr char upper(char letter) {
  return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

/// The first word of a statement in upper case, without comments and parentheses before it; empty if there is none.
std::string first_word(std::string_view sql);

/// The same as it is written.
std::string_view first_word_as_written(std::string_view sql);

} // namespace cenote::detail

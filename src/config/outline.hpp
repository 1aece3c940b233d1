#pragma once

#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cenote::config {

/// A key in a config file, with its value.
struct outline_entry {
  enum class value_form { section, bare, quoted, other };

  size_t line = 0;
  value_form form = value_form::section;
  std::string raw;  ///< The value as written; empty for sections and other forms.
  std::string text; ///< Without quotes and escapes.
};

/// Keys by their full path: `cenote.pool.size`.
using outline = std::map<std::string, outline_entry>;

/// A mistake in the text of a config file.
struct text_error : std::runtime_error {
  text_error(size_t position, const std::string& text) : std::runtime_error{text}, line{position} {
    // nop
  }

  size_t line;
  outline before; ///< The keys before it.
};

/// Finds the keys of a text in CAF's config format, and the mistakes that CAF's own parser silently accepts: dotted
/// keys, which swallow the text behind them; braces that are not closed; keys given twice; and Windows line ends, for
/// which its error is no help. All other syntax is left to CAF to check.
/// @throws text_error for the first mistake.
outline make_outline(std::string_view text);

} // namespace cenote::config

#pragma once

#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cenote::config {

/// A key in a config file, with what follows it.
struct outline_entry {
  enum class value_form { section, bare, quoted, other };

  size_t line = 0;
  value_form form = value_form::section;
  std::string raw;  ///< The value as it stands there; empty for sections and other forms.
  std::string text; ///< Without quotes and escapes.
};

/// Keys by their full path: `cenote.pool.size`.
using outline = std::map<std::string, outline_entry>;

/// A mistake in the text of a config file.
struct text_error : std::runtime_error {
  text_error(size_t where, const std::string& what) : std::runtime_error{what}, line{where} {
    // nop
  }

  size_t line;
  outline before; ///< What was found before it.
};

/// Finds the keys of a text in CAF's config format, and the mistakes that CAF's own parser passes over in silence:
/// dotted keys, which swallow what follows; braces that are not closed; keys given twice; and Windows line ends, which
/// it cannot explain. Whether the text is well-formed beyond that is left to CAF.
/// @throws text_error for the first mistake.
outline make_outline(std::string_view text);

} // namespace cenote::config

#pragma once

#include <cstddef>
#include <string_view>

namespace cenote::db {

/// How a session reads quotes. It follows from its SQL mode.
struct quoting {
  bool backslash_escapes = true; ///< Not under NO_BACKSLASH_ESCAPES.
  bool ansi_quotes = false;      ///< `"` quotes names; a backslash is an ordinary character in them.
};

/// Finds the placeholders of a statement: every `?` outside of quotes and comments.
class placeholder_finder {
public:
  static constexpr size_t npos = std::string_view::npos;

  placeholder_finder(std::string_view sql, quoting mode) noexcept : sql_{sql}, mode_{mode} {
    // nop
  }

  /// The position of the next placeholder, or `npos`.
  size_t next() noexcept;

  /// Whether the search ended at an executable comment: `/*!` or `/*M!`. What the server makes of the rest depends on
  /// its version, so there is no telling where quotes begin and end.
  bool met_executable_comment() const noexcept { return executable_comment_; }

private:
  void skip_quoted(char quote, bool backslash_escapes) noexcept;
  void skip_line() noexcept;
  void skip_comment() noexcept;
  bool at(size_t offset, char c) const noexcept { return pos_ + offset < sql_.size() && sql_[pos_ + offset] == c; }

  std::string_view sql_;
  quoting mode_;
  size_t pos_ = 0;
  bool executable_comment_ = false;
};

} // namespace cenote::db

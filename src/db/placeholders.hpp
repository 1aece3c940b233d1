#pragma once

#include <cstddef>
#include <string_view>

namespace cenote::db {

/// How a session reads quotes. It follows from its SQL mode.
struct quoting {
  bool backslash_escapes = true; ///< Not under NO_BACKSLASH_ESCAPES.
  bool ansi_quotes = false;      ///< `"` quotes names; a backslash is an ordinary character in them.
};

/// How a statement marks the places of its parameters.
enum class placeholders {
  numbered, ///< `?`
  named,    ///< `:name`
};

/// Finds the placeholders of a statement outside of quotes and comments: every `?`, or every `:name`.
///
/// A name has letters, digits, `_`, `$` and whatever is not ASCII, and begins with no digit. A `:` directly behind one
/// of these, a quote or another `:` begins none: it is a label's, or what other databases call a cast.
class placeholder_finder {
public:
  static constexpr size_t npos = std::string_view::npos;

  placeholder_finder(std::string_view sql, quoting mode, placeholders kind = placeholders::numbered) noexcept
      : sql_{sql}, mode_{mode}, kind_{kind} {
    // nop
  }

  /// The position of the next placeholder, or `npos`.
  size_t next() noexcept;

  /// The name of the placeholder found last, without its `:`; empty for a `?`.
  std::string_view name() const noexcept { return name_; }

  /// The length of the placeholder found last.
  size_t size() const noexcept { return name_.size() + 1; }

  /// Whether the search for named placeholders passed a `?` outside of quotes and comments.
  bool met_question_mark() const noexcept { return question_mark_; }

  /// Whether the search ended at an executable comment: `/*!` or `/*M!`. What the server makes of the rest depends on
  /// its version, so there is no telling where quotes begin and end.
  bool met_executable_comment() const noexcept { return executable_comment_; }

private:
  /// Reads the name behind the `:` at `pos_` and leaves `pos_` behind it.
  /// @returns whether there is one.
  bool read_name() noexcept;
  void skip_quoted(char quote, bool backslash_escapes) noexcept;
  void skip_line() noexcept;
  void skip_comment() noexcept;
  bool at(size_t offset, char c) const noexcept { return pos_ + offset < sql_.size() && sql_[pos_ + offset] == c; }

  std::string_view sql_;
  quoting mode_;
  placeholders kind_;
  std::string_view name_;
  size_t pos_ = 0;
  bool question_mark_ = false;
  bool executable_comment_ = false;
};

} // namespace cenote::db

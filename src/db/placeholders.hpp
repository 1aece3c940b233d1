#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace cenote::db {

/// How a session reads quotes. It follows from its SQL mode, which only the server knows for certain: the mode that it
/// reports may be that of a stored program that has ended.
struct quoting {
  bool backslash_escapes = true; ///< Not under NO_BACKSLASH_ESCAPES.
  bool ansi_quotes = false;      ///< `"` quotes names; a backslash is an ordinary character in them.
};

/// How a statement marks the places of its parameters.
enum class placeholders {
  numbered, ///< `?`
  named,    ///< `:name`
};

/// Why the text alone does not show where quotes and comments end.
enum class uncertainty {
  none,
  backslash,          ///< In quotes, in a place where it matters whether it is an escape character.
  executable_comment, ///< `/*!` or `/*M!`: whether the rest is executed depends on the server's version.
  dashes,             ///< `--` before a byte that is a space in some character sets, where it begins a comment.
  hint,               ///< Quotes in `/*+ ... */`, which some servers read and others skip.
  dollar_quotes,      ///< `$$` or `$tag$`, which quote text for some servers.
};

/// Finds the placeholders of a statement outside of quotes and comments: every `?`, or every `:name`.
///
/// A name has letters, digits, `_`, `$` and non-ASCII characters, and does not begin with a digit. A `:` directly
/// behind one of these, a quote or another `:` begins none: it belongs to a label, or is a cast in other databases.
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

  /// Why the search ended early: from there on it is uncertain where quotes and comments begin and end.
  uncertainty met() const noexcept { return uncertainty_; }

private:
  /// Reads the name behind the `:` at `pos_` and leaves `pos_` behind it.
  /// @returns whether there is one.
  bool read_name() noexcept;
  void skip_quoted(char quote, bool backslash_escapes) noexcept;
  void skip_line() noexcept;
  void skip_dashes() noexcept;
  void skip_comment() noexcept;
  void skip_dollar() noexcept;
  void give_up(uncertainty reason) noexcept;
  bool at(size_t offset, char c) const noexcept { return pos_ + offset < sql_.size() && sql_[pos_ + offset] == c; }

  std::string_view sql_;
  quoting mode_;
  placeholders kind_;
  std::string_view name_;
  size_t pos_ = 0;
  bool question_mark_ = false;
  uncertainty uncertainty_ = uncertainty::none;
};

/// All placeholders of a statement.
struct placeholder_list {
  struct place {
    size_t pos;
    size_t size;
    bool operator==(const place&) const = default;
  };

  std::vector<place> places;
  bool question_mark = false; ///< See `placeholder_finder::met_question_mark`.
  uncertainty doubt = uncertainty::none;

  bool operator==(const placeholder_list&) const = default;
};

/// Finds the placeholders of a statement for every SQL mode at once: if nothing is uncertain, they are the same in all.
placeholder_list find_placeholders(std::string_view sql, placeholders kind);

} // namespace cenote::db

#pragma once

#include "types/first_word.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::pool {

using detail::upper;

/// The same for a whole text.
std::string upper(std::string_view text);

/// A word, a name or a sign of a statement.
struct token {
  enum class token_kind : uint8_t { word, name, sign, literal };
  token_kind kind = token_kind::sign;
  std::string text; ///< Of a name or a literal without its quotes.
};

/// Splits a statement into tokens, without comments.
class tokens {
public:
  /// How to treat quotes. Whether double ones enclose a name or a text depends on the SQL mode.
  enum class quotes : uint8_t {
    drop_texts,   ///< Texts are left out, double quotes enclose a name.
    keep_literals ///< Texts are literals, those in double quotes as well.
  };

  explicit tokens(std::string_view sql, quotes mode = quotes::drop_texts) : rest_{sql}, quotes_{mode} {
    // nop
  }

  std::optional<token> next();

  /// The text that has not been split yet.
  std::string_view rest() const noexcept { return rest_; }

private:
  bool begins_dash_comment() const;
  void drop(size_t n);
  void drop_after(size_t pos, size_t length);
  std::string word();
  std::string quoted();

  std::string_view rest_;
  quotes quotes_;
};

/// The first words of a statement in upper case, as far as it begins with words.
std::vector<std::string> first_words(std::string_view sql, size_t count);

} // namespace cenote::pool

#pragma once

// Private to src/db: a header that includes mysql.h.

#include <string>
#include <string_view>

#include <mysql.h>

namespace cenote::db {

/// Whether text of this character set is UTF-8.
bool is_utf8(const MARIADB_CHARSET_INFO& charset) noexcept;

/// Whether a text is valid in this character set, which is UTF-8.
bool is_valid(std::string_view text, const MARIADB_CHARSET_INFO& charset) noexcept;

/// How texts are written.
enum class text_form {
  any,         ///< In quotes if that is certain to mean the same in every SQL mode, otherwise in hexadecimal digits.
  hexadecimal, ///< In hexadecimal digits only: it cannot end a quote, wherever the server finds it.
};

/// Appends a literal for a text in this character set, which means the same in every SQL mode: a quote is doubled,
/// which needs no backslash, and a text with a backslash is written in hexadecimal digits with its character set
/// before.
void append_text_literal(std::string& out, std::string_view text, const MARIADB_CHARSET_INFO& charset,
                         text_form form = text_form::any);

/// Appends the digits of a hexadecimal literal with its quotes: `'414243'`.
void append_hexadecimal(std::string& out, std::string_view data);

} // namespace cenote::db

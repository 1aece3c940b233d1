#include "db/text_literal.hpp"

#include <algorithm>
#include <array>

namespace cenote::db {

namespace {

/// The treatment that a character of a text needs.
enum treatment : uint8_t {
  none = 0,
  quote = 1,        ///< It is doubled.
  digits = 2,       ///< A backslash, which escapes or does not; and NUL, at which some readers stop.
  beyond_ascii = 4, ///< Its meaning depends on the character set.
};

constexpr auto treatment_of = [] {
  std::array<uint8_t, 256> result{};
  result['\''] = quote;
  result['\\'] = result[0] = digits;
  for (size_t c = 0x80; c < 256; ++c)
    result[c] = beyond_ascii;
  return result;
}();

unsigned byte(std::string_view text, size_t pos) noexcept {
  return pos < text.size() ? static_cast<unsigned char>(text[pos]) : 0;
}

/// The length of the valid UTF-8 character at `pos`, or zero.
size_t length_of_character(std::string_view text, size_t pos, size_t max_bytes) noexcept {
  auto continues = [&](size_t offset, unsigned min = 0x80, unsigned max = 0xbf) {
    auto unit = byte(text, pos + offset);
    return unit >= min && unit <= max;
  };
  auto first = byte(text, pos);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) // Neither overlong, nor half of a surrogate pair.
    return continues(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && continues(2) ? 3 : 0;
  if (max_bytes >= 4 && first >= 0xf0 && first <= 0xf4)
    return continues(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && continues(2) && continues(3) ? 4
                                                                                                                  : 0;
  return 0;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '\'';
  for (auto pos = text.find('\''); pos != std::string_view::npos; pos = text.find('\'')) {
    out.append(text, 0, pos + 1);
    out += '\'';
    text.remove_prefix(pos + 1);
  }
  out += text;
  out += '\'';
}

void append_digits(std::string& out, std::string_view text, const MARIADB_CHARSET_INFO& charset) {
  out += '_';
  out += charset.csname;
  out += " X";
  append_hexadecimal(out, text);
}

/// The server refuses hexadecimal digits of invalid text, but not the same text in quotes.
void append_in_pieces(std::string& out, std::string_view text, const MARIADB_CHARSET_INFO& charset) {
  auto needs_digits = [](char c) { return treatment_of[static_cast<unsigned char>(c)] == digits; };
  out += "CONCAT(";
  for (auto begin = text.begin(); begin != text.end();) {
    auto in_digits = needs_digits(*begin);
    auto end = std::find_if(begin, text.end(), [&](char c) { return needs_digits(c) != in_digits; });
    std::string_view piece{begin, end};
    if (begin != text.begin())
      out += ", ";
    if (in_digits)
      append_digits(out, piece, charset);
    else
      append_quoted(out, piece);
    begin = end;
  }
  out += ')';
}

} // namespace

bool is_utf8(const MARIADB_CHARSET_INFO& charset) noexcept {
  return std::string_view{charset.csname}.starts_with("utf8");
}

bool is_valid(std::string_view text, const MARIADB_CHARSET_INFO& charset) noexcept {
  for (size_t pos = 0; pos < text.size();) {
    auto length = length_of_character(text, pos, charset.char_maxlen);
    if (length == 0)
      return false;
    pos += length;
  }
  return true;
}

void append_text_literal(std::string& out, std::string_view text, const MARIADB_CHARSET_INFO& charset, text_form form) {
  unsigned needs = none;
  for (auto c : text)
    needs |= treatment_of[static_cast<unsigned char>(c)];
  auto utf8 = is_utf8(charset);
  if (form == text_form::hexadecimal || (needs & digits) != 0 || ((needs & beyond_ascii) != 0 && !utf8)) {
    if (form == text_form::any && utf8 && (needs & beyond_ascii) != 0 && !is_valid(text, charset))
      return append_in_pieces(out, text, charset);
    return append_digits(out, text, charset);
  }
  if ((needs & quote) != 0)
    return append_quoted(out, text);
  out += '\'';
  out += text;
  out += '\'';
}

void append_hexadecimal(std::string& out, std::string_view data) {
  static constexpr char hex[] = "0123456789ABCDEF";
  out += '\'';
  auto old_size = out.size();
  out.resize(old_size + 2 * data.size());
  auto target = out.data() + old_size;
  for (auto c : data) {
    auto unit = static_cast<unsigned char>(c);
    *target++ = hex[unit >> 4];
    *target++ = hex[unit & 0x0f];
  }
  out += '\'';
}

} // namespace cenote::db

#include "types/printable.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cwchar>
#include <locale.h>
#include <utility>

namespace cenote {

namespace {

/// Makes the C library's character functions speak UTF-8 in this thread, whatever the user's locale is.
class utf8_locale {
public:
  utf8_locale() : before_{uselocale(shared())} {
    // nop
  }

  utf8_locale(const utf8_locale&) = delete;

  ~utf8_locale() { uselocale(before_); }

private:
  static locale_t shared() {
    static auto instance = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return instance;
  }

  locale_t before_;
};

/// The last valid code point; the GNU C library decodes larger ones, too.
constexpr wchar_t last_code_point = 0x10ffff;

/// The length of the code point that `text` starts with; zero if it does not start with a valid one.
size_t decode(std::string_view text, wchar_t& out) {
  std::mbstate_t state{};
  auto length = std::mbrtowc(&out, text.data(), text.size(), &state);
  if (length == 0) // A NUL.
    return 1;
  return length <= text.size() && out <= last_code_point ? length : 0;
}

/// More bytes in a column than combining marks of any script need.
constexpr size_t max_bytes_per_column = 16;

bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f;
}

/// Whether a code point controls the terminal instead of being visible.
bool is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) // C0, DEL, C1
         || c == 0x2028 || c == 0x2029       // line and paragraph separator
         || c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e)
         || (c >= 0x2066 && c <= 0x2069); // marks that reorder text
}

std::string escape(uint32_t c) {
  switch (c) {
  case '\n':
    return "\\n";
  case '\r':
    return "\\r";
  case '\t':
    return "\\t";
  default:
    char buffer[16];
    std::snprintf(buffer, sizeof(buffer), c < 0x80 ? "\\x%02x" : "\\u{%x}", c);
    return buffer;
  }
}

/// The code point, or the byte that is not UTF-8, at `at`, made safe; moves `at` behind it.
shown take_one(std::string_view text, size_t& at) {
  wchar_t c = 0;
  auto n = decode(text.substr(at), c);
  if (n == 0) {
    char buffer[8];
    std::snprintf(buffer, sizeof(buffer), "\\x%02x", static_cast<unsigned char>(text[at++]));
    return {buffer, 4};
  }
  auto begin = std::exchange(at, at + n);
  if (is_control(static_cast<uint32_t>(c))) {
    auto out = escape(static_cast<uint32_t>(c));
    auto width = out.size();
    return {std::move(out), width};
  }
  auto width = wcwidth(c);
  return {std::string{text.substr(begin, n)},
          width < 0 ? 1 : static_cast<size_t>(width)}; // Characters newer than the C library count as one.
}

} // namespace

shown show(std::string_view text) {
  if (std::ranges::all_of(text, is_plain))
    return {std::string{text}, text.size()};
  utf8_locale utf8;
  shown out;
  for (size_t i = 0; i < text.size();) {
    auto next = take_one(text, i);
    out.text += next.text;
    out.width += next.width;
  }
  return out;
}

shown show_within(std::string_view text, size_t width) {
  constexpr std::string_view mark = "..";
  utf8_locale utf8;
  shown out;
  // What is kept if the mark has to stand behind it.
  size_t kept_size = 0;
  size_t kept_width = 0;
  for (size_t i = 0; i < text.size();) {
    auto next = take_one(text, i);
    out.width += next.width;
    // Marks without a width could be piled up without end.
    if (out.width > width || out.text.size() > max_bytes_per_column * (width + 1)) {
      out.text.resize(kept_size);
      auto dots = mark.substr(0, width);
      return {out.text.append(dots), kept_width + dots.size()};
    }
    out.text += next.text;
    if (out.width + mark.size() <= width) {
      kept_width = out.width;
      kept_size = out.text.size();
    }
  }
  return out;
}

std::string printable(std::string_view text) {
  return show(text).text;
}

bool is_utf8(std::string_view text) {
  if (std::ranges::all_of(text, is_plain))
    return true;
  utf8_locale utf8;
  while (!text.empty()) {
    wchar_t c = 0;
    auto length = decode(text, c);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

} // namespace cenote

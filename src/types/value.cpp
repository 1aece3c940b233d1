#include "cenote/value.hpp"

#include "types/temporal_text.hpp"

#include <charconv>

namespace cenote {

namespace {

/// Appends `x` in decimal with at least `width` digits.
void append_padded(std::string& out, uint32_t number, size_t width) {
  char digits[10];
  auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  auto length = static_cast<size_t>(end - digits);
  if (length < width)
    out.append(width - length, '0');
  out.append(digits, length);
}

void append_clock(std::string& out, uint8_t minute, uint8_t second, uint32_t microsecond) {
  out += ':';
  append_padded(out, minute, 2);
  out += ':';
  append_padded(out, second, 2);
  if (microsecond != 0) {
    out += '.';
    append_padded(out, microsecond, 6);
  }
}

/// Reads a fixed form from the left; every function returns false if the text is not of that form.
class text_reader {
public:
  explicit text_reader(std::string_view text) : rest_{text} {
    // nop
  }

  bool at_end() const noexcept { return rest_.empty(); }

  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c)
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Reads a number of `min` to `max` digits.
  template <class T>
  bool number(T& out, size_t min, size_t max) {
    uint32_t sum = 0;
    size_t length = 0;
    for (; length < max && length < rest_.size() && rest_[length] >= '0' && rest_[length] <= '9'; ++length)
      sum = sum * 10 + static_cast<uint32_t>(rest_[length] - '0');
    if (length < min)
      return false;
    rest_.remove_prefix(length);
    out = static_cast<T>(sum);
    return true;
  }

  /// Reads `:MM:SS`, and a fraction if there is one, up to the end of the text.
  bool clock(uint8_t& minute, uint8_t& second, uint32_t& microsecond) {
    if (!skip(':') || !number(minute, 2, 2) || !skip(':') || !number(second, 2, 2))
      return false;
    if (!skip('.'))
      return at_end();
    auto digits = rest_.size();
    if (!number(microsecond, 1, 6) || !at_end())
      return false;
    for (; digits < 6; ++digits)
      microsecond *= 10;
    return true;
  }

private:
  std::string_view rest_;
};

template <class T>
bool read_date(text_reader& in, T& out) {
  return in.number(out.year, 4, 4) && in.skip('-') && in.number(out.month, 2, 2) && in.skip('-')
         && in.number(out.day, 2, 2);
}

bool clock_in_range(uint8_t minute, uint8_t second, uint32_t microsecond) noexcept {
  return minute < 60 && second < 60 && microsecond < 1'000'000;
}

template <class T>
std::string text_of(const T& x) {
  std::string result;
  detail::append_text(result, x);
  return result;
}

} // namespace

namespace detail {

void append_text(std::string& out, const date& x) {
  append_padded(out, x.year, 4);
  out += '-';
  append_padded(out, x.month, 2);
  out += '-';
  append_padded(out, x.day, 2);
}

void append_text(std::string& out, const datetime& x) {
  append_text(out, date{x.year, x.month, x.day});
  out += ' ';
  append_padded(out, x.hour, 2);
  append_clock(out, x.minute, x.second, x.microsecond);
}

void append_text(std::string& out, const time& x) {
  if (x.negative)
    out += '-';
  append_padded(out, x.hours, 2);
  append_clock(out, x.minute, x.second, x.microsecond);
}

bool in_range(const date& x) noexcept {
  return x.year <= 9999 && x.month <= 12 && x.day <= 31;
}

bool in_range(const datetime& x) noexcept {
  return in_range(date{x.year, x.month, x.day}) && x.hour < 24 && clock_in_range(x.minute, x.second, x.microsecond);
}

bool in_range(const time& x) noexcept {
  return x.hours <= 838 && clock_in_range(x.minute, x.second, x.microsecond);
}

} // namespace detail

std::string to_string(const date& x) {
  return text_of(x);
}

std::string to_string(const datetime& x) {
  return text_of(x);
}

std::string to_string(const time& x) {
  return text_of(x);
}

std::optional<date> parse_date(std::string_view text) {
  date result;
  text_reader in{text};
  if (!read_date(in, result) || !in.at_end() || !detail::in_range(result))
    return std::nullopt;
  return result;
}

std::optional<datetime> parse_datetime(std::string_view text) {
  datetime result;
  text_reader in{text};
  if (!read_date(in, result) || !in.skip(' ') || !in.number(result.hour, 2, 2)
      || !in.clock(result.minute, result.second, result.microsecond) || !detail::in_range(result))
    return std::nullopt;
  return result;
}

std::optional<time> parse_time(std::string_view text) {
  time result;
  text_reader in{text};
  result.negative = in.skip('-');
  if (!in.number(result.hours, 2, 3) || !in.clock(result.minute, result.second, result.microsecond)
      || !detail::in_range(result))
    return std::nullopt;
  return result;
}

} // namespace cenote

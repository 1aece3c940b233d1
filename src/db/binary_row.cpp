#include "db/binary_row.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstring>

#include <mysql.h>

namespace cenote::db {

namespace {

/// Reads a packet from the left. After reading beyond its end `ok` is false.
class packet_reader {
public:
  explicit packet_reader(std::string_view packet) : rest_{packet} {
    // nop
  }

  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return rest_.empty(); }

  std::string_view bytes(uint64_t count) noexcept {
    if (count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    auto result = rest_.substr(0, static_cast<size_t>(count));
    rest_.remove_prefix(static_cast<size_t>(count));
    return result;
  }

  /// A little-endian number of that many bytes.
  uint64_t number(size_t count) noexcept {
    uint64_t result = 0;
    auto shift = 0;
    for (auto c : bytes(count)) {
      result |= static_cast<uint64_t>(static_cast<unsigned char>(c)) << shift;
      shift += 8;
    }
    return result;
  }

  /// Bytes with their number before them.
  std::string_view text() noexcept { return bytes(length()); }

private:
  uint64_t length() noexcept {
    switch (auto first = number(1)) {
    case 252:
      return number(2);
    case 253:
      return number(3);
    case 254:
      return number(8);
    case 251: // NULL, and an error: neither is a length in a row of the binary protocol.
    case 255:
      ok_ = false;
      return 0;
    default:
      return first;
    }
  }

  std::string_view rest_;
  bool ok_ = true;
};

/// The text of one cell, unless it is a part of the packet.
class cell_text {
public:
  std::string_view view() const noexcept { return {buffer_.data(), size_}; }

  void add(char c) noexcept {
    if (size_ < buffer_.size())
      buffer_[size_++] = c;
  }

  void add(std::string_view text) noexcept {
    for (auto c : text)
      add(c);
  }

  void add_zeros(size_t count) noexcept {
    for (; count > 0; --count)
      add('0');
  }

  template <std::integral T>
  void add_number(T number, size_t width = 0) noexcept {
    char digits[24];
    auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
    auto length = static_cast<size_t>(end - digits);
    add_zeros(width > length ? width - length : 0);
    add({digits, length});
  }

  /// Digits behind the point, as many as are wanted of six.
  void add_fraction(uint64_t microseconds, uint8_t decimals) noexcept {
    if (decimals == 0 || (decimals > 6 && microseconds == 0))
      return;
    char digits[6];
    for (auto i = 6; i > 0; microseconds /= 10)
      digits[--i] = static_cast<char>('0' + microseconds % 10);
    add('.');
    add({digits, std::min<size_t>(decimals, 6)});
  }

  void pad(size_t width) noexcept {
    if (size_ >= width || width > buffer_.size())
      return;
    auto missing = width - size_;
    std::memmove(buffer_.data() + missing, buffer_.data(), size_);
    std::memset(buffer_.data(), '0', missing);
    size_ = width;
  }

private:
  std::array<char, 400> buffer_; ///< The longest DOUBLE has 309 digits, and 30 behind the point.
  size_t size_ = 0;
};

/// The fewest digits that read back as the same number.
struct shortest_form {
  char digits[32];
  size_t count = 0;
  int exponent = 0; ///< Of the first digit.
  bool negative = false;

  template <std::floating_point T>
  explicit shortest_form(T number) noexcept : negative{std::signbit(number)} {
    char text[32];
    auto end = std::to_chars(std::begin(text), std::end(text), std::abs(number), std::chars_format::scientific).ptr;
    std::string_view all{text, end};
    auto e = std::min(all.find('e'), all.size());
    if (e < all.size())
      std::from_chars(text + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
    for (auto c : all.substr(0, e))
      if (c != '.')
        digits[count++] = c;
  }

  std::string_view view() const noexcept { return {digits, count}; }

  /// How many digits are behind the point; not more than zero if there is none.
  int fraction() const noexcept { return static_cast<int>(count) - 1 - exponent; }
};

void add_plain(cell_text& out, const shortest_form& number) noexcept {
  auto significant = number.view();
  if (number.exponent < 0) {
    out.add("0.");
    out.add_zeros(static_cast<size_t>(-number.exponent - 1));
    out.add(significant);
    return;
  }
  auto whole = static_cast<size_t>(number.exponent) + 1;
  out.add(significant.substr(0, whole));
  out.add_zeros(whole > significant.size() ? whole - significant.size() : 0);
  if (significant.size() > whole) {
    out.add('.');
    out.add(significant.substr(whole));
  }
}

/// As the server writes it: with an exponent if the point were far away and no digit is behind it.
void add_shortest(cell_text& out, const shortest_form& number) noexcept {
  if (number.negative)
    out.add('-');
  constexpr auto far = 15; // What `my_gcvt` of the server does.
  if (number.exponent >= -far && (number.exponent < far || number.fraction() > 0))
    return add_plain(out, number);
  auto significant = number.view();
  out.add(significant.front());
  if (significant.size() > 1) {
    out.add('.');
    out.add(significant.substr(1));
  }
  out.add('e');
  out.add_number(number.exponent);
}

template <std::floating_point T>
bool add_real(cell_text& out, T number, uint8_t decimals) noexcept {
  if (!std::isfinite(number))
    return false;
  if (decimals >= binary_format::any_decimals) {
    add_shortest(out, shortest_form{number});
    return true;
  }
  auto wide = static_cast<double>(number);
  // The server writes no more digits than it takes to read back the number, and zeros behind them.
  if (shortest_form shortest{wide}; shortest.fraction() <= decimals) {
    if (shortest.negative)
      out.add('-');
    add_plain(out, shortest);
    if (shortest.fraction() <= 0 && decimals > 0)
      out.add('.');
    out.add_zeros(static_cast<size_t>(decimals - std::max(shortest.fraction(), 0)));
    return true;
  }
  char text[400];
  auto [end, ec] = std::to_chars(std::begin(text), std::end(text), wide, std::chars_format::fixed, decimals);
  if (ec != std::errc{})
    return false;
  out.add({text, end});
  return true;
}

template <size_t Size, class Signed>
void add_integer(cell_text& out, packet_reader& in, bool is_unsigned) noexcept {
  auto bits = in.number(Size);
  if (is_unsigned)
    out.add_number(bits);
  else
    out.add_number(static_cast<int64_t>(static_cast<Signed>(bits)));
}

void add_day(cell_text& out, packet_reader& in) noexcept {
  out.add_number(in.number(2), 4);
  for (auto part = 0; part < 2; ++part) {
    out.add('-');
    out.add_number(in.number(1), 2);
  }
}

void add_clock(cell_text& out, uint64_t hours, packet_reader& in) noexcept {
  out.add_number(hours, 2);
  for (auto part = 0; part < 2; ++part) {
    out.add(':');
    out.add_number(in.number(1), 2);
  }
}

/// Leaves out what is zero at the end.
bool add_date(cell_text& out, packet_reader& all, bool has_time, uint8_t decimals) noexcept {
  packet_reader in{all.text()};
  if (in.at_end())
    out.add("0000-00-00");
  else
    add_day(out, in);
  if (has_time) {
    out.add(' ');
    if (in.at_end())
      out.add("00:00:00");
    else
      add_clock(out, in.number(1), in);
    out.add_fraction(in.at_end() ? 0 : in.number(4), decimals);
  }
  return all.ok() && in.ok();
}

bool add_time(cell_text& out, packet_reader& all, uint8_t decimals) noexcept {
  packet_reader in{all.text()};
  if (in.at_end()) {
    out.add("00:00:00");
    out.add_fraction(0, decimals);
    return all.ok();
  }
  if (in.number(1) != 0)
    out.add('-');
  auto days = in.number(4);
  add_clock(out, days * 24 + in.number(1), in);
  out.add_fraction(in.at_end() ? 0 : in.number(4), decimals);
  return in.ok();
}

/// Adds one value that is not NULL.
bool add_value(result_builder& out, const binary_format& column, packet_reader& in) {
  cell_text cell;
  auto good = true;
  switch (column.type) {
  case MYSQL_TYPE_TINY:
    add_integer<1, int8_t>(cell, in, column.is_unsigned);
    break;
  case MYSQL_TYPE_SHORT:
  case MYSQL_TYPE_YEAR:
    add_integer<2, int16_t>(cell, in, column.is_unsigned);
    break;
  case MYSQL_TYPE_INT24:
  case MYSQL_TYPE_LONG:
    add_integer<4, int32_t>(cell, in, column.is_unsigned);
    break;
  case MYSQL_TYPE_LONGLONG:
    add_integer<8, int64_t>(cell, in, column.is_unsigned);
    break;
  case MYSQL_TYPE_FLOAT:
    good = add_real(cell, std::bit_cast<float>(static_cast<uint32_t>(in.number(4))), column.decimals);
    break;
  case MYSQL_TYPE_DOUBLE:
    good = add_real(cell, std::bit_cast<double>(in.number(8)), column.decimals);
    break;
  case MYSQL_TYPE_DATE:
  case MYSQL_TYPE_NEWDATE:
    good = add_date(cell, in, false, 0);
    break;
  case MYSQL_TYPE_DATETIME:
  case MYSQL_TYPE_TIMESTAMP:
    good = add_date(cell, in, true, column.decimals);
    break;
  case MYSQL_TYPE_TIME:
    good = add_time(cell, in, column.decimals);
    break;
  case MYSQL_TYPE_NULL:
    return false;
  default: // As in the text protocol.
    auto text = in.text();
    if (in.ok())
      out.add(text);
    return in.ok();
  }
  if (!good || !in.ok())
    return false;
  cell.pad(column.padded_width);
  out.add(cell.view());
  return true;
}

} // namespace

bool add_binary_row(result_builder& out, std::span<const binary_format> columns, std::string_view packet) {
  packet_reader in{packet};
  if (in.number(1) != 0 || !in.ok())
    return false;
  constexpr size_t first_bit = 2;
  auto nulls = in.bytes((columns.size() + first_bit + 7) / 8);
  if (!in.ok())
    return false;
  for (size_t i = 0; i < columns.size(); ++i) {
    auto bit = i + first_bit;
    if (((static_cast<unsigned char>(nulls[bit / 8]) >> (bit % 8)) & 1) != 0)
      out.add_null();
    else if (!add_value(out, columns[i], in))
      return false;
  }
  return in.at_end();
}

} // namespace cenote::db

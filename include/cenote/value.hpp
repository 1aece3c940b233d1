#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace cenote {

/// SQL NULL.
struct null {
  auto operator<=>(const null&) const = default;
};

/// A string without a character set: BINARY, BLOB, BIT, GEOMETRY.
struct bytes {
  std::string data; ///< As the server sent them; any byte, NUL as well.
  auto operator<=>(const bytes&) const = default;
};

/// An exact decimal number as the server writes it, up to 65 digits: `-12.340`.
struct decimal {
  std::string digits; ///< Sign, digits, and at most one decimal point.
  auto operator<=>(const decimal&) const = default;
};

/// A calendar date. All zero is the server's "zero date"; month or day may be zero as well.
struct date {
  uint16_t year = 0; ///< 0 to 9999.
  uint8_t month = 0; ///< 1 to 12, or zero.
  uint8_t day = 0;   ///< 1 to 31, or zero.
  auto operator<=>(const date&) const = default;
};

/// A date with a time of day, without a time zone: what DATETIME and TIMESTAMP columns show in the session's zone.
struct datetime {
  uint16_t year = 0;        ///< 0 to 9999.
  uint8_t month = 0;        ///< 1 to 12, or zero.
  uint8_t day = 0;          ///< 1 to 31, or zero.
  uint8_t hour = 0;         ///< 0 to 23.
  uint8_t minute = 0;       ///< 0 to 59.
  uint8_t second = 0;       ///< 0 to 59.
  uint32_t microsecond = 0; ///< 0 to 999999.
  auto operator<=>(const datetime&) const = default;
};

/// A TIME: a signed span of up to 838 hours, 59 minutes and 59.999999 seconds.
struct time {
  bool negative = false;    ///< Whether the span is below zero.
  uint16_t hours = 0;       ///< 0 to 838.
  uint8_t minute = 0;       ///< 0 to 59.
  uint8_t second = 0;       ///< 0 to 59.
  uint32_t microsecond = 0; ///< 0 to 999999.
  auto operator<=>(const time&) const = default;
};

/// One value of a row or a parameter. Text is UTF-8.
using value = std::variant<null, int64_t, uint64_t, double, std::string, bytes, decimal, date, datetime, time>;

/// @name Text form
/// @{

/// As the server writes it: `2024-01-31`, `2024-01-31 12:00:00.000001`, `-838:59:59`. Microseconds are shown only if
/// they are not zero.
std::string to_string(const date& x);
std::string to_string(const datetime& x);
std::string to_string(const time& x);
/// @}

/// @name Parsing
/// @{

/// Reads the server's text form; nothing if the text is not of that form.
std::optional<date> parse_date(std::string_view text);
std::optional<datetime> parse_datetime(std::string_view text);
std::optional<time> parse_time(std::string_view text);
/// @}

namespace detail {

template <class T>
inline constexpr bool is_optional = false;

template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class>
inline constexpr bool always_false = false;

/// Characters that are integers for the language, but no numbers and no UTF-8 text in `char` either.
template <class T>
inline constexpr bool is_wide_character =
    std::is_same_v<T,
                   wchar_t> || std::is_same_v<T, char8_t> || std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

/// The integer type of an enum that is stored as a number, also if the enum itself is made of characters.
template <class T>
struct integer_of {
  using type = typename std::conditional_t<std::is_signed_v<T>, std::make_signed<T>, std::make_unsigned<T>>::type;
};

template <>
struct integer_of<bool> {
  using type = bool;
};

template <class Enum>
using enum_integer = typename integer_of<std::underlying_type_t<Enum>>::type;

} // namespace detail

/// Turns a caller's parameter into a `value`: integers (`int8_t` and `uint8_t` are two of them),
/// floating-point numbers (a `long double` is rounded to a `double`), `bool` (1 or 0), `char` (a text of one byte),
/// anything that converts to `std::string_view`, `std::nullopt` and `std::optional` (NULL if empty), and the types
/// above. A null pointer to characters is NULL.
template <class T>
value to_value(T&& input) {
  using type = std::remove_cvref_t<T>;
  static_assert(!detail::is_wide_character<type>,
                "text is UTF-8 in char: convert wide characters, or cast to a number");
  if constexpr (std::is_same_v<type, value>) {
    return std::forward<T>(input);
  } else if constexpr (std::is_same_v<type, std::nullopt_t> || std::is_same_v<type, std::nullptr_t>) {
    return null{};
  } else if constexpr (detail::is_optional<type>) {
    return input ? to_value(*std::forward<T>(input)) : value{null{}};
  } else if constexpr (std::is_same_v<type, char>) {
    return std::string(1, input);
  } else if constexpr (std::is_integral_v<type>) {
    static_assert(sizeof(type) <= sizeof(int64_t), "the server's integers have 64 bits at most");
    if constexpr (std::is_signed_v<type> || std::is_same_v<type, bool>)
      return static_cast<int64_t>(input);
    else
      return static_cast<uint64_t>(input);
  } else if constexpr (std::is_floating_point_v<type>) {
    return static_cast<double>(input);
  } else if constexpr (std::is_same_v<type, std::string>) {
    return std::string{std::forward<T>(input)};
  } else if constexpr (std::is_pointer_v<type> && std::is_convertible_v<T, std::string_view>) {
    return input != nullptr ? value{std::string{input}} : value{null{}};
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    return std::string{std::string_view{input}};
  } else if constexpr (std::is_constructible_v<value, T>) {
    return value{std::forward<T>(input)};
  } else {
    static_assert(detail::always_false<T>, "this type cannot be a parameter: see cenote::value");
  }
}

template <class Inspector>
bool inspect(Inspector& f, null& x) {
  return f.object(x).fields();
}

template <class Inspector>
bool inspect(Inspector& f, bytes& x) {
  return f.object(x).fields(f.field("data", x.data));
}

template <class Inspector>
bool inspect(Inspector& f, decimal& x) {
  return f.object(x).fields(f.field("digits", x.digits));
}

template <class Inspector>
bool inspect(Inspector& f, date& x) {
  return f.object(x).fields(f.field("year", x.year), f.field("month", x.month), f.field("day", x.day));
}

template <class Inspector>
bool inspect(Inspector& f, datetime& x) {
  return f.object(x).fields(f.field("year", x.year), f.field("month", x.month), f.field("day", x.day),
                            f.field("hour", x.hour), f.field("minute", x.minute), f.field("second", x.second),
                            f.field("microsecond", x.microsecond));
}

template <class Inspector>
bool inspect(Inspector& f, time& x) {
  return f.object(x).fields(f.field("negative", x.negative), f.field("hours", x.hours), f.field("minute", x.minute),
                            f.field("second", x.second), f.field("microsecond", x.microsecond));
}

} // namespace cenote

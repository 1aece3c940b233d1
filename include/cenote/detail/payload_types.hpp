#pragma once

#include "cenote/value.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <caf/byte.hpp>

namespace cenote::detail {

/// Types that are written as something else than their inspect overload says.
template <class T>
inline constexpr bool is_duration = false;

template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <class T>
inline constexpr bool is_system_time = false;

template <class Duration>
inline constexpr bool is_system_time<std::chrono::time_point<std::chrono::system_clock, Duration>> = true;

/// An array of bytes, which becomes a text.
template <class T>
inline constexpr bool is_byte_array = false;

template <class T>
requires(std::is_same_v<typename T::value_type, std::byte> || std::is_same_v<typename T::value_type, caf::byte>)
    && requires(T& x) {
  x.data(), x.resize(1);
}
inline constexpr bool is_byte_array<T> = true;

/// A map that becomes an object: its keys are different texts.
template <class T>
inline constexpr bool is_text_map = false;

template <class T>
requires std::is_same_v<typename T::key_type, std::string> && requires(T& x) {
  x.emplace(std::declval<typename T::key_type>(), std::declval<typename T::mapped_type>()).second;
}
inline constexpr bool is_text_map<T> = true;

/// Writes or reads the elements of a tuple.
template <class Inspector, class Tuple>
bool elements_of(Inspector& f, Tuple& xs) {
  auto each = [&f](auto&... x) { return (f.element(x) && ...); };
  return f.begin_tuple(std::tuple_size_v<Tuple>) && std::apply(each, xs) && f.end_tuple();
}

/// The same for an array.
template <class Inspector, class T, size_t N>
bool elements_of(Inspector& f, T (&xs)[N]) {
  if (!f.begin_tuple(N))
    return false;
  for (auto& x : xs)
    if (!f.element(x))
      return false;
  return f.end_tuple();
}

} // namespace cenote::detail
